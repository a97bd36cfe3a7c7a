"""Language modelling on the held-out text of any registered corpus: the task ``text/CORPUS``."""

from mae_bench.data.corpus import CORPORA
from mae_bench.data.held_out import HeldOutText
from mae_bench.errors import UnknownNameError
from mae_bench.tasks.base import Task

PREFIX = "text/"
KIND = "language_model"


def is_corpus_task(name: str) -> bool:
    """Whether a name is that of a corpus' held-out text."""
    return name.startswith(PREFIX)


def corpus_task(name: str) -> Task:
    """Return the task of a name that begins with ``text/``.

    Raises:
        UnknownNameError: no corpus has the rest of the name.
    """
    try:
        corpus = CORPORA.get(name.removeprefix(PREFIX))
    except UnknownNameError as error:
        raise UnknownNameError(f"task '{name}': {error}", name) from None
    return Task(
        name=name,
        kind=KIND,
        text_fields=(corpus.text_field,),
        label_field="",
        label_names=(),
        metrics=("pseudo_bits_per_character",),
        source=HeldOutText(corpus.name),
        licence=corpus.licence,
        note="the documents that a study on this corpus alone sets apart for validation",
        language=corpus.language,
        is_test_only=True,
    )


def corpus_tasks() -> list[Task]:
    """Return the task of every registered corpus."""
    return [corpus_task(f"{PREFIX}{name}") for name in CORPORA.names()]
