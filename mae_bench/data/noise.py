"""Noise on the text of a task, before tokenising: a pure function of example, rate and seed."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

from cachetools import LRUCache, cached

from mae_bench.data.noises import NOISES, ErrorTable, Noise, NoiseContext, noise_of
from mae_bench.errors import DataError
from mae_bench.seeding import seed_for
from mae_bench.specs import NoiseSpec

__all__ = ["NOISES", "apply_noise", "apply_to_words", "noise_of"]

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
        language: of the texts.
        table: of errors, for a noise that needs one.

    Raises:
        UnknownNameError: nobody registered the noise.
        DataError: a text lacks its id, or the noise its table.
    """
    noise = noise_of(spec.name)
    if len(texts) != len(ids):
        raise DataError(f"noise needs one id a text, got {len(texts)} texts and {len(ids)} ids")
    if spec.rate == 0:
        return list(texts)
    if noise.table is not None and table is None:
        raise DataError(
            f"noise '{spec.name}' needs its table of errors and got none; let a plan prepare it"
        )
    context = NoiseContext(language, table)
    base = seed_for("noise", task=task, split=split, seed=seed)
    return [
        _noisy(noise, context, text, spec.rate, base, name)
        for text, name in zip(texts, ids, strict=True)
    ]


def apply_to_words(
    spec: NoiseSpec, words: Sequence[Sequence[str]], ids: Sequence[str], **where: Any
) -> list[list[str]]:
    """Return lists of words with noise, each as long as before; a word that vanishes stays.

    Args:
        spec: a noise that keeps words in step.
        words: N lists.
        ids: of their examples.
        where: task, split, seed, language and table, as of `apply_noise`.

    Raises:
        DataError: the noise does not keep words in step, or a word holds a blank.
    """
    if not noise_of(spec.name).keeps_words:
        raise DataError(
            f"noise '{spec.name}' does not keep words in step, so that their tags would be lost; "
            "choose a noise that does, as 'mae-bench list noises' says"
        )
    noisy = apply_noise(spec, [" ".join(one) for one in words], ids, **where)
    out = []
    for before, text in zip(words, noisy, strict=True):
        after = text.split(" ") if before else []
        if len(after) != len(before):
            raise DataError(f"words must hold no blank, got {list(before)[:8]}; split them there")
        out.append([new or old for old, new in zip(before, after, strict=True)])
    return out


@cached(
    LRUCache(MAX_CHARACTERS, getsizeof=lambda text: len(text) + _OVERHEAD),
    key=lambda noise, context, text, rate, base, name: (noise, context, rate, base, name, text),
)
def _noisy(
    noise: Noise, context: NoiseContext, text: str, rate: float, base: int, name: str
) -> str:
    """Return one noisy text; all arms, protocols and train sizes read the same."""
    return noise.change(text, rate, random.Random(_key(base, name, text)), context)


def _key(base: int, name: str, text: str) -> int:
    data = f"{base} {name}\n{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
