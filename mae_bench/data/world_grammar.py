"""The words of the generated language, and how they make sentences.

Every content word belongs to a latent class that its spelling does not show: a noun to one
*kind* (two kinds a topic), a verb to one topic, an adjective to one polarity. Classes
show in company only: a document keeps one topic and one mood, and a cue word stands
before adjectives of its own polarity. So a model of the text learns the classes,
and few labelled examples cannot.

Order: determiner noun [plural] verb [plural] determiner noun. Plural nouns take the plural
determiner and the suffix word; the verb agrees by its own suffix word, the copula by its form.
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from mae_bench.seeding import seed_for

_T = TypeVar("_T")

NUM_TOPICS = 8
KINDS_PER_TOPIC = 2
_SYLLABLES = tuple(c + v for c in "bdfgklmnprstvz" for v in "aeiou")


@dataclass(frozen=True)
class Lexicon:
    """All words by latent class; disjoint, and each effectively one token.

    Attributes:
        nouns: words of each kind; kind k belongs to topic ``k // KINDS_PER_TOPIC``.
        hypernyms: one word a kind, which names it.
        verbs: words of each topic.
        adjectives: words of negative (0) and positive (1) polarity.
        cues: words said before an adjective of negative (0) or positive (1) polarity.
        plain_nouns: nouns of no topic.
        plain_verbs: verbs of no topic.
        names: of entities, capitalised.
        determiners: singular (0) and plural (1).
        copulas: singular (0) and plural (1).
        is_a: copulas of definitions, singular (0) and plural (1).
        prepositions: of no topic.
    """

    nouns: tuple[tuple[str, ...], ...]
    hypernyms: tuple[str, ...]
    verbs: tuple[tuple[str, ...], ...]
    adjectives: tuple[tuple[str, ...], tuple[str, ...]]
    cues: tuple[tuple[str, ...], tuple[str, ...]]
    plain_nouns: tuple[str, ...]
    plain_verbs: tuple[str, ...]
    names: tuple[str, ...]
    determiners: tuple[tuple[str, ...], tuple[str, ...]]
    copulas: tuple[str, str]
    is_a: tuple[str, str]
    prepositions: tuple[str, ...]
    negation: str
    conjunction: str
    noun_plural: str
    verb_plural: str


@cache
def lexicon() -> Lexicon:
    """Return the words, the same in every process and for every seed of a study."""
    rng = np.random.default_rng(seed_for("world", split="all", part="lexicon"))
    pairs = rng.permutation(len(_SYLLABLES) ** 2).tolist()
    long = iter([_SYLLABLES[i // 70] + _SYLLABLES[i % 70] for i in pairs])
    short = iter([_SYLLABLES[i] for i in rng.permutation(len(_SYLLABLES))])

    def take(count: int) -> tuple[str, ...]:
        return tuple(next(long) for _ in range(count))

    def brief(count: int) -> tuple[str, ...]:
        return tuple(next(short) for _ in range(count))

    def two() -> tuple[str, str]:
        return next(short), next(short)

    return Lexicon(
        nouns=tuple(take(24) for _ in range(NUM_TOPICS * KINDS_PER_TOPIC)),
        hypernyms=take(NUM_TOPICS * KINDS_PER_TOPIC),
        verbs=tuple(take(20) for _ in range(NUM_TOPICS)),
        adjectives=(take(110), take(110)),
        cues=(brief(2), brief(2)),
        plain_nouns=take(48),
        plain_verbs=take(24),
        names=tuple(word.capitalize() for word in take(32)),
        determiners=(brief(2), brief(2)),
        copulas=two(),
        is_a=two(),
        prepositions=brief(4),
        negation=next(short),
        conjunction=next(short),
        noun_plural=next(short),
        verb_plural=next(short),
    )


class Dice:
    """A row of uniforms drawn at once, and taken one by one.

    One call of numpy a document: calling it once a word would cost more than all the rest.
    """

    def __init__(self, key: int, index: int, attempt: int = 0) -> None:
        self._rng = np.random.default_rng([key, index, attempt])
        self._drawn = iter(self._rng.random(512).tolist())

    def uniform(self) -> float:
        """Return the next uniform in [0, 1)."""
        for value in self._drawn:
            return float(value)
        self._drawn = iter(self._rng.random(512).tolist())
        return self.uniform()

    def pick(self, options: tuple[_T, ...]) -> _T:
        """Return one of the options, each equally likely."""
        return options[int(self.uniform() * len(options))]

    def below(self, bound: int) -> int:
        """Return an integer in 0..bound-1."""
        return int(self.uniform() * bound)

    def is_hit(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.uniform() < probability


class Speaker:
    """Says phrases and sentences as lists of words, drawing from its dice."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.words = lexicon()

    def noun(self, topic: int | None) -> str:
        """Return a noun of a topic, or of none."""
        if topic is None:
            return self.dice.pick(self.words.plain_nouns)
        kind = topic * KINDS_PER_TOPIC + self.dice.below(KINDS_PER_TOPIC)
        return self.dice.pick(self.words.nouns[kind])

    def verb(self, topic: int | None) -> str:
        """Return a verb of a topic, or of none."""
        return self.dice.pick(self.words.plain_verbs if topic is None else self.words.verbs[topic])

    def thing(self, noun: str, number: int) -> list[str]:
        """Return a noun phrase: determiner noun [plural]."""
        phrase = [self.dice.pick(self.words.determiners[number]), noun]
        if number:
            phrase.append(self.words.noun_plural)
        return phrase

    def act(self, verb: str, number: int) -> list[str]:
        """Return a verb with its agreement."""
        return [verb, self.words.verb_plural] if number else [verb]

    def opinion(self, mood: int, negation_rate: float, cue_rate: float) -> list[str]:
        """Return ``[negation] [cue] adjective`` whose meaning has the polarity ``mood``."""
        is_negated = self.dice.is_hit(negation_rate)
        polarity = 1 - mood if is_negated else mood
        phrase = [self.words.negation] if is_negated else []
        if self.dice.is_hit(cue_rate):
            phrase.append(self.dice.pick(self.words.cues[polarity]))
        phrase.append(self.dice.pick(self.words.adjectives[polarity]))
        return phrase

    def number(self) -> int:
        """Return 0 for singular, 1 for plural."""
        return int(self.dice.is_hit(0.3))
