"""Prompts with a gap for tasks of classes, written once and never chosen on labels.

A packaged prompt that changes raises the version of `zero_shot`; a new one moves no number.
"""

from collections.abc import Mapping

from mae_bench.errors import SpecError
from mae_bench.specs import Cloze
from mae_bench.tasks.base import Task

_IT_WAS = "{text} It was {mask}."
_SENTIMENT = Cloze(prompt=_IT_WAS, words={"negative": "terrible", "positive": "great"})
CLOZES: Mapping[str, Cloze] = {  # LM-BFF's manual prompts (Gao et al. 2021, arXiv:2012.15723)
    "sst2": _SENTIMENT,
    "rotten_tomatoes": _SENTIMENT,
    "customer_reviews": _SENTIMENT,
    "imdb": Cloze(prompt=_IT_WAS, words={"neg": "terrible", "pos": "great"}),
    "subj": Cloze(
        prompt="{text} This is {mask}.",
        words={"objective": "objective", "subjective": "subjective"},
    ),
    "trec": Cloze(
        prompt="{mask}: {text}",
        words={
            "ABBR": "Expression",
            "ENTY": "Entity",
            "DESC": "Description",
            "HUM": "Human",
            "LOC": "Location",
            "NUM": "Number",
        },
    ),
    "ag_news": Cloze(  # PET's
        prompt="{mask} News: {text}",
        words={
            "World": "World",
            "Sports": "Sports",
            "Business": "Business",
            "Sci/Tech": "Tech",
        },
    ),
}


def cloze_of(task: Task, given: Mapping[str, Cloze]) -> Cloze:
    """Return the prompt of a task: the given one, else the packaged one.

    Raises:
        SpecError: there is none, or its words are not of exactly the task's labels.
    """
    cloze = given.get(task.name) or CLOZES.get(task.name)
    if cloze is None:
        raise SpecError(
            f"protocol 'zero_shot' needs a prompt with a gap for task '{task.name}', and none is "
            "packaged; write recipes.zero_shot.clozes: {" + task.name + ": {prompt: '{text} It was "
            "{mask}.', words: {label: word}}}",
            task.name,
        )
    if set(cloze.words) != set(task.label_names):
        raise SpecError(
            f"the prompt of task '{task.name}' must give words for its labels "
            f"{', '.join(task.label_names)}, got {', '.join(cloze.words)}",
            task.name,
        )
    is_pair = len(task.text_fields) == 2
    if ("{text_b}" in cloze.prompt) != is_pair:
        raise SpecError(
            f"the prompt of task '{task.name}' must hold {{text_b}} exactly where a task has two "
            f"texts, and this one has {len(task.text_fields)}; got '{cloze.prompt}'",
            task.name,
        )
    return cloze
