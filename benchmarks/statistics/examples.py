"""Made differences, with the variance components that their test examples give.

Right or wrong is a probit model: an example is right where its ease, the arm's own ease of it, the
seed's effect and noise of the pair add up to more than 0. A quarter of the answers are wrong. True
means on the fixed test set are 0, as they are known exactly.
Legend: R studies, S seeds, K columns, I examples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd
from hierarchical import Components, components
from scenarios import Shape
from scipy import special

from mae_bench.analysis.failures import Flags
from mae_bench.analysis.moderated import Array

STORED = Path(__file__).with_name("stored_predictions.csv")
_EASE = 1.2  # SD over examples, in those of the pair's noise
_RIGHT = 0.75


@dataclass(frozen=True)
class Drawn:
    """Differences [R, S, K] whose true means are 0, their components, and spreads [R, 1, K]."""

    values: Array
    known: Components
    spreads: Array


@dataclass(frozen=True)
class Tasks:
    """Columns in turn on tasks of these sizes; each task has a control and examples of its own.

    Attributes:
        sizes: numbers of test examples.
        of_seed: SD of a run's effect on all examples alike.
        of_class: SD of its effect on one half of them, with the other sign on the other half.
        of_arm: SD over examples of an arm's own ease.
        wild: factor of ``of_seed`` in the first column.
        is_fixed: whether the true mean is 0 on these examples, or over all such examples.
    """

    sizes: tuple[int, ...]
    of_seed: float = 0.1
    of_class: float = 0.0
    of_arm: float = 0.3
    wild: float = 1.0
    is_fixed: bool = True

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        """Draw R studies, each with its columns in an order of its own."""
        studies = [self._study(rng, shape[1], shape[2]) for _ in range(shape[0])]
        means, noise, of_examples, expected = (
            np.stack(part) for part in zip(*studies, strict=True)
        )
        spreads = np.tile((means - expected[..., None]).std(axis=(0, 2)), (shape[0], 1))
        if self.is_fixed:
            means = means - expected[..., None]
        order = np.argsort(rng.random(noise.shape), axis=1)
        noise, of_examples, spreads = (
            np.take_along_axis(part, order, axis=1) for part in (noise, of_examples, spreads)
        )
        values = np.take_along_axis(means, order[..., None], axis=1).swapaxes(1, 2)
        return Drawn(values, Components(noise, of_examples), spreads[:, None])

    def _study(
        self, rng: np.random.Generator, num_seeds: int, num_columns: int
    ) -> tuple[Array, Array, Array, Array]:
        """Return means [K, S], and [K] noise, of_examples, expected."""
        means = np.empty((num_columns, num_seeds))
        noise, of_examples, expected = np.empty((3, num_columns))
        for turn, size in enumerate(self.sizes[:num_columns]):
            columns = np.arange(turn, num_columns, len(self.sizes))
            scale = np.ones(len(columns) + 1)
            scale[0] = self.wild if turn == 0 else 1.0
            is_right, chances = self._task(rng, num_seeds, scale, size)
            differences = is_right[:-1].astype(np.float32) - is_right[-1]  # the control is last
            means[columns] = differences.mean(axis=-1)
            products = differences @ differences.swapaxes(-2, -1) / size
            known = components(means[columns], products.astype(float), np.array(size))
            noise[columns], of_examples[columns] = known.noise, known.of_examples
            expected[columns] = (chances[:-1] - chances[-1]).mean(axis=-1)
        return means, noise, of_examples, expected

    def _task(
        self, rng: np.random.Generator, num_seeds: int, scale: Array, size: int
    ) -> tuple[Flags, Array]:
        """Return is_right [arms, S, I] and its chances [arms, I] over seeds."""
        arms = len(scale)
        side = np.where(np.arange(size) % 2, 1.0, -1.0)
        whole = np.sqrt(1 + _EASE**2 + self.of_seed**2 + self.of_class**2 + self.of_arm**2)
        ease = special.ndtri(_RIGHT) * whole + rng.normal(0, _EASE, size)
        ease = ease + rng.normal(0, self.of_arm, (arms, size))
        of_seed = rng.normal(0, self.of_seed, (arms, num_seeds)) * scale[:, None]
        of_class = rng.normal(0, self.of_class, (arms, num_seeds))
        total = ease[:, None] + of_seed[..., None] + of_class[..., None] * side
        pair = rng.standard_normal((arms, num_seeds, size), dtype=np.float32)
        spread = np.sqrt(1 + (self.of_seed * scale[:, None]) ** 2 + self.of_class**2)
        return total + pair > 0, special.ndtr(ease / spread)


@cache
def stored() -> dict[str, tuple[Array, Array, Array]]:
    """Return, by study, residual means [K, S], their products [K, S, S], and sizes [K].

    Residuals of six seeds are too small by a factor that is put back.
    """
    by_study: dict[str, tuple[Array, Array, Array]] = {}
    for study, table in pd.read_csv(STORED).groupby("study"):
        num_seeds = sum(str(name).startswith("mean_") for name in table)
        means = table[[f"mean_{s}" for s in range(num_seeds)]].to_numpy()
        products = np.empty((len(table), num_seeds, num_seeds))
        for s, t in combinations_with_replacement(range(num_seeds), 2):
            products[:, s, t] = products[:, t, s] = table[f"product_{s}_{t}"]
        centre = np.eye(num_seeds) - 1 / num_seeds
        back = num_seeds / (num_seeds - 1)
        sizes = table["num_examples"].to_numpy(dtype=float)
        residuals = means @ centre * np.sqrt(back)
        by_study[str(study)] = residuals, centre @ products @ centre * back, sizes
    return by_study


def of_stored_seeds(
    rng: np.random.Generator, shape: Shape, *, has_repeats: bool, of: str | None = None
) -> Drawn:
    """Return whole stored seeds with new signs, as `scenarios.seeds_again` does.

    Of one study, or of any.
    """
    values, spreads = np.empty(shape), np.empty((shape[0], 1, shape[2]))
    noise, of_examples = np.empty((2, shape[0], shape[2]))
    pools = [stored()[of]] if of else list(stored().values())
    for study in range(shape[0]):
        means, products, sizes = pools[rng.integers(len(pools))]
        columns = rng.choice(len(means), shape[2], replace=shape[2] > len(means))
        seeds = rng.integers(means.shape[1], size=shape[1])
        if not has_repeats:
            seeds = np.resize(rng.permutation(means.shape[1]), shape[1])
        signs = rng.choice([-1.0, 1.0], shape[1])
        drawn = means[np.ix_(columns, seeds)] * signs
        crossed = products[np.ix_(columns, seeds, seeds)] * np.outer(signs, signs)
        known = components(drawn, crossed, sizes[columns])
        values[study], noise[study], of_examples[study] = drawn.T, known.noise, known.of_examples
        spreads[study, 0] = np.sqrt((means[columns] ** 2).mean(axis=1))
    return Drawn(values, Components(noise, of_examples), spreads)


_UNLIKE = (100, 277, 872)
EXAMPLE_SCENARIOS: dict[str, Callable[[np.random.Generator, Shape], Drawn]] = {
    "100 examples": Tasks((100,)),
    "277 examples": Tasks((277,)),
    "872 examples": Tasks((872,)),
    "unlike test sets": Tasks(_UNLIKE),
    "unlike, no seed effect": Tasks(_UNLIKE, of_seed=0.0),
    "unlike, large seed effect": Tasks(_UNLIKE, of_seed=0.4),
    "unlike, classes trade": Tasks(_UNLIKE, of_seed=0.0, of_class=0.5),
    "unlike, one column x8": Tasks(_UNLIKE, wild=8.0),
    "stored seeds": partial(of_stored_seeds, has_repeats=False),
    "stored seeds, repeats": partial(of_stored_seeds, has_repeats=True),
    "stored seeds, first_fight": partial(of_stored_seeds, has_repeats=False, of="first_fight"),
    # true means are 0 over all such examples, not on these
    "other examples": Tasks((277,), of_arm=0.5, is_fixed=False),
}
