"""Where an arm passes the control along a field of the grid, such as depth or learning rate."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mae_bench.analysis.crossing import MIN_SIZES, Crossing, crossing
from mae_bench.analysis.grid_families import factor_name, grid_factors
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.analysis.tables import Table
from mae_bench.specs import NO_POINT, Point, Scalar, Study, point_label


def grid_crossings(scores: Scores, study: Study, control: str) -> pd.DataFrame:
    """Return a line for each arm, task and setting along every field with three numbers or more.

    The other fields stand still. Numbers must be above 0, for the axis is logarithmic.
    """
    records = []
    for factor in grid_factors(study):
        (field, *others), name = factor.fields, factor_name(factor)
        lines: dict[tuple[Setting, Point], dict[float, Setting]] = {}
        for setting in scores.settings:
            value = dict(setting.point).get(field)
            if setting.pretrain_ratio != 0 and not others and _is_number(value):
                rest = tuple(item for item in setting.point if item[0] != field)
                key = (replace(setting, point=NO_POINT), rest)
                lines.setdefault(key, {})[float(value or 0)] = setting
        for (base, rest), by_value in lines.items():
            for record in _along(scores, control, base, dict(sorted(by_value.items()))):
                records.append({"along": name, "elsewhere": point_label(rest), **record})
    return pd.DataFrame(records)


def _along(
    scores: Scores, control: str, base: Setting, by_value: dict[float, Setting]
) -> Iterator[dict[str, object]]:
    for task in scores.tasks_in(base):
        for arm in scores.of_role(*COMPARED):
            asked = {
                value: setting
                for value, setting in by_value.items()
                if all(scores.is_asked(label, setting) for label in (arm.label, control))
            }
            if arm.label == control or len(asked) < MIN_SIZES:
                continue
            sign = scores.measure(task, next(iter(asked.values()))).sign
            first, second = (
                sign * np.stack([scores.values(label, task, s) for s in asked.values()], axis=1)
                for label in (arm.label, control)
            )
            answer = crossing(np.array(list(asked)), first, second)
            yield _record(arm.label, control, task, base, list(asked), answer)


def _record(
    arm: str, control: str, task: str, base: Setting, values: list[float], answer: Crossing
) -> dict[str, object]:
    return {
        "arm": arm,
        "task": task,
        "protocol": base.protocol,
        "train_size": str(base.train_size),
        "noise": base.noise.label,
        "corpus_tokens": base.corpus_tokens,
        "pretrain_ratio": base.pretrain_ratio,
        "lowest": values[0],
        "highest": values[-1],
        "answer": answer.answer,
        "reason": answer.reason,
        "ahead_at_highest": arm if answer.is_ahead else control,
        "value": answer.size,
        "low": answer.low,
        "high": answer.high,
    }


def grid_crossing_table(numbers: pd.DataFrame, scores: Scores, control: str) -> Table | None:
    """Return the crossings in the reference setting; None where no field has three numbers."""
    reference = scores.reference
    records = [
        {
            "along": row["along"],
            "at": row["elsewhere"] or message("points.everywhere"),
            "task": row["task"],
            "arm": row["arm"],
            "from": message(
                "crossing.sizes", least=f"{row['lowest']:g}", most=f"{row['highest']:g}"
            ),
            "answer": word("word", row["answer"].replace("sizes", "values"))
            + (f" ({row['reason']})" if row["reason"] else ""),
            "crosses at": f"{row['value']:.3g}"
            if row["answer"] == "crosses"
            else message("cell.none"),
            "95% interval": f"[{row['low']:.3g}, {row['high']:.3g}]"
            if row["answer"] == "crosses"
            else message("cell.none"),
            "ahead at the highest": row["ahead_at_highest"],
        }
        for row in numbers.to_dict("records")
        if row["protocol"] == reference.protocol
        and row["train_size"] == str(reference.train_size)
        and row["noise"] == reference.noise.label
        and row["corpus_tokens"] == reference.corpus_tokens
        and row["pretrain_ratio"] == reference.pretrain_ratio
    ]
    caption = message("points.crossings_caption", control=control)
    return Table("grid_crossings", caption, pd.DataFrame(records)) if records else None


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
