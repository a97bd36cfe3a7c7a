"""Scores of what other packages measure and what decides no task; no verdict is on them.

This package's own secondary metrics are in the rows alone.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import pandas as pd

from mae_bench.analysis.messages import message
from mae_bench.analysis.score_tables import score_table
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.tables import Table
from mae_bench.measures import MEASURES


def external_metrics(rows: pd.DataFrame) -> list[str]:
    """Return the metrics in rows that are not primary and that another package declares."""
    is_primary = rows["is_primary"].fillna(True).astype(bool)
    theirs = [name for name in MEASURES.names() if MEASURES.plugin(name)]
    metrics = dict.fromkeys(str(metric) for metric in rows["metric"][~is_primary])
    return [m for m in metrics if any(fnmatchcase(m, name) for name in theirs)]


def secondary_table(metrics: Mapping[str, Scores], setting: Setting) -> Table | None:
    """Return arms by tasks and metrics in one setting; None where it has none of the metrics.

    Args:
        metrics: scores by metric.
        setting: of the table.
    """
    frames = []
    for scores in metrics.values():
        tasks = [task for task in scores.tasks_in(setting) if scores.metric(task, setting)]
        if tasks:
            frame = score_table(scores, setting).frame.set_index("arm")
            shown = [name for name in frame.columns if name.partition(" (")[0] in tasks]
            frames.append(frame[shown])
    if not frames:
        return None
    caption = message("secondary.caption", setting=setting.label)
    table = pd.concat(frames, axis=1).fillna("not run").reset_index()
    return Table(f"secondary-{setting.slug}", caption, table)
