"""Noise of labels: some examples to learn from get another class.

Uniform noise, as of Zhang et al. 2017 (arXiv:1611.03530): every other class is equally likely.
Legend: N examples.
"""

import hashlib
import random
from abc import abstractmethod
from dataclasses import replace

import numpy as np

from mae_bench.errors import SpecError
from mae_bench.seeding import seed_for
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import TaskKind, kind_of
from mae_bench.tasks.metrics import Values


class ClassKind(TaskKind):
    """A kind whose every example has one class."""

    @abstractmethod
    def other_classes(self, labels: Labels, draws: Values) -> Labels:
        """Return [N] another class for each label.

        Args:
            labels: [N].
            draws: [N] in [0, 1): which of the others.
        """


def mislabel(examples: Examples, rate: float, *, task: Task, split: str, seed: int) -> Examples:
    """Return the examples, each with another class at probability ``rate``.

    Each example draws from its own generator (stream ``label_noise``), seeded by its id: a label
    that is wrong at a rate is the same wrong one at every higher rate.

    Raises:
        SpecError: labels of the task's kind are of no classes.
    """
    kind = kind_of(task)
    if not isinstance(kind, ClassKind):
        raise SpecError(
            f"noise 'labels' gives an example another class, but task '{task.name}' is of kind "
            f"'{task.kind}', whose examples have no class each; leave that noise out"
        )
    base = seed_for("label_noise", task=task.trained_as, split=split, seed=seed)
    draws = np.array([_draws(base, name) for name in examples.ids]).reshape(-1, 2)
    others = kind.other_classes(examples.labels, draws[:, 1])
    return replace(examples, labels=np.where(draws[:, 0] < rate, others, examples.labels))


def _draws(base: int, name: str) -> tuple[float, float]:
    data = f"{base} {name}".encode("utf-8", "surrogatepass")
    key = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
    rng = random.Random(key)
    return rng.random(), rng.random()
