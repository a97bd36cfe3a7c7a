"""Tables of scores: arms by tasks in one setting, the best in bold with its ties, and all numbers.

A cell is never blank: it holds a score, "failed (k of n)", "not run" or "incomplete".
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import pandas as pd

from mae_bench.analysis.messages import listed, message
from mae_bench.analysis.scores import Arm, Cell, Scores, Setting, aggregate
from mae_bench.analysis.stats import CUT
from mae_bench.analysis.tables import Table
from mae_bench.errors import SpecError
from mae_bench.measures import PLAIN, TIMES, Measure, measure_of
from mae_bench.specs import MIN_SEEDS, point_label

COLLAPSE_MARK = "†"
Best = Mapping[str | None, frozenset[str]]  # labels by task, None for the mean of tasks
Spread = Literal["interval", "sd"]


def check_spread(name: str) -> None:
    """Refuse what does not stand after ± in any table.

    Raises:
        SpecError: it is no `Spread`.
    """
    if name not in get_args(Spread):
        raise SpecError(f"after ± stands interval or sd, got '{name}'; give one to --spread")


def score_text(
    cell: Cell | None, num_seeds: int, *, says_labels: bool = False, spread: Spread = "interval"
) -> str:
    """Return a score with half its interval or its SD, its n where seeds lack, and its marks.

    Where it ``says_labels``, it says how many it learned from, if any.
    """
    if cell is None:
        return message("cell.not_run")
    if cell.n == 0:
        if not cell.num_failed:
            return message("cell.not_run")
        return message("cell.failed", failed=cell.num_failed, seeds=num_seeds)
    half = cell.sd if spread == "sd" else (cell.high - cell.low) / 2
    text = cell.measure.number(cell.mean)
    if cell.n > 1:
        text += f" ± {cell.measure.number(half)}"
    notes = []
    if cell.n < num_seeds:
        notes.append(f"n={cell.n}")
    if cell.num_failed:
        notes.append(message("cell.some_failed", failed=cell.num_failed, seeds=num_seeds))
    if says_labels and cell.n_train:
        notes.append(message("cell.labels", labels=f"{cell.n_train:,}"))
    if notes:
        text += f" ({', '.join(notes)})"
    if cell.num_collapsed:
        text += f" {COLLAPSE_MARK}{cell.num_collapsed}"
    return text


def score_table(
    scores: Scores, setting: Setting, best: Best | None = None, spread: Spread = "interval"
) -> Table:
    """Return arms by tasks in one setting; first the floors that read one of them.

    Args:
        scores: of the study.
        setting: of the table.
        best: what is bold, as `best.best_with_ties` returns it; None for nothing, unexplained.
        spread: what stands after ±: half of the 95% interval, or the standard deviation.
    """
    tasks = scores.tasks_in(setting)
    shared = scores.shared_measure(setting)
    averaged = scores.mean_measure(setting)
    arms = [arm for arm in scores.arms if arm.role != "floor" or _reads(scores, arm, setting)]
    records = []
    for arm in arms:
        record = {"arm": arm.shown}
        for task in tasks:
            cell = scores.cells.get((arm.label, task, setting))
            record[_heading(scores, task, setting)] = score_text(
                cell, len(scores.seeds), says_labels=setting.is_unlabelled, spread=spread
            )
        if averaged is not None:
            whole = aggregate(scores, arm.label, setting)
            mean = aggregate_text(whole, "mean", "", len(scores.seeds), averaged, spread)
            record["mean of tasks"] = mean
            if spread == "interval":
                iqm = aggregate_text(whole, "iqm", "iqm_", len(scores.seeds), averaged)
                record["IQM"] = iqm
        records.append(record)
    scale = f" {TIMES} {shared.factor}" if shared and shared.factor != 1 else ""
    if shared is None:
        scale = message("scores.in_points", factor=f"{TIMES} {PLAIN.factor}")
    columns: list[str | None] = [*tasks, None]
    return Table(
        f"scores-{setting.slug}",
        message("scores.caption", scale=scale, setting=setting.label),
        pd.DataFrame(records),
        notes=_notes(scores, setting, arms, best, spread),
        bold=frozenset(
            (line, column + 1)
            for line, arm in enumerate(arms)
            for column, task in enumerate(columns)
            if arm.label in (best or {}).get(task, ())
        ),
        rule_after=sum(arm.role == "floor" for arm in arms),
        is_of_scores=True,
    )


def _reads(scores: Scores, arm: Arm, setting: Setting) -> bool:
    return any((arm.label, t, setting) in scores.cells for t in scores.tasks_in(setting))


def _heading(scores: Scores, task: str, setting: Setting) -> str:
    """Return the task, its metric, and an arrow where lower is better."""
    metric = scores.metric(task, setting)
    if metric is None:
        return f"{task} ({message('cell.not_run')})"
    return f"{task} ({measure_of(metric).described_shortly(metric)})"


def _notes(
    scores: Scores, setting: Setting, arms: Sequence[Arm], best: Best | None, spread: Spread
) -> tuple[str, ...]:
    """Return what the numbers and marks of the table are, only those that it has."""
    tasks = scores.tasks_in(setting)
    cells = [scores.cells.get((arm.label, task, setting)) for arm in arms for task in tasks]
    there = [cell for cell in cells if cell]
    notes = [message(f"scores.{spread}", n=len(scores.seeds))]
    if best:
        notes.append(message("scores.bold", cut=f"{CUT:g}"))
        notes += _passed_by_floors(scores, setting, best)
    elif best is not None and any(cell.n for cell in there):
        is_few = max(cell.n for cell in there) < MIN_SEEDS
        key = "scores.no_bold_seeds" if is_few else "scores.no_bold"
        notes.append(message(key, least=MIN_SEEDS))
    if scores.mean_measure(setting) is not None and spread == "interval":
        notes.append(message("scores.iqm"))
    if any(scores.measure(task, setting).better == "lower" for task in tasks):
        notes.append(message("scores.arrow"))
    if any(cell.num_collapsed for cell in there):
        notes.append(message("scores.collapsed", mark=COLLAPSE_MARK))
    if num_failed := sum(cell.num_failed for cell in there):
        notes.append(message("scores.failed", n=num_failed))
    if setting.is_unlabelled:
        notes.append(message("scores.floor_labels"))
    return tuple(notes)


def _passed_by_floors(scores: Scores, setting: Setting, best: Best) -> list[str]:
    """Return a sentence on the tasks where a floor has a better mean than the best arm."""
    names = []
    for task in (task for task in best if task is not None):
        sign = scores.measure(task, setting).sign
        arms = [scores.cells[label, task, setting] for label in best[task]]
        floors = [scores.cells.get((f.label, task, setting)) for f in scores.of_role("floor")]
        top = max(sign * cell.mean for cell in arms)
        if any(sign * cell.mean > top for cell in floors if cell):
            names.append(task)
    return [message("scores.floor_is_best", tasks=listed(names))] if names else []


def aggregate_text(
    whole: Mapping[str, float],
    name: str,
    prefix: str,
    num_seeds: int,
    measure: Measure,
    spread: Spread = "interval",
) -> str:
    """Return a mean over tasks with half its interval or its SD, and its n where seeds lack."""
    if not whole["n"]:
        return message("cell.incomplete")
    text = measure.number(whole[name])
    if whole["n"] > 1:
        half = (whole[prefix + "high"] - whole[prefix + "low"]) / 2
        text += f" ± {measure.number(whole['sd'] if spread == 'sd' else half)}"
    return text if whole["n"] == num_seeds else f"{text} (n={whole['n']:.0f})"


def scores_long(scores: Scores, best: Mapping[Setting, Best] | None = None) -> pd.DataFrame:
    """Return every cell as numbers, one line each; with ``best``, whether a table has it bold."""
    records = []
    for (arm, task, setting), cell in scores.cells.items():
        record = {
            "arm": arm,
            "task": task,
            "protocol": setting.protocol,
            "train_size": setting.train_size,
            "noise": setting.noise.label,
            "corpus_tokens": setting.corpus_tokens,
            "pretrain_ratio": setting.pretrain_ratio,
            "grid_point": point_label(setting.point),
            "metric": cell.metric,
            "mean": cell.mean,
            "low": cell.low,
            "high": cell.high,
            "sd": cell.sd,
            "n": cell.n,
            "num_failed": cell.num_failed,
            "num_collapsed": cell.num_collapsed,
            "n_train": cell.n_train,
        }
        if best is not None:
            record["is_best_or_tied"] = arm in best.get(setting, {}).get(task, ())
        records.append(record)
    return pd.DataFrame(records)
