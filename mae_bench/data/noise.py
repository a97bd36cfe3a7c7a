"""Noise on the text of a task, before tokenising: a pure function of example, rate and seed."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from cachetools import LRUCache, cached

from mae_bench.data.noises import NOISES, ErrorTable, Noise, NoiseContext, noise_of
from mae_bench.data.words import END, join_words, split_words
from mae_bench.errors import DataError
from mae_bench.seeding import seed_for
from mae_bench.specs import NoiseSpec

__all__ = ["NOISES", "apply_noise", "noise_of"]

MAX_CHARACTERS = 64 << 20  # of noisy texts that a process keeps
_OVERHEAD = 300  # bytes that Python takes for each


def apply_noise(
    spec: NoiseSpec,
    texts: Sequence[str],
    ids: Sequence[str],
    *,
    task: str,
    split: str,
    seed: int,
    is_by_word: bool = False,
    language: str = "en",
    table: ErrorTable | None = None,
) -> list[str]:
    """Return the texts with noise, in their order.

    Each text draws from its own generator, seeded by the stream ``noise``, its example's id and
    the text itself: neither the other texts nor their order matter, and the two texts of a pair
    differ. Rate 0 returns the texts unchanged.

    Args:
        spec: which noise at which rate.
        texts: N of them.
        ids: of their examples.
        task: name, an axis of the stream; so are ``split`` and ``seed``.
        split: of the task.
        seed: of the study.
        is_by_word: whether texts are of `join_words`: each word then gets its own noise, and one
            of which noise would leave nothing stays as it is.
        language: of the texts.
        table: of errors, for a noise that needs one.

    Raises:
        UnknownNameError: nobody registered the noise.
        DataError: a text lacks its id, the noise its table, or the noise moves words that must
            keep their order.
    """
    noise = noise_of(spec.name)
    if is_by_word and not noise.keeps_words:
        raise DataError(
            f"noise '{spec.name}' drops or moves words, each of which has its own label here; "
            "choose a noise that keeps them, as `mae-bench list noises` says"
        )
    if len(texts) != len(ids):
        raise DataError(f"noise needs one id a text, got {len(texts)} texts and {len(ids)} ids")
    if spec.rate == 0:
        return list(texts)
    if noise.table is not None and table is None:
        raise DataError(
            f"noise '{spec.name}' needs its table of errors and got none; let a plan prepare it"
        )
    if is_by_word:
        noise = _by_word(noise)
    context = NoiseContext(language, table)
    base = seed_for("noise", task=task, split=split, seed=seed)
    return [
        _noisy(noise, context, text, spec.rate, base, name)
        for text, name in zip(texts, ids, strict=True)
    ]


@cached(
    LRUCache(MAX_CHARACTERS, getsizeof=lambda text: len(text) + _OVERHEAD),
    key=lambda noise, context, text, rate, base, name: (noise, context, rate, base, name, text),
)
def _noisy(
    noise: Noise, context: NoiseContext, text: str, rate: float, base: int, name: str
) -> str:
    """Return one noisy text; all arms, protocols and train sizes read the same."""
    return noise.change(text, rate, random.Random(_key(base, name, text)), context)


@cache  # one for a noise, so that its texts are read again from memory
def _by_word(noise: Noise) -> Noise:
    def change(text: str, rate: float, rng: random.Random, context: NoiseContext) -> str:
        words = []
        for word in split_words(text):
            # a generator a word: what a rate does to one word cannot move the draws of the next
            own = random.Random(rng.getrandbits(64))
            changed = noise.change(word, rate, own, context)
            words.append(changed if changed.strip() and END not in changed else word)
        return join_words(words)

    return replace(noise, change=change)


def _key(base: int, name: str, text: str) -> int:
    data = f"{base} {name}\n{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
