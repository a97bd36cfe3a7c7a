"""A generated language: unlimited text, and labelled tasks whose best score is known.

Documents and examples are pure functions of their index: the same in every process, for every
seed of a study, in any order. The topical nouns and the adjectives of a test split never occur
in its train split, so labels carry over only through classes that a model has learned from
text: words counted, or random weights, stay at chance however many labels they see.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from mae_bench.data.world_grammar import NUM_TOPICS, SINGULAR, Dice, Speaker
from mae_bench.errors import DataError, UnknownNameError, near_match
from mae_bench.seeding import seed_for

WORLD_VERSION = 1
SPLIT_SIZES = {"train": 2400, "test": 1000}
_HALVES = {"train": 0, "test": 1}
_PAIR = ("text_a", "text_b")


class WorldTask(NamedTuple):
    """What a task of the world is.

    Attributes:
        kind: a name in `KINDS`.
        num_labels: 0 for a regression.
        best: the best reachable value of the metric.
        metric: the primary metric.
        text_fields: the fields of an example that hold its texts.
    """

    kind: str
    num_labels: int
    best: float
    metric: str
    text_fields: tuple[str, ...] = ("text",)


# Labels are functions of an example's own words, without noise, so the best score is 1.0; a
# test derives every label again from the text alone.
WORLD_TASKS: dict[str, WorldTask] = {
    # The topic of four of the six nouns; the two others are of other topics.
    "topic": WorldTask("classify", NUM_TOPICS, 1.0, "accuracy"),
    # What most of five opinions mean. The best reader that knows every word's class, but not
    # its position, reaches 0.89: a quarter of the opinions are negated, and it must guess which.
    "sentiment": WorldTask("classify", 2, 1.0, "accuracy"),
    # 1 where the hypothesis holds the premise's opinion of the same thing, in other words and
    # by the thing's classifier; 0 where it holds the opposite one.
    "entailment": WorldTask("pair", 2, 1.0, "accuracy", _PAIR),
    # How many of the second text's five topical nouns share the topic of the first text's.
    # The label takes six values, all of which the words determine.
    "similarity": WorldTask("regress", 0, 1.0, "spearman", _PAIR),
}

Texts = tuple[str, ...]


def world_documents(start: int, count: int) -> list[str]:
    """Return documents ``start`` to ``start + count - 1``, each a pure function of its index."""
    if start < 0 or count < 0:
        raise DataError(
            f"the world's documents are numbered from 0; got start {start} and count {count}; "
            "give numbers of at least 0"
        )
    key = seed_for("world", split="pretrain", part="documents")
    return [_document(Speaker(Dice(key, index))) for index in range(start, start + count)]


def world_task(name: str, split: str) -> list[dict[str, Any]]:
    """Return the examples of a task: ``id``, ``text`` (or ``text_a``, ``text_b``), ``label``."""
    if name not in WORLD_TASKS:
        raise UnknownNameError(
            f"the world has no task '{name}'.{near_match(name, WORLD_TASKS)} "
            f"Tasks: {', '.join(WORLD_TASKS)}"
        )
    if split not in SPLIT_SIZES:
        raise DataError(f"a world task has the splits {', '.join(SPLIT_SIZES)}; got '{split}'")
    return [_example(name, split, index) for index in range(SPLIT_SIZES[split])]


def _document(speaker: Speaker) -> str:
    dice, words = speaker.dice, speaker.words
    topic, mood = dice.below(NUM_TOPICS), dice.below(2)
    names = (dice.pick(words.names), dice.pick(words.names))
    num_words, enough = 0, 110 + dice.below(110)
    sentences = []
    while num_words < enough:
        sentences.append(_sentence(speaker, topic, mood, names))
        num_words += len(sentences[-1])
    return _text(sentences)


def _sentence(speaker: Speaker, topic: int, mood: int, names: Texts) -> list[str]:
    """Return a sentence of a document: two opinions on a thing, or an act."""
    dice, words, number = speaker.dice, speaker.words, speaker.number()
    if dice.is_hit(0.1):
        number, subject = SINGULAR, [dice.pick(names)]
    else:
        subject = _topical(speaker, topic, number)
    if dice.is_hit(0.5):
        pair = [speaker.opinion(mood, 0.1, 0.95) for _ in range(2)]
        return [*subject, words.copulas[number], *speaker.opinions(pair)]
    preposition = [dice.pick(words.prepositions)] if dice.is_hit(0.2) else []
    return [
        *subject, *speaker.act(number), *preposition, *_topical(speaker, topic, speaker.number())
    ]  # fmt: skip


def _topical(speaker: Speaker, topic: int, number: int) -> list[str]:
    """Return a thing of the document's topic, mostly with its classifier."""
    if speaker.dice.is_hit(0.05):
        return speaker.thing(speaker.noun(None), number)
    is_classified = speaker.dice.is_hit(0.95)
    classifier = speaker.words.classifiers[topic] if is_classified else None
    return speaker.thing(speaker.noun(topic), number, classifier)


def _acts(speaker: Speaker, topics: list[int | None]) -> str:
    """Return a text of acts, two nouns each, of the given topics."""
    sentences = []
    for subject, other in zip(topics[::2], topics[1::2], strict=True):
        number = speaker.number()
        sentences.append(
            [
                *speaker.thing(speaker.noun(subject), number),
                *speaker.act(number),
                *speaker.thing(speaker.noun(other), speaker.number()),
            ]
        )
    return _text(sentences)


def _opinions(speaker: Speaker, moods: list[int]) -> list[str]:
    """Return a sentence that holds one opinion a mood on a thing of no topic."""
    number = speaker.number()
    phrases = [speaker.opinion(mood, 0.25) for mood in moods]
    subject = speaker.thing(speaker.noun(None), number)
    return [*subject, speaker.words.copulas[number], *speaker.opinions(phrases)]


def _topic(speaker: Speaker, index: int) -> tuple[Texts, int]:
    label = index % NUM_TOPICS
    topics: list[int | None] = [label] * 4
    topics += [_another_topic(speaker, label) for _ in range(2)]
    return (_acts(speaker, speaker.dice.shuffled(topics)),), label


def _sentiment(speaker: Speaker, index: int) -> tuple[Texts, int]:
    label = index % 2
    num_against = speaker.dice.below(2)
    moods = speaker.dice.shuffled([1 - label] * num_against + [label] * (5 - num_against))
    parts = (moods[:2], moods[2:4], moods[4:])
    return (_text([_opinions(speaker, part) for part in parts]),), label


def _entailment(speaker: Speaker, index: int) -> tuple[Texts, int]:
    """Return a pair in which the hypothesis names the thing by the classifier of its topic."""
    words, label = speaker.words, index % 2
    topic, mood, number = speaker.dice.below(NUM_TOPICS), speaker.dice.below(2), speaker.number()
    copula = words.copulas[number]
    held = [speaker.opinion(mood, 0.2) for _ in range(2)]
    claimed = [speaker.opinion(mood if label else 1 - mood, 0.2) for _ in range(2)]
    premise = [*speaker.thing(speaker.noun(topic), number), copula, *speaker.opinions(held)]
    named = speaker.thing(words.classifiers[topic], number)
    return (_text([premise]), _text([[*named, copula, *speaker.opinions(claimed)]])), label


def _similarity(speaker: Speaker, index: int) -> tuple[Texts, float]:
    num_shared = index % 6
    topic = speaker.dice.below(NUM_TOPICS)
    other = _another_topic(speaker, topic)
    first: list[int | None] = [topic] * 5 + [None]
    second: list[int | None] = [topic] * num_shared + [other] * (5 - num_shared) + [None]
    texts = tuple(_acts(speaker, speaker.dice.shuffled(topics)) for topics in (first, second))
    return texts, float(num_shared)


def _another_topic(speaker: Speaker, topic: int) -> int:
    return (topic + 1 + speaker.dice.below(NUM_TOPICS - 1)) % NUM_TOPICS


_MAKERS: dict[str, Callable[[Speaker, int], tuple[Texts, int | float]]] = {
    "topic": _topic,
    "sentiment": _sentiment,
    "entailment": _entailment,
    "similarity": _similarity,
}


def _example(name: str, split: str, index: int) -> dict[str, object]:
    key = seed_for("world", split=split, part=name)
    texts, label = _MAKERS[name](Speaker(Dice(key, index), _HALVES[split]), index)
    fields = ("text",) if len(texts) == 1 else ("text_a", "text_b")
    return {"id": f"{split}-{index}", **dict(zip(fields, texts, strict=True)), "label": label}


def _text(sentences: list[list[str]]) -> str:
    return " ".join(" ".join(sentence) + "." for sentence in sentences)
