"""The words of the generated language, and how they make phrases.

Content words belong to latent classes that their spelling does not show: a noun to one topic,
an adjective to one polarity. Classes show in company only: a document keeps one topic and one
mood, a *classifier* of the topic stands before a noun, and a *cue* of the mood before an
opinion. The tasks leave classifiers and cues out, so their labels are within reach of a model
that has learned the classes from text, and of no other.

A noun phrase is ``[determiner] [classifier] noun [plural]``; the determiner agrees in number,
the plural has a suffix word. The verb agrees with its subject by its own suffix word, and the
copula by its form. An opinion is ``[cue] [negation] adjective``; a negation turns the
polarity of its adjective, and the cue agrees with what the opinion means.
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from mae_bench.seeding import seed_for

T = TypeVar("T")
NUM_TOPICS = 8
NEGATIVE, POSITIVE = 0, 1
SINGULAR, PLURAL = 0, 1
_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")


@dataclass(frozen=True)
class Lexicon:
    """All words by latent class; disjoint, and short, so that each becomes one token.

    Under 400 words in all, and at most eight classes of a kind: in 250 steps of 2,048 tokens
    with 15% masked a class is learned only if each of its words is predicted some fifty times,
    and if its sign is pure within a document (measured; with 900 words, or with cues that agree
    with the adjective instead of the meaning, masked language models stay at chance).

    Attributes:
        nouns: words of each topic.
        classifiers: one word a topic, before its nouns; alone it names any thing of the topic.
        adjectives: words of negative and of positive polarity.
        cues: one word a mood, before its opinions.
        plain_nouns: nouns of no topic.
        verbs: of no topic.
        names: of entities, capitalised.
        determiners: singular and plural.
        copulas: singular and plural.
    """

    nouns: tuple[tuple[str, ...], ...]
    classifiers: tuple[str, ...]
    adjectives: tuple[tuple[str, ...], ...]
    cues: tuple[str, ...]
    plain_nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...]
    determiners: tuple[tuple[str, ...], ...]
    copulas: tuple[str, ...]
    prepositions: tuple[str, ...]
    negation: str
    conjunction: str
    noun_plural: str
    verb_plural: str


@cache
def lexicon() -> Lexicon:
    """Return the words, the same in every process and for every seed of a study."""
    rng = np.random.default_rng(seed_for("world", split="all", part="lexicon"))
    size = len(_SYLLABLES)
    pairs = (divmod(int(i), size) for i in rng.permutation(size**2))
    content = (_SYLLABLES[first] + _SYLLABLES[second] for first, second in pairs)
    function = (_SYLLABLES[i] for i in rng.permutation(size))

    def long(count: int) -> tuple[str, ...]:
        return tuple(next(content) for _ in range(count))

    def short(count: int) -> tuple[str, ...]:
        return tuple(next(function) for _ in range(count))

    return Lexicon(
        nouns=tuple(long(24) for _ in range(NUM_TOPICS)),
        classifiers=long(NUM_TOPICS),
        adjectives=(long(40), long(40)),
        cues=short(2),
        plain_nouns=long(12),
        verbs=long(16),
        names=tuple(word.capitalize() for word in long(12)),
        determiners=(short(2), short(2)),
        copulas=short(2),
        prepositions=short(4),
        negation=next(function),
        conjunction=next(function),
        noun_plural=next(function),
        verb_plural=next(function),
    )


class Dice:
    """Uniforms of one document or example, drawn many at a time and taken one by one.

    A call of numpy for each word would cost more than all the rest.
    """

    def __init__(self, key: int, index: int, attempt: int = 0) -> None:
        self._rng = np.random.default_rng([key, index, attempt])
        self._left: list[float] = []

    def uniform(self) -> float:
        """Return the next uniform in [0, 1)."""
        if not self._left:
            self._left = self._rng.random(256).tolist()
        return self._left.pop()

    def below(self, bound: int) -> int:
        """Return an integer in 0..bound-1."""
        return int(self.uniform() * bound)

    def pick(self, options: tuple[T, ...]) -> T:
        """Return one of the options, each equally likely."""
        return options[self.below(len(options))]

    def is_hit(self, rate: float) -> bool:
        """Return True with the given probability."""
        return self.uniform() < rate

    def shuffled(self, items: list[T]) -> list[T]:
        """Return the items in random order."""
        order = sorted(range(len(items)), key=[self.uniform() for _ in items].__getitem__)
        return [items[i] for i in order]


class Speaker:
    """Makes phrases, as lists of words.

    Attributes:
        dice: where every choice comes from.
        words: the lexicon.
        nouns: the nouns this speaker knows, of each topic.
        adjectives: the adjectives this speaker knows, of each polarity.
    """

    def __init__(self, dice: Dice, half: int | None = None) -> None:
        """Make a speaker of all words, or of the first (0) or second (1) half of each class."""
        self.dice, self.words = dice, lexicon()
        self.nouns, self.adjectives = self.words.nouns, self.words.adjectives
        if half is not None:
            self.nouns = tuple(_half(words, half) for words in self.nouns)
            self.adjectives = tuple(_half(words, half) for words in self.adjectives)

    def number(self) -> int:
        """Return a grammatical number, mostly singular."""
        return PLURAL if self.dice.is_hit(0.2) else SINGULAR

    def noun(self, topic: int | None) -> str:
        """Return a noun of a topic, or of none."""
        return self.dice.pick(self.words.plain_nouns if topic is None else self.nouns[topic])

    def thing(self, noun: str, number: int, classifier: str | None = None) -> list[str]:
        """Return ``[determiner] [classifier] noun [plural]``."""
        is_definite = self.dice.is_hit(0.15)
        phrase = [self.dice.pick(self.words.determiners[number])] if is_definite else []
        phrase += [noun] if classifier is None else [classifier, noun]
        return [*phrase, self.words.noun_plural] if number == PLURAL else phrase

    def act(self, number: int) -> list[str]:
        """Return a verb with its agreement."""
        verb = self.dice.pick(self.words.verbs)
        return [verb, self.words.verb_plural] if number == PLURAL else [verb]

    def opinion(self, mood: int, negation_rate: float, cue_rate: float = 0.0) -> list[str]:
        """Return ``[cue] [negation] adjective`` that means the polarity ``mood``."""
        phrase = [self.words.cues[mood]] if self.dice.is_hit(cue_rate) else []
        if self.dice.is_hit(negation_rate):
            return [*phrase, self.words.negation, self.dice.pick(self.adjectives[1 - mood])]
        return [*phrase, self.dice.pick(self.adjectives[mood])]

    def opinions(self, phrases: list[list[str]]) -> list[str]:
        """Return the phrases with a conjunction between them."""
        joined = phrases[0]
        for phrase in phrases[1:]:
            joined = [*joined, self.words.conjunction, *phrase]
        return joined


def _half(words: tuple[str, ...], half: int) -> tuple[str, ...]:
    middle = len(words) // 2
    return words[middle:] if half else words[:middle]
