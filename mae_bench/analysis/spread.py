"""Claims that one arm varies less over seeds than another.

Two variances of pairs are equal where sums and differences are uncorrelated (Pitman 1939,
doi:10.1093/biomet/31.1-2.9; Morgan 1939, doi:10.1093/biomet/31.1-2.13). Their correlation is taken
of ranks (McCulloch 1987, doi:10.1080/03610928708829443), for Pearson's errs up to fivefold where a
run in ten ends on a plateau; PROTOCOL.md has the numbers. Up to eight seeds all orders are counted.
"""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
from scipy import special, stats

from mae_bench.analysis.blank_verdict import TIMES
from mae_bench.analysis.failures import Losses, count_losses
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.pairs import common_measure, fits, metrics_of, places_of
from mae_bench.analysis.questions import Asked, Own, Part
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.stats import LEVEL
from mae_bench.analysis.units import amount
from mae_bench.analysis.verdicts import Verdict
from mae_bench.measures import Measure
from mae_bench.specs import MIN_SEEDS, Claim

MAX_COUNTED = 8  # seeds whose orders are all counted: 40,320


def ask_spread(claim: Claim, family: str, scores: Scores) -> Asked:
    """Return what a claim on spread puts before its family: a test of its own.

    A claim over several tasks or settings is averaged inside the seed first, as any other. A run
    that failed has no number that could be far off, so more of them on one side leave no verdict;
    collapsed runs are part of the spread.
    """
    conditions = [
        (task, where)
        for where in scores.settings
        if fits(claim, where, scores)
        for task in (scores.tasks_in(where) if claim.task is None else (claim.task,))
    ]
    pairs = (places_of(claim, condition) for condition in conditions)
    sides = list(zip(*([scores.side(*place) for place in pair] for pair in pairs), strict=True))
    sides = sides or [(), ()]
    losses = sum(map(count_losses, *sides), Losses())
    losses = replace(losses, is_even=losses.treatment_failed == losses.control_failed)
    nothing = np.full(len(scores.seeds), np.nan)
    both = [np.mean([side.values for side in of] or [nothing], axis=0) for of in sides]
    kept = np.stack(both)[:, np.isfinite(both).all(axis=0)]
    measure = common_measure(claim, metrics_of(claim, scores, conditions))
    result = spread_test(*kept) if kept.shape[1] >= MIN_SEEDS else None
    verdict = Verdict(
        claim=claim,
        family=family,
        outcome="not decidable" if kept.shape[1] else "not run",
        reason="",
        n=kept.shape[1],
        num_seeds=len(scores.seeds),
        num_conditions=len(conditions),
        losses=losses,
        measure=TIMES,
        detail=_detail(claim, kept, measure),
    )
    if result is not None:
        ends = np.exp([result.estimate, result.low, result.high]).tolist()
        verdict = replace(verdict, difference=ends[0], low=ends[1], high=ends[2])
    no_column = np.empty((len(scores.seeds), 0))
    return Asked(
        claim,
        verdict,
        (Part(0, 0.0, False),),
        (Part(0, 0.0, True),),
        losses,
        TIMES,
        no_column,
        no_column,
        no_column,
        result=result,
        is_log=True,
    )


def spread_test(first: Array, second: Array) -> Own:
    """Return the log of the ratio of two standard deviations over the same seeds, with its test.

    The interval is that of Pitman and Morgan, for normal pairs; the p is of ranks.

    Args:
        first: [n] values, three or more.
        second: [n] those of the other side.
    """
    n = len(first)
    spreads = [float(side.std(ddof=1)) for side in (first, second)]
    is_constant = [
        spread <= 1e-9 * max(float(np.abs(side).max()), 1e-3)
        for spread, side in zip(spreads, (first, second), strict=True)
    ]
    if all(is_constant):
        return Own(0.0, -np.inf, np.inf, 1.0)
    p = rank_p(first + second, first - second)
    if any(is_constant):
        ratio = -np.inf if is_constant[0] else np.inf
        return Own(ratio, ratio, ratio, p)
    ratio = float(np.log(spreads[0] / spreads[1]))
    shared = float(np.corrcoef(first, second)[0, 1])
    quantile = special.stdtrit(n - 2, 1 - LEVEL / 2)
    wide = 1 + 2 * max(1 - shared**2, 0.0) * quantile**2 / (n - 2)
    half = float(np.log(wide + np.sqrt(wide**2 - 1))) / 2
    return Own(ratio, ratio - half, ratio + half, p)


def rank_p(first: Array, second: Array) -> float:
    """Return the two-sided p of no correlation of ranks: all orders counted, or by Student's t.

    Never below the share of one order and its reverse among all.
    """
    n = len(first)
    ranks = [stats.rankdata(side) - (n + 1) / 2 for side in (first, second)]
    scale = np.sqrt(np.prod([(side**2).sum() for side in ranks]))
    if not scale:
        return 1.0
    correlation = float(ranks[0] @ ranks[1] / scale)
    if n <= MAX_COUNTED:
        all_orders = ranks[1][_orders(n)] @ ranks[0] / scale
        return float(np.mean(np.abs(all_orders) >= abs(correlation) - 1e-9))
    t = abs(correlation) * np.sqrt((n - 2) / max(1 - correlation**2, 1e-300))
    return max(float(2 * special.stdtr(n - 2, -t)), 2 / float(special.factorial(n)))


@cache
def _orders(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(list(permutations(range(n))))


def _detail(claim: Claim, kept: Array, measure: Measure) -> str:
    if kept.shape[1] < 2:
        return ""
    one, two = (amount(measure, float(side.std(ddof=1))) for side in kept)
    first, second = claim.sides
    return message("claim.spreads", one=one, first=first, two=two, second=second)
