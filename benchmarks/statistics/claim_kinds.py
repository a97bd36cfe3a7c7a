"""How often claims along an axis and on spread are decided: by chance, and when they are true.

    python benchmarks/statistics/claim_kinds.py [--studies 2000] [--kinds monotone ...]

Each study is judged as the package judges it. Nothing true: every place and both arms are alike.
"One step back" is a rise of two deviations over five places, with one step of one deviation the
other way, where "supported" is what a monotone claim must not be. Prints the table in PROTOCOL.md.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import Arm, Cell, Scores, Setting
from mae_bench.analysis.spread import spread_test
from mae_bench.analysis.stats import CUT
from mae_bench.specs import CLEAN, ArmSpec, Claim, Study

SIZES = (10, 20, 50, 100, 200)
SEEDS = (6, 10, 20)
SHAPES = ("normal", "t4", "skewed (gamma 4)", "plateaus")
Draw = Callable[[tuple[int, ...]], Array]


def draws(shape: str, rng: np.random.Generator) -> Draw:
    """Return a source of deviations: of unit size, but that a run in ten falls by 5 (plateaus)."""

    def plateaus(size: tuple[int, ...]) -> Array:
        return rng.standard_normal(size) - 5 * (rng.random(size) < 0.1)

    sources: dict[str, Draw] = {
        "normal": rng.standard_normal,
        "t4": lambda size: rng.standard_t(4, size) / np.sqrt(2),
        "skewed (gamma 4)": lambda size: (rng.gamma(4, size=size) - 4) / 2,
        "plateaus": plateaus,
    }
    return sources[shape]


def at(size: int) -> Setting:
    """Return the setting of a train size."""
    return Setting("finetune", size, CLEAN, None)


def scores_of(values: dict[tuple[str, int], Array]) -> Scores:
    """Return scores by arm and train size."""
    cells = {}
    for (arm, size), column in values.items():
        fine, mean = np.zeros(len(column), dtype=bool), float(column.mean())
        cell = Cell("accuracy", column, mean, mean, mean, size, fine, fine, column[:, None])
        cells[arm, "sst2", at(size)] = cell
    seeds = tuple(range(len(column)))
    arms = tuple(Arm(name, name, "trained") for name in ("mae", "mlm"))
    return Scores(seeds, arms, ("sst2",), tuple(map(at, SIZES)), cells)


def study_of(claims: tuple[Claim, ...], num_seeds: int) -> Study:
    """Return a study with these claims."""
    arms = tuple(ArmSpec(objective=name, label=name) for name in ("mae", "mlm"))
    seeds = tuple(range(num_seeds))
    return Study(
        name="s", objectives=arms, tasks=("sst2",), seeds=seeds, train_sizes=SIZES, claims=claims
    )


def claims_of(kind: str) -> tuple[Claim, ...]:
    """Return one claim of a kind."""
    sides = {"sentence": "s", "treatment": "mae", "control": "mlm", "test": kind}
    if kind == "spread":
        return (Claim.model_validate({**sides, "train_size": SIZES[0]}),)
    sides = {**sides, "along": "train_size", "direction": "rises"}
    if kind == "monotone":
        sides.pop("control")
    return (Claim.model_validate(sides),)


def values_of(kind: str, draw: Draw, num_seeds: int, what: str) -> dict[tuple[str, int], Array]:
    """Return the scores of a study: a shared part of each seed, and one of each run."""
    shared = 2 * draw((num_seeds,))
    line = np.linspace(0, 1, len(SIZES))
    means = {"mae": 0.0 * line, "mlm": 0.0 * line}
    own = {"mae": 1.0, "mlm": 1.0}
    if what == "true" and kind == "monotone":
        means["mae"] = 3 * line
    if what == "true" and kind == "crossing":
        means["mae"] = 4 * (line - 0.5)
    if what == "one step back":
        means["mae"] = np.array([0.0, 1.5, 0.5, 1.5, 2.0])
    if what == "true" and kind == "spread":
        own["mae"] = 0.25
    seed = {arm: shared if kind != "spread" else 0.5 * shared * own[arm] for arm in own}
    return {
        (arm, size): means[arm][place] + seed[arm] + own[arm] * draw((num_seeds,))
        for arm in own
        for place, size in enumerate(SIZES)
    }


def share(kind: str, shape: str, num_seeds: int, what: str, studies: int) -> tuple[float, float]:
    """Return the shares of studies whose claim is supported, and refuted."""
    rng = np.random.default_rng(num_seeds)
    draw, study = draws(shape, rng), study_of(claims_of(kind), num_seeds)
    outcomes = []
    for _ in range(studies):
        values = values_of(kind, draw, num_seeds, what)
        if kind == "spread":  # the same decision, without the rest of a verdict
            own = spread_test(values["mae", SIZES[0]], values["mlm", SIZES[0]])
            is_less, is_more = own.p < CUT and own.high < 0, own.p < CUT and own.low > 0
            outcomes.append("supported" if is_less else "refuted" if is_more else "")
        else:
            outcomes.append(judge_claims(study, scores_of(values))[0].outcome)
    return outcomes.count("supported") / studies, outcomes.count("refuted") / studies


def cases(kinds: list[str]) -> Iterator[tuple[str, str, str]]:
    """Return kind, what is true, and the shape of deviations."""
    for kind in kinds:
        yield from ((kind, "nothing", shape) for shape in SHAPES)
        yield kind, "true", "normal"
        if kind == "monotone":
            yield kind, "one step back", "normal"


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--kinds", nargs="+", default=["monotone", "crossing", "spread"])
    given = parser.parse_args()
    print(f"| claim | true | deviations | {' | '.join(f'{n} seeds' for n in SEEDS)} |")
    print(f"|---|---|---|{'--:|' * len(SEEDS)}")
    for kind, what, shape in cases(given.kinds):
        cells = [share(kind, shape, count, what, given.studies) for count in SEEDS]
        texts = [" / ".join(f"{part:.3f}"[1:] if part < 1 else "1" for part in c) for c in cells]
        print(f"| `{kind}` | {what} | {shape} | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
