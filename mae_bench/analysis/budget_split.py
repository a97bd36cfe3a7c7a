"""Where the best split of one compute budget between pretraining and fine-tuning lies."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mae_bench.analysis.messages import message
from mae_bench.analysis.pairwise import Beaten, decided_pairs
from mae_bench.analysis.score_tables import score_text
from mae_bench.analysis.scores import COMPARED, Arm, Cell, Scores, Setting
from mae_bench.analysis.tables import Table, si
from mae_bench.specs import MIN_SEEDS, at_share, percent


@dataclass(frozen=True)
class SplitLine:
    """One arm on one task at every share of the budget that pretraining got.

    Attributes:
        setting: the rest of the setting.
        cells: by share, ascending; None where nothing was run.
        best: the share of the best mean; None without a score, and for an arm without pretraining.
        rivals: other shares that are not shown to be worse than it.
        num_seeds: of its comparisons, the fewest.
    """

    arm: Arm
    task: str
    setting: Setting
    cells: Mapping[float, Cell | None]
    best: float | None = None
    rivals: tuple[float, ...] = ()
    num_seeds: int = 0

    def label(self, share: float) -> str:
        """Return the arm at one share."""
        return at_share(self.arm.label, share)

    @property
    def answer(self) -> str:
        """Where the best split is, in words."""
        if self.best is None:
            return message("cell.none")
        if not self.rivals:
            is_last = self.best == max(self.cells)
            share = percent(self.best)
            return message("split.largest", share=share) if is_last else share
        if self.num_seeds < MIN_SEEDS:
            return message("split.few_seeds", n=self.num_seeds, least=MIN_SEEDS)
        shares = map(percent, sorted((self.best, *self.rivals)))
        return message("split.open", shares=message("list.or").join(shares))


def split_lines(scores: Scores) -> list[SplitLine]:
    """Return a line for each task, arm and setting; none where there are no two shares.

    A share is the best where its mean is, and every other one is shown to be worse. All pairs of
    shares, of all arms and tasks of a setting, are one family, which allows for the best one being
    picked by its score.
    """
    families: dict[Setting, dict[float, Setting]] = {}
    for setting in scores.settings:
        if (share := setting.pretrain_ratio) is not None:
            families.setdefault(replace(setting, pretrain_ratio=None), {})[share] = setting
    lines = []
    for base, by_share in families.items():
        if len(by_share) < 2:
            continue
        family = [
            SplitLine(
                arm,
                task,
                base,
                {s: scores.cells.get((arm.label, task, by_share[s])) for s in sorted(by_share)},
            )
            for task in scores.tasks_in(base)
            for arm in scores.of_role("untrained", *COMPARED)
        ]
        beaten = _beaten([line for line in family if line.arm.role in COMPARED], base, scores)
        lines += [
            _decided(line, beaten.get(line.task, ())) if line.arm.role in COMPARED else line
            for line in family
        ]
    return lines


def _beaten(lines: Sequence[SplitLine], base: Setting, scores: Scores) -> Beaten:
    """Return (better, worse) by task among the shares of each line; shares act as arms."""
    arms = {
        line.label(s): line.arm._replace(label=line.label(s)) for line in lines for s in line.cells
    }
    cells = {
        (line.label(share), line.task, base): cell
        for line in lines
        for share, cell in line.cells.items()
        if cell is not None
    }
    sides = dict.fromkeys(
        pair for line in lines for pair in combinations(map(line.label, line.cells), 2)
    )
    as_arms = replace(scores, arms=tuple(arms.values()), settings=(base,), cells=cells)
    return decided_pairs(as_arms, sides, base, scores.tasks_in(base))


def _decided(line: SplitLine, beaten: Container[tuple[str, str]]) -> SplitLine:
    """Return the line with its best share, and with those that may be as good."""
    there = {s: c for s, c in line.cells.items() if c is not None and c.n}
    if not there:
        return line
    best = max(there, key=lambda share: there[share].measure.sign * there[share].mean)
    others = [share for share in line.cells if share != best]
    rivals = [s for s in others if (line.label(best), line.label(s)) not in beaten]
    mine = there[best].values
    counts = [int(np.isfinite(mine - there[s].values).sum()) if s in there else 0 for s in others]
    return replace(line, best=best, rivals=tuple(rivals), num_seeds=min(counts))


def split_tables(rows: pd.DataFrame, scores: Scores, folder: Path) -> list[Table]:
    """Return the tables for the page, and write all numbers as CSV; none without that axis."""
    lines = split_lines(scores)
    if not lines:
        return []
    split_numbers(lines).to_csv(folder / "split_numbers.csv", index=False)
    tables = (split_table(lines, scores), split_cost_table(rows))
    return [table for table in tables if table is not None]


def split_numbers(lines: Iterable[SplitLine]) -> pd.DataFrame:
    """Return a line of numbers for each share of each line."""
    return pd.DataFrame(
        {
            "arm": line.arm.label,
            "task": line.task,
            "protocol": line.setting.protocol,
            "train_size": str(line.setting.train_size),
            "noise": line.setting.noise.label,
            "pretrain_ratio": share,
            "mean": cell.mean if cell else np.nan,
            "low": cell.low if cell else np.nan,
            "high": cell.high if cell else np.nan,
            "n": cell.n if cell else 0,
            "is_best_mean": share == line.best,
            "is_shown_worse": line.best not in (None, share) and share not in line.rivals,
        }
        for line in lines
        for share, cell in line.cells.items()
    )


def split_table(lines: Iterable[SplitLine], scores: Scores) -> Table | None:
    """Return the scores by share at the reference's protocol, size and noise."""
    at = replace(scores.reference, pretrain_ratio=None)
    records = [
        {"task": line.task, "arm": line.arm.shown}
        | {percent(s): score_text(cell, len(scores.seeds)) for s, cell in line.cells.items()}
        | {"best split": line.answer}
        for line in lines
        if line.setting == at
    ]
    caption = message("split.caption", setting=at.label)
    return Table("budget-split", caption, pd.DataFrame(records)) if records else None


def split_cost_table(rows: pd.DataFrame) -> Table | None:
    """Return what both parts took, by arm and share; None where nothing was run."""
    names = ["pretrain_ratio", "pretrain_flops", "train_flops", "evaluate_flops"]
    costs = rows[rows["train_flops"].notna()][["arm", *names]].copy()
    if costs.empty:
        return None
    costs[names] = costs[names].apply(pd.to_numeric)
    records = []
    means = costs.groupby(["arm", "pretrain_ratio"], sort=False).mean().reset_index()
    for _, mean in means.iterrows():
        records.append(
            {
                "arm": mean["arm"],
                "share of pretraining": percent(float(mean["pretrain_ratio"])),
                "pretraining FLOPs": si(mean["pretrain_flops"]),
                "fine-tune FLOPs": si(mean["train_flops"]),
                "both": si(mean["pretrain_flops"] + mean["train_flops"]),
                "with the search": si(mean["pretrain_flops"] + mean["evaluate_flops"]),
            }
        )
    caption = message("split.costs")
    return Table("budget-split-costs", caption, pd.DataFrame(records))
