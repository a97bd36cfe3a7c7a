"""Training subsets of a task: prefixes of one seeded order."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from mae_bench.errors import DataError
from mae_bench.plurals import counted
from mae_bench.seeding import seed_for
from mae_bench.specs import TrainSize, per_class
from mae_bench.tasks.base import Examples, Labels


def subset(
    examples: Examples,
    size: TrainSize,
    *,
    groups: Labels | None,
    task: str,
    seed: int,
    names: Sequence[str] = (),
) -> Examples:
    """Return a training subset: a prefix of one seeded order, so that sizes nest.

    The order (stream ``subset``) interleaves the classes in their shares, after two examples of
    every class. A size below 1 is a share of the examples, and at least two. ``16/class`` takes the
    first 16 of each class in that order.

    Args:
        examples: to draw from.
        size: how many, which share, how many of each class, or all.
        groups: [N] the class of each example (`TaskKind.groups`); None without classes.
        task: its name, which enters the seed of the order.
        seed: of the study, which enters it too.
        names: of the classes, for messages.

    Raises:
        DataError: more examples are asked for than there are, of all or of a class.
    """
    order = _order(len(examples), groups, seed_for("subset", task=task, seed=seed))
    if (each := per_class(size)) is not None:
        return examples.take(_of_each(order, groups, each, task, names))
    if isinstance(size, str):
        return examples.take(order)
    count = max(round(size * len(examples)), 2) if isinstance(size, float) and size < 1 else size
    if count > len(examples):
        raise DataError(
            f"train size {size} is more than task '{task}' has: "
            f"{counted(len(examples), 'training example')}; "
            f"give at most {len(examples)}, or 'all'"
        )
    return examples.take(order[: int(count)])


def class_counts(groups: Labels, names: Sequence[str]) -> dict[str, int]:
    """Return how many examples each class has that occurs in ``groups`` [N], by its name.

    A class without a name goes by its number, and texts of no class at all are ``none``.
    """
    values, counts = np.unique(groups, return_counts=True)
    return {
        "none" if group < 0 else str(names[group]) if names else str(group): int(count)
        for group, count in zip(values, counts, strict=True)
    }


def short_classes(counts: Mapping[str, int], each: int) -> str:
    """Return which classes have fewer examples than ``each``, in words; empty if none."""
    short = [f"{count} of class '{name}'" for name, count in counts.items() if count < each]
    return ", ".join(short[:5]) + (" and so on" if len(short) > 5 else "")


def _of_each(
    order: Labels, groups: Labels | None, each: int, task: str, names: Sequence[str]
) -> Labels:
    """Return the part of an order that holds the first ``each`` of every class."""
    if groups is None:
        raise DataError(
            f"train size {each}/class asks for examples of each class, but task '{task}' has no "
            "classes; give a count, a share below 1, or 'all'"
        )
    counts = class_counts(groups, names)
    if short := short_classes(counts, each):
        raise DataError(
            f"train size {each}/class is more than task '{task}' has: {short}; "
            f"give at most {min(counts.values())}/class"
        )
    is_kept = np.zeros(len(order), dtype=bool)
    for group in np.unique(groups):
        is_kept[np.flatnonzero(groups[order] == group)[:each]] = True
    return order[is_kept]


def _order(count: int, groups: Labels | None, seed: int) -> Labels:
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    if groups is None:
        return order
    keys = np.empty(count)
    for group in np.unique(groups):
        members = order[groups[order] == group]
        # A key is the share of its class that comes before an example: sorted by keys, classes
        # mix in their shares. Jitter keeps classes of one size from coming in a fixed round.
        ranks = np.arange(len(members))
        keys[members] = (ranks + rng.random(len(members))) / len(members)
        # keys below 0: two examples of every class come before all others
        keys[members[:2]] = ranks[:2] - 2 + rng.random(min(2, len(members)))
    return np.argsort(keys, kind="stable")


def content_hash(texts: tuple[str, ...]) -> bytes:
    """Return what orders examples by what they say, whatever file or order they come in."""
    data = "\n".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()
