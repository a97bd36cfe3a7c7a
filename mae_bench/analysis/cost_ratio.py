"""Claims on a ratio of costs: equivalence to what is expected, of its logarithm over seeds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from mae_bench.analysis.blank_verdict import ratio_blank
from mae_bench.analysis.failures import NO_LOSSES
from mae_bench.analysis.messages import counted, message
from mae_bench.analysis.questions import Asked, Part
from mae_bench.analysis.run_costs import RunCosts, read_costs
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.verdicts import Outcome
from mae_bench.specs import Claim, Study
from mae_bench.specs.claim_axes import is_exact


def ask_ratio(claim: Claim, family: str, scores: Scores, rows: pd.DataFrame, study: Study) -> Asked:
    """Return what a ratio puts before its family: how far it is from what is expected.

    FLOPs of pretrainings are counted, not measured. Where they are the same at every seed nothing
    is left to a test: the claim is decided by arithmetic, from one seed on.
    """
    assert claim.expected is not None and claim.tolerance is not None
    costs = read_costs(rows, claim, scores.seeds)
    expected = costs.formula if claim.expected == "formula" else np.log(claim.expected)
    off = costs.measured - expected
    off[~np.isfinite(off)] = np.nan
    is_there = np.isfinite(off)
    shift = float((costs.measured - off)[is_there].mean()) if is_there.any() else 0.0
    verdict = ratio_blank(claim, family, off, costs.num_cells, shift)
    reach = float(np.log1p(claim.tolerance))
    needed = (Part(0, -reach, True), Part(0, reach, False))
    return Asked(
        claim,
        replace(verdict, detail=_detail(claim, costs, shift, bool(is_there.any()))),
        needed,
        tuple(part.opposite for part in needed),
        NO_LOSSES,
        verdict.measure,
        off[:, None],
        off[:, None],
        off[:, None],
        decided=_exact(off[is_there], reach) if is_exact(claim, study) else None,
        is_log=True,
    )


def _exact(off: np.ndarray[tuple[int], np.dtype[np.float64]], reach: float) -> Outcome | None:
    """Return the outcome of a ratio without any spread; None where there is one, or no seed."""
    if not len(off) or np.ptp(off) > 1e-9:
        return None
    return "supported" if abs(off[0]) <= reach + 1e-12 else "refuted"


def _detail(claim: Claim, costs: RunCosts, shift: float, has_seeds: bool) -> str:
    assert claim.tolerance is not None
    parts = []
    if has_seeds:
        expected, reach = float(np.exp(shift)), 1 + claim.tolerance
        key = "claim.formula_ratio" if claim.expected == "formula" else "claim.expected_ratio"
        numbers = (expected, expected / reach, expected * reach)
        expected_text, least, most = (f"{number:.2f}" for number in numbers)
        parts.append(message(key, expected=expected_text, cost=claim.cost, least=least, most=most))
    parts += [
        message("claim.left_out", seeds=counted("seeds", count), what=what)
        for what, count in costs.left_out.items()
    ]
    return message("list.semicolon").join(parts)
