"""Where two learning curves cross: the number of labels from which the other arm is ahead.

Legend: S seeds, K sizes, B resamples.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from mae_bench.analysis.messages import message, word
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.analysis.stats import LEVEL
from mae_bench.analysis.tables import Table, whole_number
from mae_bench.specs import MIN_SEEDS, point_label

MIN_SIZES = 3
_RESAMPLES = 2000

Answer = Literal["crosses", "no crossing within the sizes", "not decidable"]


@dataclass(frozen=True)
class Crossing:
    """Whether and where the paired mean difference of two curves changes its sign.

    Attributes:
        answer: one of three.
        reason: why it is not decidable; else empty.
        is_ahead: whether the first curve is the higher one at the largest size.
        size: where the mean difference is 0, on a line between sizes over their logarithm; NaN
            unless the answer is ``crosses``. So are ``low`` and ``high``, its 95% interval.
    """

    answer: Answer
    reason: str
    is_ahead: bool
    size: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


def crossing(sizes: Array, first: Array, second: Array) -> Crossing:
    """Return where two curves cross along the sizes.

    Seeds are resampled as pairs. Their deviations from the mean are widened to those of Student's
    interval, for a bootstrap of few seeds is too narrow (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789). A crossing needs 95% of the resamples to cross once and in
    the same direction, none needs 95% to have the same arm ahead at every size.

    Args:
        sizes: [K] numbers of labels, ascending.
        first: [S, K] scores, higher is better; a seed without all of them is left out.
        second: [S, K] those of the other curve.
    """
    differences = first - second
    differences = differences[np.isfinite(differences).all(axis=1)]
    n = len(differences)
    mean = differences.mean(axis=0) if n else np.zeros(len(sizes))
    if n < MIN_SEEDS:
        return Crossing(
            "not decidable", message("crossing.seeds", n=n, least=MIN_SEEDS), bool(mean[-1] > 0)
        )
    drawn = differences[_resamples(n)].mean(axis=1)
    factor = special.stdtrit(n - 1, 1 - LEVEL / 2) / special.ndtri(1 - LEVEL / 2)
    drawn = mean + factor * np.sqrt(n / (n - 1)) * (drawn - mean)
    count, at, is_ahead = _changes(np.log(sizes), mean[None])
    counts, all_at, are_ahead = _changes(np.log(sizes), drawn)
    is_like = (counts == count[0]) & (are_ahead == is_ahead[0])
    ahead = bool(is_ahead[0])
    if count[0] > 1:
        return Crossing("not decidable", message("crossing.several"), ahead)
    if is_like.mean() < 1 - LEVEL:
        share = message("crossing.unsure", share=f"{is_like.mean():.0%}")
        return Crossing("not decidable", share, ahead)
    if count[0] == 0:
        return Crossing("no crossing within the sizes", "", ahead)
    low, high = np.quantile(all_at[is_like], [LEVEL / 2, 1 - LEVEL / 2])
    ends = np.exp([at[0], low, high])
    return Crossing("crosses", "", ahead, *map(float, ends))


@cache
def _resamples(n: int) -> NDArray[np.int64]:
    """Return the seeds of each resample, the same for every pair of curves."""
    return np.random.default_rng(0).integers(0, n, (_RESAMPLES, n))


def _changes(x: Array, lines: Array) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_]]:
    """Return [B] changes of sign of lines [B, K], where the first is, and whether they end above 0.

    A 0 has the sign of what comes before it.
    """
    signs = np.sign(lines)
    for column in range(1, signs.shape[1]):
        signs[:, column] = np.where(signs[:, column] == 0, signs[:, column - 1], signs[:, column])
    for column in range(signs.shape[1] - 2, -1, -1):  # 0 from the start on
        signs[:, column] = np.where(signs[:, column] == 0, signs[:, column + 1], signs[:, column])
    is_change = signs[:, 1:] != signs[:, :-1]
    left = is_change.argmax(axis=1)
    rows = np.arange(len(lines))
    before, after = lines[rows, left], lines[rows, left + 1]
    step = np.where(is_change.any(axis=1), before - after, 1.0)
    at = x[left] + before / step * (x[left + 1] - x[left])
    return is_change.sum(axis=1), at, signs[:, -1] > 0


def crossings(scores: Scores, control: str) -> pd.DataFrame:
    """Return a line for each arm, task, protocol and noise with three sizes or more."""
    families: dict[Setting, list[Setting]] = {}
    for setting in scores.settings:
        families.setdefault(replace(setting, train_size="all"), []).append(setting)
    records = []
    for base, family in families.items():
        for task in scores.tasks_in(base):
            line = _by_size(scores, control, task, family)
            if len(line) < MIN_SIZES:
                continue
            sign = scores.measure(task, line[0][1]).sign
            curves = {
                arm.label: sign * np.stack([scores.values(arm.label, task, s) for _, s in line], 1)
                for arm in scores.of_role(*COMPARED)
            }
            sizes = np.array([size for size, _ in line], dtype=np.float64)
            for label, curve in curves.items():
                if label != control and control in curves:
                    answer = crossing(sizes, curve, curves[control])
                    records.append(_record(label, task, base, sizes, answer))
    return pd.DataFrame(records)


def _by_size(
    scores: Scores, control: str, task: str, family: list[Setting]
) -> list[tuple[int, Setting]]:
    """Return the settings by their number of training examples, one for each number."""
    by_size: dict[int, Setting] = {}
    for setting in family:
        cell = scores.cells.get((control, task, setting))
        if cell and cell.n_train:
            by_size.setdefault(cell.n_train, setting)
    return sorted(by_size.items())


def _record(
    arm: str, task: str, base: Setting, sizes: Array, answer: Crossing
) -> dict[str, object]:
    return {
        "arm": arm,
        "task": task,
        "protocol": base.protocol,
        "noise": base.noise.label,
        "corpus_tokens": base.corpus_tokens,
        "pretrain_ratio": base.pretrain_ratio,
        "grid_point": point_label(base.point),
        "smallest": int(sizes[0]),
        "largest": int(sizes[-1]),
        "answer": answer.answer,
        "reason": answer.reason,
        "is_ahead_at_largest": answer.is_ahead,
        "size": answer.size,
        "low": answer.low,
        "high": answer.high,
    }


def crossing_table(numbers: pd.DataFrame, scores: Scores, control: str) -> Table | None:
    """Return the crossings at the reference's noise and text; None where no size is asked."""
    reference = scores.reference
    records = [
        {
            "task": row["task"],
            "protocol": row["protocol"],
            "arm": row["arm"],
            "labels": message(
                "crossing.sizes", least=f"{row['smallest']:,}", most=f"{row['largest']:,}"
            ),
            "answer": word("word", row["answer"])
            + (f" ({row['reason']})" if row["reason"] else ""),
            "at labels": whole_number(row["size"]) if row["answer"] == "crosses" else "none",
            "95% interval": _interval(row["low"], row["high"]),
            "ahead at most labels": row["arm"] if row["is_ahead_at_largest"] else control,
        }
        for row in numbers.to_dict("records")
        if row["noise"] == reference.noise.label
        and row["grid_point"] == point_label(reference.point)
        and all(
            row[name] == getattr(reference, name) or pd.isna(row[name])
            for name in ("corpus_tokens", "pretrain_ratio")
        )
    ]
    caption = message("crossing.caption", control=control)
    return Table("crossings", caption, pd.DataFrame(records)) if records else None


def _interval(low: float, high: float) -> str:
    return f"[{low:,.0f}, {high:,.0f}]" if np.isfinite(low) else "none"
