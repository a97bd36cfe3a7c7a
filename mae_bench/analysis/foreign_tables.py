"""Foreign results beside a study's own: scores, and differences with unpaired intervals.

A foreign run shares no seed, no labels and no batches with one of the study, so that nothing pairs
them; what else differs (text, size, recipe, test set) no interval can know. They take no part in
verdicts.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from mae_bench.analysis.foreign import ForeignScore
from mae_bench.analysis.messages import message
from mae_bench.analysis.score_tables import score_text
from mae_bench.analysis.scores import COMPARED, Scores
from mae_bench.analysis.stats import LEVEL
from mae_bench.analysis.tables import Table
from mae_bench.errors import UnknownNameError
from mae_bench.measures import Measure, measure_of

_UNKNOWN = Measure("neither", "", 3)


def welch_interval(
    mean: float, sd: float, n: int, other_mean: float, other_sd: float, other_n: int
) -> tuple[float, float]:
    """Return the 95% interval of a difference of two means over independent runs.

    Source: Welch 1947, The generalization of Student's problem, Biometrika 34. NaN where a side has
    fewer than two runs, or an unknown spread.
    """
    errors = np.array([sd**2 / n, other_sd**2 / other_n])
    if min(n, other_n) < 2 or not np.isfinite(errors).all():
        return float("nan"), float("nan")
    total = float(errors.sum())
    gap = mean - other_mean
    if not total:
        return gap, gap
    freedom = total**2 / float((errors**2 / np.array([n - 1, other_n - 1])).sum())
    half = float(special.stdtrit(freedom, 1 - LEVEL / 2)) * total**0.5
    return gap - half, gap + half


def foreign_tables(foreign: Sequence[ForeignScore], scores: Scores, folder: Path) -> list[Table]:
    """Return the tables for the page, and write all numbers as CSV; none without foreign results.

    Own arms stand beside those of the same task and metric, at the reference setting.
    """
    if not foreign:
        return []
    gaps = _differences(foreign, scores)
    gaps.to_csv(folder / "foreign_numbers.csv", index=False)
    tables = [_score_table(foreign, scores)]
    return [*tables, _difference_table(gaps)] if len(gaps) else tables


def _score_table(foreign: Sequence[ForeignScore], scores: Scores) -> Table:
    records = []
    for task, metric in dict.fromkeys((score.task, score.metric) for score in foreign):
        records += _own_lines(task, metric, scores)
        for score in foreign:
            if (score.task, score.metric) == (task, metric):
                records.append(_foreign_line(score))
    caption = message("foreign.scores", setting=scores.reference.label)
    return Table("foreign", caption, pd.DataFrame(records))


def _own_lines(task: str, metric: str, scores: Scores) -> list[dict[str, str]]:
    """Return a line for each arm of the study that has this score."""
    own = _own_task(task, metric, scores)
    if own is None:
        return []
    lines = []
    for arm in scores.of_role(*COMPARED):
        cell = scores.cells.get((arm.label, own, scores.reference))
        if cell is not None:
            text = score_text(cell, len(scores.seeds))
            line = {"task": task, "metric": metric, "arm": arm.label, "score": text}
            lines.append(
                line
                | {
                    "runs": str(cell.n),
                    "source": message("foreign.here"),
                    "what": message("foreign.seeds"),
                }
            )
    return lines


def _foreign_line(score: ForeignScore) -> dict[str, str]:
    measure = _measure(score.metric)
    text = measure.number(score.mean)
    if score.n > 1 and np.isfinite(score.sd):
        half = special.stdtrit(score.n - 1, 1 - LEVEL / 2) * score.sd / score.n**0.5
        text += f" ± {measure.number(half)}"
    return {
        "task": score.task,
        "metric": score.metric,
        "arm": message("foreign.arm", arm=score.arm),
        "score": text,
        "runs": str(score.n),
        "source": score.source,
        "what": score.note or message("foreign.runs"),
    }


def _differences(foreign: Sequence[ForeignScore], scores: Scores) -> pd.DataFrame:
    """Return own minus foreign, a line for each pair of arms on the same task and metric."""
    records = []
    for score in foreign:
        own = _own_task(score.task, score.metric, scores)
        for arm in scores.of_role(*COMPARED) if own is not None else ():
            cell = scores.cells.get((arm.label, str(own), scores.reference))
            if cell is None or not cell.n:
                continue
            values = cell.values[np.isfinite(cell.values)]
            sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
            sides = (cell.mean, sd, cell.n, score.mean, score.sd, score.n)
            low, high = welch_interval(*sides)
            records.append(
                {
                    "task": score.task,
                    "metric": score.metric,
                    "arm": arm.label,
                    "other": score.arm,
                    "source": score.source,
                    "difference": cell.mean - score.mean,
                    "low": low,
                    "high": high,
                    "n": cell.n,
                    "other_n": score.n,
                }
            )
    return pd.DataFrame(records)


def _difference_table(gaps: pd.DataFrame) -> Table:
    records = []
    for gap in gaps.to_dict("records"):
        measure = _measure(str(gap["metric"]))
        ends = [measure.number(gap[end], is_signed=True) for end in ("low", "high")]
        is_known = np.isfinite(gap["low"])
        records.append(
            {
                "task": gap["task"],
                "metric": gap["metric"],
                "arm": gap["arm"],
                "minus (unpaired)": f"{gap['other']} ({gap['source']})",
                "difference": measure.number(gap["difference"], is_signed=True),
                "95% interval": f"[{', '.join(ends)}]"
                if is_known
                else message("foreign.no_spread"),
                "runs": message("list.all", first=gap["n"], last=gap["other_n"]),
            }
        )
    caption = message("foreign.differences")
    return Table("foreign-differences", caption, pd.DataFrame(records))


def _own_task(task: str, metric: str, scores: Scores) -> str | None:
    """Return the study's task of the same name and primary metric; letters and digits count."""
    for own in scores.tasks_in(scores.reference):
        is_same = _plain(own) == _plain(task) and scores.metric(own, scores.reference) == metric
        if is_same:
            return own
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _measure(metric: str) -> Measure:
    try:
        return measure_of(metric)
    except UnknownNameError:
        return _UNKNOWN
