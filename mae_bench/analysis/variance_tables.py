"""The tables of whose variance it is: single scores, paired differences, and what arms share."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mae_bench.analysis.messages import message
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table
from mae_bench.analysis.variance import Components, Ends, coverage, narrowness, share_of
from mae_bench.analysis.whose_variance import (
    SharedLine,
    VarianceLine,
    shared_lines,
    shown_settings,
    variance_lines,
)
from mae_bench.measures import MINUS, TIMES, Measure

_NAN = float("nan")


def variance_tables(scores: Scores, control: str | None, folder: Path) -> list[Table]:
    """Return the tables for the page, and write all numbers as CSV; none without such fine-tunes.

    The folder must be there.
    """
    lines = variance_lines(scores)
    if not lines:
        return []
    variance_numbers(lines).to_csv(folder / "variance_numbers.csv", index=False)
    shared = shared_lines(scores)
    if shared:
        shared_numbers(shared).to_csv(folder / "shared_variance_numbers.csv", index=False)
    shown = set(shown_settings(scores))
    lines = [line for line in lines if line.setting in shown]
    tables = [_single_table(lines)]
    if differences := [line for line in lines if control in (line.arm, line.against)]:
        tables.append(_difference_table(differences, lines, control))
    tables.append(_shared_table([line for line in shared if line.setting in shown]))
    return [table for table in tables if table is not None]


def variance_numbers(lines: Iterable[VarianceLine]) -> pd.DataFrame:
    """Return a line of numbers each, in squared units of the metric; estimates may be below 0."""
    records = []
    for line in lines:
        record: dict[str, object] = {"arm": line.arm, "against": line.against, "task": line.task}
        records.append(record | _axes(line) | _numbers(line.components))
    return pd.DataFrame(records)


def _numbers(found: Components | None) -> dict[str, object]:
    names = ("pretraining_variance", "finetune_variance", "ratio")
    if found is None:
        nothing = [name + end for name in names for end in ("", "_low", "_high")]
        return {"seeds": 0, "finetunes": 0} | dict.fromkeys([*nothing, "narrowness"], _NAN)
    values = (found.pretraining, found.finetune, found.ratio)
    ends = (found.pretraining_interval(), found.within.interval(), found.ratio_interval())
    record: dict[str, object] = {"seeds": found.num_seeds, "finetunes": found.num_finetunes}
    for name, value, (low, high) in zip(names, values, ends, strict=True):
        record |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return record | {"narrowness": narrowness(found.ratio, found.num_finetunes)}


def shared_numbers(lines: Iterable[SharedLine]) -> pd.DataFrame:
    """Return a line of numbers each, in squared units of the metric; estimates may be below 0."""
    names = ("seed", "arm_seed", "finetune", "arm_finetune")
    return pd.DataFrame(
        {"task": line.task, "arms": len(line.arms), "seeds": line.components.num_seeds}
        | _axes(line)
        | dict(zip(names, line.components.variances, strict=True))
        for line in lines
    )


def _axes(line: VarianceLine | SharedLine) -> dict[str, object]:
    setting = line.setting
    return {
        "protocol": setting.protocol,
        "train_size": str(setting.train_size),
        "noise": setting.noise.label,
        "corpus_tokens": setting.corpus_tokens,
        "pretrain_ratio": setting.pretrain_ratio,
    }


def _single_table(lines: Sequence[VarianceLine]) -> Table | None:
    records = [_record(line, line.arm) for line in lines if line.against is None]
    caption = message("variance.singles", settings=_settings(lines))
    return Table("whose-variance", caption, pd.DataFrame(records)) if records else None


def _difference_table(
    differences: Sequence[VarianceLine], lines: Sequence[VarianceLine], control: str | None
) -> Table:
    single = {(line.arm, line.task, line.setting): line for line in lines if line.against is None}
    records = []
    for line in differences:
        if line.against is None:
            continue
        other = line.against if line.arm == control else line.arm
        sides = [single[arm, line.task, line.setting].components for arm in (other, control or "")]
        left = {"left by pairing": _left(line.components, sides)}
        records.append(_record(line, f"{other} {MINUS} {control}") | left)
    caption = message("variance.paired", control=control, settings=_settings(differences))
    return Table("whose-variance-differences", caption, pd.DataFrame(records))


def _shared_table(lines: Sequence[SharedLine]) -> Table | None:
    names = (
        "pretraining seed, all arms",
        "pretraining seed, own",
        "fine-tune seed, all arms",
        "fine-tune seed, own",
    )
    records = [
        {"task": line.task, "protocol": line.setting.protocol}
        | {"seeds": str(line.components.num_seeds)}
        | dict(zip(names, map("{:.0%}".format, line.components.shares), strict=True))
        for line in lines
    ]
    if not records:
        return None
    arms = message("list.comma").join(lines[0].arms)
    caption = message("variance.shared", settings=_settings(lines), arms=arms)
    return Table("whose-variance-shared", caption, pd.DataFrame(records))


def _settings(lines: Iterable[VarianceLine | SharedLine]) -> str:
    labels = dict.fromkeys(line.setting.label for line in lines)
    return message("list.semicolon").join(labels)


def _record(line: VarianceLine, arm: str) -> dict[str, str]:
    found, measure = line.components, line.measure
    record = {"task": line.task, "protocol": line.setting.protocol, "arm": arm}
    if found is None:
        return record | dict.fromkeys(_COLUMNS, message("cell.none"))
    n, ratio, ends = found.num_finetunes, found.ratio, found.ratio_interval()
    factor, *factors = (narrowness(value, n) for value in (ratio, *ends))
    low, high = (share_of(end) for end in ends)
    values = (
        f"{found.num_seeds} {TIMES} {n}",
        _deviation(found.pretraining, found.pretraining_interval(), measure),
        _deviation(found.finetune, found.within.interval(), measure),
        f"{found.share:.0%} [{100 * low:.0f}, {100 * high:.0f}]",
        f"{factor:.1f} [{factors[0]:.1f}, {factors[1]:.1f}]",
        f"{coverage(factor, n):.0%}",
    )
    return record | dict(zip(_COLUMNS, values, strict=True))


_COLUMNS = (
    "runs",
    "SD of pretraining",
    "SD of fine-tunes",
    "share of pretraining",
    "too narrow",
    "covers",
)


def _deviation(variance: float, ends: Ends, measure: Measure) -> str:
    """Return a standard deviation with its interval, 0* for an estimate below 0."""
    low, high = (measure.number(float(np.sqrt(end))) for end in ends)
    shown = measure.number(float(np.sqrt(variance))) if variance >= 0 else "0*"
    return f"{shown} [{low}, {high}]"


def _left(difference: Components | None, sides: Sequence[Components | None]) -> str:
    """Return the variance of a difference of single runs, over the sum of both sides'."""
    there = [each for each in sides if each is not None]
    if difference is None or len(there) < len(sides):
        return message("cell.none")
    paired, *unpaired = (each.pretraining + each.finetune for each in (difference, *there))
    return f"{paired / sum(unpaired):.0%}"
