"""Where the winner changes: who is first by task, kind, protocol, size and noise; pairs that turn.

A column is one task in one setting. Who is first in it is a mean over seeds and may be chance; what
is *decided* is one family for each setting: all pairs of arms on all of its tasks.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from mae_bench.analysis.messages import joined, message
from mae_bench.analysis.pairwise import OWN, Decisions
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.tables import Table
from mae_bench.specs import percent, point_label, short_field, value_text

_SHOWN = 4  # columns named in a cell of the table; the CSV names all


@dataclass(frozen=True)
class Column:
    """One task in one setting.

    Attributes:
        kind: of the task; empty where it is not known.
        first: the arm with the best mean.
        first_of_all: likewise, arms from outside among them.
        beaten: pairs (better, worse) that are decided.
        num_arms: that have a score here, without those from outside.
        num_outside: arms from outside that have one.
    """

    task: str
    kind: str
    setting: Setting
    first: str
    first_of_all: str
    beaten: frozenset[tuple[str, str]]
    num_arms: int
    num_outside: int

    @property
    def is_decided(self) -> bool:
        """Whether the first is shown to beat every other arm."""
        return sum(better == self.first for better, _ in self.beaten) == self.num_arms - 1


def winner_columns(scores: Scores, kinds: Mapping[str, str], decisions: Decisions) -> list[Column]:
    """Return the columns in which two arms or more have a score.

    Args:
        scores: of the primary metrics of a study.
        kinds: of its tasks, by name.
        decisions: what its settings decide; where nothing is compared there is no column, nor
            where a protocol reads the corpus, as that says no score of a task.
    """
    columns = []
    arms = [arm.label for arm in scores.of_role(*OWN)]
    outside = [arm.label for arm in scores.of_role("outside")]
    for setting, beaten in decisions.beaten.items():
        if setting.protocol in scores.corpus_protocols:
            continue  # a statistic of representations is no score that anyone wins
        for task in scores.tasks_in(setting):
            ranked = _ranked(scores, arms, task, setting)
            everyone = _ranked(scores, [*arms, *outside], task, setting)
            if len(ranked) > 1:
                columns.append(
                    Column(
                        task,
                        kinds.get(task, ""),
                        setting,
                        first=ranked[0],
                        first_of_all=everyone[0],
                        beaten=beaten.get(task, frozenset()),
                        num_arms=len(ranked),
                        num_outside=len(everyone) - len(ranked),
                    )
                )
    return columns


def _ranked(scores: Scores, arms: Sequence[str], task: str, setting: Setting) -> list[str]:
    """Return the arms that have a score, the best mean first."""
    sign = scores.measure(task, setting).sign
    cells = {arm: scores.cells.get((arm, task, setting)) for arm in arms}
    means = {arm: sign * cell.mean for arm, cell in cells.items() if cell and cell.n}
    return sorted((arm for arm in means if np.isfinite(means[arm])), key=lambda arm: -means[arm])


def winner_tables(columns: Sequence[Column], note: str = "") -> list[Table]:
    """Return the table of firsts by each axis that the study has, and that of pairs that turn.

    ``note`` is a sentence on pairs that were not tested.
    """
    axes = {**_AXES, **_grid_axes(columns)}
    records = [record for axis, of in axes.items() for record in _by_axis(axis, of, columns)]
    if not records:
        return []
    turned = turned_pairs(columns)
    pairs = {frozenset(pair) for column in columns for pair in column.beaten}
    sentences = [
        message("winners.caption"),
        message("winners.outside") if _has_outside(columns) else "",
        message("winners.turned", n=len(pairs), turned=len(turned)),
        note,
    ]
    caption = joined(sentences)
    tables = [Table("winners", caption, pd.DataFrame(records))]
    if turned:
        caption = message("winners.turned_pairs")
        frame = pd.DataFrame(
            [
                {
                    "arms": f"{one} / {other}",
                    "the first is better on": _named(theirs[0]),
                    "the second is better on": _named(theirs[1]),
                }
                for (one, other), theirs in turned.items()
            ]
        )
        tables.append(Table("turned_pairs", caption, frame))
    return tables


def turned_pairs(
    columns: Sequence[Column],
) -> dict[tuple[str, str], tuple[list[Column], list[Column]]]:
    """Return the pairs decided both ways, each with the columns where the one and the other won."""
    labels = dict.fromkeys(label for column in columns for pair in column.beaten for label in pair)
    turned = {}
    for one, other in combinations(sorted(labels), 2):
        wins = [column for column in columns if (one, other) in column.beaten]
        losses = [column for column in columns if (other, one) in column.beaten]
        if wins and losses:
            turned[one, other] = (wins, losses)
    return turned


def columns_long(columns: Sequence[Column]) -> pd.DataFrame:
    """Return a line for each column."""
    return pd.DataFrame(
        [
            {
                "task": column.task,
                "kind": column.kind,
                "protocol": column.setting.protocol,
                "train_size": str(column.setting.train_size),
                "noise": column.setting.noise.label,
                "corpus_tokens": column.setting.corpus_tokens,
                "pretrain_ratio": column.setting.pretrain_ratio,
                "grid_point": point_label(column.setting.point),
                "first": column.first,
                "first_of_all": column.first_of_all,
                "is_decided": column.is_decided,
                "decided": "; ".join(f"{a} > {b}" for a, b in sorted(column.beaten)),
            }
            for column in columns
        ]
    )


def _labels(column: Column) -> str:
    return "none" if column.setting.is_unlabelled else str(column.setting.train_size)


def _tokens(column: Column) -> str:
    tokens = column.setting.corpus_tokens
    return f"{tokens:,}" if tokens else ""


def _share(column: Column) -> str:
    ratio = column.setting.pretrain_ratio
    return "" if ratio is None else percent(ratio)


_AXES: Mapping[str, Callable[[Column], str]] = {
    "kind": lambda column: column.kind,
    "protocol": lambda column: column.setting.protocol,
    "labels": _labels,
    "noise": lambda column: column.setting.noise.label,
    "corpus tokens": _tokens,
    "share of pretraining": _share,
}


def _has_outside(columns: Sequence[Column]) -> bool:
    return any(column.num_outside for column in columns)


def _grid_axes(columns: Sequence[Column]) -> dict[str, Callable[[Column], str]]:
    """Return an axis for each field of the grid."""
    fields = dict.fromkeys(field for column in columns for field, _ in column.setting.point)
    return {short_field(field): partial(_value_of, field) for field in fields}


def _value_of(field: str, column: Column) -> str:
    return value_text(dict(column.setting.point)[field])


def _by_axis(
    axis: str, of: Callable[[Column], str], columns: Sequence[Column]
) -> Iterator[dict[str, object]]:
    groups: dict[str, list[Column]] = {}
    for column in columns:
        groups.setdefault(of(column), []).append(column)
    if len(groups) < 2:
        return
    has_outside = _has_outside(columns)
    for value, group in groups.items():
        record: dict[str, object] = {"by": axis, "where": value or message("cell.unknown")}
        record["columns"] = len(group)
        record["first (decided)"] = _firsts(group)
        if has_outside:
            everyone = [column.first_of_all for column in group]
            record["with arms from outside"] = _counted(everyone)
        yield record


def _firsts(group: Sequence[Column]) -> str:
    decided = [column.first for column in group if column.is_decided]
    firsts = Counter(column.first for column in group)
    said = [f"{label} {n} ({decided.count(label)})" for label, n in firsts.most_common()]
    return message("list.comma").join(said)


def _counted(labels: Sequence[str]) -> str:
    return message("list.comma").join(f"{label} {n}" for label, n in Counter(labels).most_common())


def _named(columns: Sequence[Column]) -> str:
    shown = [
        column.task + message("page.in_brackets", text=column.setting.label)
        for column in columns[:_SHOWN]
    ]
    more = [message("winners.more", n=len(columns) - _SHOWN)] if len(columns) > _SHOWN else []
    return message("list.semicolon").join([*shown, *more])
