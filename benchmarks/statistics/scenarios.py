"""Made differences whose true means are 0: R studies, S seeds, K hypotheses.

A scenario returns the differences [R, S, K] and the standard deviation of each column, which
broadcasts to [R, 1, K].
"""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from mae_bench import load_rows
from mae_bench.analysis.claims import control_of
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.rows import read_scores
from mae_bench.specs import Study

REPORTS = Path(__file__).parents[2] / "reports"
Shape = tuple[int, int, int]
Draw = Callable[[np.random.Generator, Shape], Array]
Pool = Callable[[np.random.Generator], Array]
Scenario = Callable[[np.random.Generator, Shape], tuple[Array, Array]]
ONE = np.ones((1, 1, 1))


def normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Return standard normal draws."""
    return rng.standard_normal(shape)


def t4(rng: np.random.Generator, shape: Shape) -> Array:
    """Return draws of t with four degrees of freedom, of variance 1."""
    return rng.standard_t(4, shape) / np.sqrt(2)


def skewed(rng: np.random.Generator, shape: Shape) -> Array:
    """Return a gamma of shape 4, centred: skewness 1, excess kurtosis 1.5."""
    return (rng.gamma(4.0, 1.0, shape) - 4) / 2


def lognormal(rng: np.random.Generator, shape: Shape) -> Array:
    """Return exp of a normal of SD .5, centred: skewness 1.75, excess kurtosis 5.9."""
    variance = 0.25
    raw = np.exp(rng.normal(0, 0.5, shape)) - np.exp(variance / 2)
    return raw / np.sqrt((np.exp(variance) - 1) * np.exp(variance))


def plain(draw: Draw) -> Scenario:
    """Make all columns alike and independent."""
    return lambda rng, shape: (draw(rng, shape), ONE)


def sharing(draw: Draw, correlation: float) -> Scenario:
    """Give all columns of a study a part in common: one control, seeds alike on every task."""

    def scenario(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
        own, common = draw(rng, shape), draw(rng, (*shape[:2], 1))
        return np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common, ONE

    return scenario


def accuracies(num_examples: int) -> Scenario:
    """Two accuracies on so many examples; every model has a rate of its own around 75%."""

    def scenario(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
        of_seed = rng.normal(0.75, 0.02, (*shape[:2], 1))

        def side(width: int) -> Array:
            rates = np.clip(of_seed + rng.normal(0, 0.01, (*shape[:2], width)), 0, 1)
            return rng.binomial(num_examples, rates) / num_examples

        sampling = 0.75 * 0.25 / num_examples
        spread = np.sqrt(2 * (0.01**2 + sampling))
        return side(shape[2]) - side(1), np.full((1, 1, 1), spread)

    return scenario


def ties(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
    """Differences of at most a few test examples: most are 0."""
    return np.round(rng.normal(0, 0.6, shape)), np.full((1, 1, 1), 0.66)


def unequal(deviation: float) -> Scenario:
    """Spreads that differ between columns by a lognormal factor."""

    def scenario(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
        spread = np.exp(rng.normal(0, deviation, (shape[0], 1, shape[2])))
        return normal(rng, shape) * spread, spread

    return scenario


def some_wild(every: int | None) -> Scenario:
    """Normal, but one column (or one in ``every``) has five times the spread."""

    def scenario(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
        column = np.arange(shape[2])
        is_wild = column == 0 if every is None else column % every == 0
        spread = np.where(is_wild & (shape[2] > 1), 5.0, 1.0)[None, None]
        return normal(rng, shape) * spread, spread

    return scenario


def missing(rng: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
    """15% of the pairs are missing; at least two thirds of each column stay."""
    values = normal(rng, shape)
    rank = rng.random(shape).argsort(axis=1).argsort(axis=1)
    is_lost = (rng.random(shape) < 0.15) & (rank >= np.ceil(shape[1] * 2 / 3))
    return np.where(is_lost, np.nan, values), ONE


@cache
def published() -> tuple[Array, ...]:
    """Return [6, K] residuals of each published study, over all settings and tasks.

    Columns with a failed or collapsed run are left out: verdicts have a rule of their own there.
    """
    pools = []
    for path in sorted(REPORTS.glob("**/rows.parquet")):
        content = json.loads((path.parent / "provenance.json").read_text("utf-8"))
        study = Study.model_validate(content["study"])
        scores = read_scores(load_rows(path), study)
        control = control_of(study, scores)
        sides = [
            [scores.side(label, task, setting) for label in (arm.label, str(control))]
            for setting in scores.settings
            for task in scores.tasks_in(setting)
            for arm in scores.of_role("trained")
            if arm.label != control
        ]
        columns = [
            treatment.values - other.values
            for treatment, other in sides
            if not (treatment.is_collapsed | other.is_collapsed).any()
        ]
        values = np.stack([*columns, np.full(len(scores.seeds), np.nan)], axis=1)
        values = values[:, np.isfinite(values).all(axis=0)]
        residuals = (values - values.mean(axis=0)) * np.sqrt(len(values) / (len(values) - 1))
        residuals = residuals[:, residuals.std(axis=0) > 0]
        if residuals.size:
            pools.append(residuals)
    return tuple(pools)


def one_published(rng: np.random.Generator) -> Array:
    """Return the residuals [6, K] of one published study."""
    pools = published()
    return pools[rng.integers(len(pools))]


def normal_instead(rng: np.random.Generator) -> Array:
    """Return normal residuals with the spreads of a published study and correlations of .5.

    The control of whatever draws them again: their true differences are normal.
    """
    pool = one_published(rng)
    values = rng.standard_normal(pool.shape) + rng.standard_normal((len(pool), 1))
    values *= np.sqrt((pool**2).mean(axis=0) / 2)
    return (values - values.mean(axis=0)) * np.sqrt(len(pool) / (len(pool) - 1))


def seeds_again(
    rng: np.random.Generator, shape: Shape, *, draw: Pool, has_repeats: bool
) -> tuple[Array, Array]:
    """Return whole seeds of a study with new signs: their spreads and their correlations.

    Drawn with repeats, six of six hold four different seeds on average, and all spreads of a family
    come out too small at once, as they do not in new seeds. Without, each seed comes once before
    any comes twice.
    """
    values, spreads = np.empty(shape), np.empty((shape[0], 1, shape[2]))
    for study in range(shape[0]):
        pool = draw(rng)
        columns = rng.choice(pool.shape[1], shape[2], replace=shape[2] > pool.shape[1])
        seeds = rng.integers(len(pool), size=shape[1])
        if not has_repeats:
            seeds = np.resize(rng.permutation(len(pool)), shape[1])
        signs = rng.choice([-1.0, 1.0], shape[1])
        values[study] = pool[np.ix_(seeds, columns)] * signs[:, None]
        spreads[study, 0] = np.sqrt((pool[:, columns] ** 2).mean(axis=0))
    return values, spreads


def shapes_again(rng: np.random.Generator, shape: Shape, *, draw: Pool) -> tuple[Array, Array]:
    """Return single residuals of a study, unflipped: their spreads, tails and skewness."""
    values, spreads = np.empty(shape), np.empty((shape[0], 1, shape[2]))
    for study in range(shape[0]):
        pool = draw(rng)
        sizes = np.sqrt((pool**2).mean(axis=0))
        shapes = (pool / sizes).ravel()
        spreads[study, 0] = rng.choice(sizes, shape[2])
        values[study] = rng.choice(shapes, shape[1:]) * spreads[study]
    return values, spreads


SCENARIOS: dict[str, Scenario] = {
    "normal": plain(normal),
    "t4": plain(t4),
    "skewed (gamma 4)": plain(skewed),
    "accuracy of 100": accuracies(100),
    "accuracy of 277": accuracies(277),
    "accuracy of 872": accuracies(872),
    "many ties": ties,
    "unequal spreads": unequal(0.55),
    "very unequal spreads": unequal(1.0),
    "a quarter x5 spread": some_wild(4),
    "one x5 spread": some_wild(None),
    "correlated .5": sharing(normal, 0.5),
    "correlated .8": sharing(normal, 0.8),
    "correlated .5, t4": sharing(t4, 0.5),
    "missing pairs": missing,
    "published seeds": partial(seeds_again, draw=one_published, has_repeats=False),
    "published seeds, repeats": partial(seeds_again, draw=one_published, has_repeats=True),
    "published shapes": partial(shapes_again, draw=one_published),
    "normal seeds": partial(seeds_again, draw=normal_instead, has_repeats=False),
    "normal seeds, repeats": partial(seeds_again, draw=normal_instead, has_repeats=True),
    "normal shapes": partial(shapes_again, draw=normal_instead),
    "lognormal (beyond)": plain(lognormal),
}
PUBLISHED = ("published seeds", "published seeds, repeats", "published shapes")
CONTROLS = ("normal seeds", "normal seeds, repeats", "normal shapes")  # drawn again as those are
BEYOND = ("lognormal (beyond)",)  # asymmetric: no test of a mean at six seeds holds there
