"""A generated language: unlimited text, and labelled tasks whose best score is known.

Documents and examples are pure functions of their index: the same in every process, for every
seed, in any order. Every label is a function of the example's own words and carries no noise,
so a perfect reader scores 1.0 (`WORLD_TASKS`).
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from mae_bench.data.world_grammar import KINDS_PER_TOPIC, NUM_TOPICS, Dice, Speaker
from mae_bench.errors import DataError, UnknownNameError, near_match
from mae_bench.seeding import seed_for

WORLD_VERSION = 1
TRAIN_SIZE = 2400
TEST_SIZE = 1000


class WorldTask(NamedTuple):
    """What a task of the world is.

    Attributes:
        kind: classify, pair or regress.
        num_labels: 0 for a regression.
        best: the best reachable value of the metric.
        metric: the primary metric.
    """

    kind: str
    num_labels: int
    best: float
    metric: str


WORLD_TASKS: dict[str, WorldTask] = {
    # The label is the topic of most topical words of the text: always a strict majority.
    "topic": WorldTask("classify", NUM_TOPICS, 1.0, "accuracy"),
    # Three or five opinions, each adjective's polarity turned by a negation before it; an odd
    # number has no tie.
    "sentiment": WorldTask("classify", 2, 1.0, "accuracy"),
    # The hypothesis names the kind of the premise's noun, or another kind: each noun has one.
    "entailment": WorldTask("pair", 2, 1.0, "accuracy"),
    # The score counts shared topics of the two texts' nouns, which the words determine.
    "similarity": WorldTask("regress", 0, 1.0, "spearman"),
}


def world_documents(start: int, count: int) -> list[str]:
    """Return documents ``start`` to ``start + count - 1``, each a pure function of its index."""
    if start < 0 or count < 0:
        raise DataError(
            f"the world has documents 0, 1, 2, …; got start {start}, count {count}; "
            "give non-negative numbers"
        )
    key = seed_for("world", split="pretrain", part="documents")
    return [_document(Dice(key, index)) for index in range(start, start + count)]


def world_task(name: str, split: str) -> list[dict[str, Any]]:
    """Return the examples of a task: ``id``, ``text`` or ``text_a`` and ``text_b``, ``label``."""
    if name not in WORLD_TASKS:
        raise UnknownNameError(
            f"the world has no task '{name}';{near_match(name, WORLD_TASKS)} "
            f"allowed: {', '.join(WORLD_TASKS)}"
        )
    if split not in ("train", "test"):
        raise DataError(f"a world task has the splits train and test, got '{split}'")
    size = TRAIN_SIZE if split == "train" else TEST_SIZE
    return [_example(name, split, index) for index in range(size)]


def _document(dice: Dice) -> str:
    speaker = Speaker(dice)
    words = speaker.words
    topic, mood = dice.below(NUM_TOPICS), dice.below(2)
    names = (dice.pick(words.names), dice.pick(words.names))
    num_words, length = 0, 120 + dice.below(110)
    sentences = []
    while num_words < length:
        sentence = _sentence(speaker, topic, mood, names)
        num_words += len(sentence)
        sentences.append(" ".join(sentence) + ".")
    return " ".join(sentences)


def _sentence(speaker: Speaker, topic: int, mood: int, names: tuple[str, ...]) -> list[str]:
    dice, words = speaker.dice, speaker.words
    kind = topic * KINDS_PER_TOPIC + dice.below(KINDS_PER_TOPIC)
    number = speaker.number()
    what = dice.uniform()
    if what < 0.08:
        defined = speaker.thing(dice.pick(words.nouns[kind]), number)
        return [*defined, words.is_a[number], words.hypernyms[kind]]
    if dice.is_hit(0.2):
        number, subject = 0, [dice.pick(names)]
    else:
        subject = speaker.thing(speaker.noun(topic if dice.is_hit(0.8) else None), number)
    if what < 0.5:
        first = speaker.opinion(mood, 0.25, 0.5)
        second = speaker.opinion(mood, 0.25, 0.5)
        return [*subject, words.copulas[number], *first, words.conjunction, *second]
    verb = speaker.act(speaker.verb(topic if dice.is_hit(0.8) else None), number)
    other = speaker.thing(speaker.noun(topic if dice.is_hit(0.8) else None), speaker.number())
    if what < 0.6:
        other.insert(0, dice.pick(words.prepositions))
    return [*subject, *verb, *other]


def _shuffled(dice: Dice, items: list[Any]) -> list[Any]:
    return [item for _, item in sorted(((dice.uniform(), i), item) for i, item in enumerate(items))]


def _join(sentences: list[list[str]]) -> str:
    return " ".join(" ".join(sentence) + "." for sentence in sentences)


def _plain_sentence(
    speaker: Speaker, noun: str | None, verb: str | None, other: str | None
) -> list[str]:
    """Return subject verb object, of plain words where none is given."""
    number = speaker.number()
    return [
        *speaker.thing(noun or speaker.noun(None), number),
        *speaker.act(verb or speaker.verb(None), number),
        *speaker.thing(other or speaker.noun(None), speaker.number()),
    ]


def _opinion_sentence(speaker: Speaker, mood: int, topic: int | None) -> list[str]:
    number = speaker.number()
    subject = speaker.thing(speaker.noun(topic), number)
    return [*subject, speaker.words.copulas[number], *speaker.opinion(mood, 0.3, 0.0)]


def _topic(speaker: Speaker, index: int) -> tuple[tuple[str, ...], int]:
    dice, label = speaker.dice, index % NUM_TOPICS
    other = (label + 1 + dice.below(NUM_TOPICS - 1)) % NUM_TOPICS
    topics = _shuffled(dice, [label, label, label, other])
    sentences = []
    for topic in topics:
        if dice.is_hit(0.6):
            noun = speaker.noun(topic)
            is_subject = dice.is_hit(0.5)
            sentences.append(
                _plain_sentence(
                    speaker, noun if is_subject else None, None, None if is_subject else noun
                )
            )
        else:
            sentences.append(_plain_sentence(speaker, None, speaker.verb(topic), None))
    return (_join(sentences),), label


def _sentiment(speaker: Speaker, index: int) -> tuple[tuple[str, ...], int]:
    dice, label = speaker.dice, index % 2
    is_agreeing = dice.pick(((True, True, True), (True, True, False)))
    moods = _shuffled(dice, [label if agrees else 1 - label for agrees in is_agreeing])
    return (_join([_opinion_sentence(speaker, mood, None) for mood in moods]),), label


def _entailment(speaker: Speaker, index: int) -> tuple[tuple[str, ...], int]:
    dice, words, label = speaker.dice, speaker.words, index % 2
    kind = dice.below(len(words.nouns))
    named = kind if label else (kind + 1 + dice.below(len(words.nouns) - 1)) % len(words.nouns)
    number, name = speaker.number(), dice.pick(words.names)
    verb = speaker.verb(None)
    premise = [name, verb, *speaker.thing(dice.pick(words.nouns[kind]), number)]
    more = _plain_sentence(speaker, None, None, None)
    hypothesis = [name, verb, *speaker.thing(words.hypernyms[named], number)]
    return (_join(_shuffled(dice, [premise, more])), _join([hypothesis])), label


def _similarity(speaker: Speaker, index: int) -> tuple[tuple[str, ...], float]:
    dice, shared = speaker.dice, index % 6
    order = _shuffled(dice, list(range(NUM_TOPICS)))
    first, second = order[0], order[1]
    left = [first] * 5
    right = _shuffled(dice, [first] * shared + [second] * (5 - shared))
    texts = []
    for topics in (left, right):
        nouns = [speaker.noun(topic) for topic in topics]
        texts.append(_join([_plain_sentence(speaker, n, None, None) for n in nouns]))
    return tuple(texts), float(shared)


_MAKERS: dict[str, Callable[[Speaker, int], tuple[tuple[str, ...], int | float]]] = {
    "topic": _topic,
    "sentiment": _sentiment,
    "entailment": _entailment,
    "similarity": _similarity,
}


def _is_test_text(text: str) -> bool:
    return bool(hashlib.blake2b(text.encode(), digest_size=1).digest()[0] & 1)


def _example(name: str, split: str, index: int) -> dict[str, Any]:
    """Return one example; a draw whose texts hash to the other split is drawn again.

    So no text stands in both splits, without either split knowing the other.
    """
    key = seed_for("world", split=split, part=name)
    attempt = 0
    while True:
        texts, label = _MAKERS[name](Speaker(Dice(key, index, attempt)), index)
        if all(_is_test_text(text) == (split == "test") for text in texts):
            break
        attempt += 1
    fields = ("text",) if len(texts) == 1 else ("text_a", "text_b")
    return {"id": f"{split}-{index}", **dict(zip(fields, texts, strict=True)), "label": label}
