"""What each side of a ratio cost, by seed: a pretraining, or the evaluations that it reads."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mae_bench.analysis.moderated import Array
from mae_bench.results import parse_size, row_noise
from mae_bench.specs import Claim, parse_point
from mae_bench.specs.claim_axes import is_noise
from mae_bench.specs.combinations import is_matched

# seconds of runs that shared a program, or whose steps were run in another way, say nothing of arms
_HOW_RUN = {
    "pretrain_s": ("seeds_together", "pretrain_ranks", "pretrain_compile"),
    "evaluate_s": ("finetunes_together", "finetune_compile", "probe_solver"),
}
_FORMULA = {"pretrain_s": "pretrain_flops", "evaluate_s": "evaluate_flops"}
_AXES = ("corpus_tokens", "pretrain_ratio", "grid_point")
_CELL = (*_AXES, "protocol", "task", "train_size", "finetune_seed")


@dataclass(frozen=True)
class RunCosts:
    """Logs of treatment over control, [S]; NaN where a seed lacks a side.

    Attributes:
        measured: of the cost.
        formula: of the FLOPs by the cost formulas.
        num_cells: pretrainings or evaluations that each side has at a seed.
        left_out: seeds whose sides were not run alike, by what differs.
    """

    measured: Array
    formula: Array
    num_cells: int
    left_out: Mapping[str, int]


def read_costs(rows: pd.DataFrame, claim: Claim, seeds: tuple[int, ...]) -> RunCosts:
    """Return the costs of a claim's arms; of several pretrainings or evaluations, their sums."""
    cost = str(claim.cost)
    how = _HOW_RUN.get(cost, ())
    formula = _FORMULA.get(cost, cost)
    arms = (claim.treatment, claim.control)
    points = [set(map(parse_point, rows["grid_point"][rows["arm"] == arm])) for arm in arms]
    met = {p for p in points[0] & points[1] if is_matched(claim.grid, dict(p))}
    read = rows[[parse_point(text) in met for text in rows["grid_point"]]]
    sides = [_cells(read[read["arm"] == arm], claim, (cost, formula, *how)) for arm in arms]
    keys = {key for side in sides for _, key in side}
    measured, flops = np.full(len(seeds), np.nan), np.full(len(seeds), np.nan)
    left_out: Counter[str] = Counter()
    for place, seed in enumerate(seeds):
        both = [[side.get((seed, key)) for key in keys] for side in sides]
        treatment, control = ([c for c in one if c is not None] for one in both)
        if not keys or not len(treatment) == len(control) == len(keys):
            continue
        differing = [n for n in how if any(a[n] != b[n] for a, b in _aligned(both))]
        if differing:
            left_out[", ".join(differing)] += 1
            continue
        for target, name in ((measured, cost), (flops, formula)):
            spent = [sum(float(c[name]) for c in side) for side in (treatment, control)]
            if min(spent) > 0:
                target[place] = np.log(spent[0] / spent[1])
    return RunCosts(measured, flops, len(keys), left_out)


def _aligned(
    both: list[list[dict[str, Any] | None]],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(a, b) for a, b in zip(*both, strict=True) if a is not None and b is not None]


def _cells(
    rows: pd.DataFrame, claim: Claim, names: tuple[str, ...]
) -> dict[tuple[int, Hashable], dict[str, Any]]:
    """Return the costs of an arm by seed and by what was pretrained or evaluated."""
    is_pretraining = str(claim.cost).startswith("pretrain")
    keys = list(_AXES if is_pretraining else _CELL)
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")
    cells: dict[tuple[int, Hashable], dict[str, Any]] = {}
    for record in records:
        if record[names[0]] is None or record[names[1]] is None:
            continue
        noise = row_noise(record["noise"], float(record["noise_rate"]), record["noise_where"])
        is_read = is_pretraining or (
            claim.task in (None, record["task"])
            and claim.protocol in (None, record["protocol"])
            and claim.train_size in (None, parse_size(str(record["train_size"])))
            and is_noise(noise, claim.noise)
        )
        if not is_read:
            continue
        # one evaluation reads the test split under several noises, at one cost
        learned_from = "" if is_pretraining or noise.where == "test" else noise.label
        key = (*(record[name] for name in keys), learned_from)
        cells[int(record["seed"]), key] = {name: record[name] for name in names}
    return cells
