"""Natural noise: errors that people made, from published sets of pairs.

The rate counts the words that a set has errors of; each error comes as often as people made it.
"""

import difflib
import random
import re
from collections.abc import Iterator
from pathlib import Path

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.noises.tables import Pair, TableSource
from mae_bench.data.sources import Source, read_split

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # letters, with apostrophes inside
_WORD_AND_BLANKS = re.compile(rf"(\s*)({_WORD.pattern})")


def _misspelt(source: Source, data_dir: Path | None) -> Iterator[Pair]:
    rows = read_split(source, "train", data_dir, texts=("correct", "misspelling"))
    for pair in zip(rows["correct"], rows["misspelling"], strict=True):
        if _are_words(*pair) and _is_near(*pair):
            yield pair


def _normalised(source: Source, data_dir: Path | None) -> Iterator[Pair]:
    for split in source.splits:
        rows = read_split(source, split, data_dir, texts=(), others=("input", "output"))
        for raw, clean in zip(rows["input"], rows["output"], strict=True):
            for error, word in zip(raw, clean, strict=True):
                if _are_words(word) and error.lower() != word.lower() and error.split() == [error]:
                    yield word, error.lower()


def _learners(source: Source, data_dir: Path | None) -> Iterator[Pair]:
    for split in source.splits:
        rows = read_split(source, split, data_dir, texts=("sentence",), others=("corrections",))
        for sentence, corrections in zip(rows["sentence"], rows["corrections"], strict=True):
            for correction in corrections:
                yield from _edits(correction.lower().split(), sentence.lower().split())


def _edits(right: list[str], learner: list[str]) -> Iterator[Pair]:
    """Yield edits of single words: another word, none, or one more before it."""
    matcher = difflib.SequenceMatcher(None, right, learner, autojunk=False)
    for kind, start, end, from_, to in matcher.get_opcodes():
        words, errors = right[start:end], learner[from_:to]
        if kind == "equal" or len(words) > 1 or len(errors) > 1:
            continue
        if kind == "insert":
            words, errors = right[start : start + 1], [*errors, *right[start : start + 1]]
        if words and _are_words(*words, *errors):
            yield words[0], " ".join(errors)


_CHARNMT = "no licence file (Belinkov & Bisk 2018, arXiv:1711.02173: WiCoPaCo, RWSE, CzeSL)"
MISSPELLINGS = TableSource(
    {
        code: Source(
            hub_id="",
            revision="",
            folder=f"misspellings/{code}",
            splits={"train": "train"},
            licence=f"{first}{_CHARNMT}",
        )
        for code, first in {
            "en": "Birkbeck (non-commercial research); Norvig MIT; ",
            "de": "",
            "fr": "",
            "cs": "",
        }.items()
    },
    _misspelt,
)
LEXNORM = TableSource(
    {
        "en": Source(
            hub_id="",
            revision="",
            folder="lexnorm2015",
            splits={"train": "train", "test": "test"},
            licence="not stated (W-NUT 2015 shared task)",
        )
    },
    _normalised,
)
JFLEG = TableSource(
    {
        "en": Source(
            hub_id="jhu-clsp/jfleg",
            revision="39b4958cfb3cfbf233a0724aceb3998937c6e058",
            folder="jfleg",
            splits={"validation": "validation", "test": "test"},
            licence="CC BY-NC-SA 4.0",
        )
    },
    _learners,
)


@add_noise(
    "misspellings",
    unit="word",
    keeps_words=True,
    refusal=MISSPELLINGS.refusal,
    table=MISSPELLINGS,
)
def misspellings(
    text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH
) -> str:
    """Return the text with each known word misspelt, at ``rate``, as people misspelt it.

    Tables of English, German, French and Czech (Belinkov & Bisk 2018, arXiv:1711.02173), for
    English with Birkbeck's and Norvig's. Pairs of unlike words are left out.
    """
    return _with_errors(text, rate, rng, context)


@add_noise("lexnorm", unit="word", keeps_words=True, refusal=LEXNORM.refusal, table=LEXNORM)
def lexnorm(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each known word as tweets write it, at ``rate``: ``u`` for ``you``.

    Pairs of single words of W-NUT 2015 (Baldwin et al., aclanthology.org/W15-4319), case apart.
    """
    return _with_errors(text, rate, rng, context)


@add_noise("jfleg", unit="word", keeps_words=False, refusal=JFLEG.refusal, table=JFLEG)
def jfleg(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each known word as learners of English wrote it, at ``rate``.

    Differences of single words between corrections and sentences of JFLEG (Napoles et al. 2017,
    arXiv:1702.04066): another word, no word, or one more before it.
    """
    return _with_errors(text, rate, rng, context)


def _with_errors(text: str, rate: float, rng: random.Random, context: NoiseContext) -> str:
    table = context.table
    if table is None:
        return text

    def written(match: re.Match[str]) -> str:
        hit, which = rng.random(), rng.random()
        blanks, word = match.groups()
        if hit >= rate or not table.knows(word):
            return match.group()
        error = table.draw(word, which)
        return blanks + error if error or match.start() == 0 else ""

    return _WORD_AND_BLANKS.sub(written, text)


def _are_words(*words: str) -> bool:
    return all(_WORD.fullmatch(word) for word in words)


def _is_near(word: str, error: str) -> bool:
    """Whether at most half of the longer one's letters differ, and they are not the same."""
    if word == error:
        return False
    earlier: list[int] = []  # rows of the edit distance in which a swap of neighbours is one edit
    before, row = earlier, list(range(len(error) + 1))
    for position, letter in enumerate(word, 1):
        earlier, before, row = before, row, [position]
        for column, other in enumerate(error, 1):
            cost = before[column - 1] + (letter != other)
            least = min(before[column] + 1, row[-1] + 1, cost)
            if (
                position > 1 < column
                and letter == error[column - 2]
                and other == word[position - 2]
            ):
                least = min(least, earlier[column - 2] + 1)
            row.append(least)
    return row[-1] <= max(len(word), len(error)) / 2
