"""What each arm cost: one line of numbers, and the table of them."""

from typing import Any

import numpy as np
import pandas as pd

from mae_bench.analysis.messages import message, word
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.tables import Table, si, whole_number
from mae_bench.specs import at_share, parse_point, point_label, trained_part

_NUMBERS = ("corpus_tokens", "pretrain_ratio")
_AXES = (*_NUMBERS, "grid_point")
COSTS = (
    "pretrain_tokens",
    "pretrain_steps",
    "pretrain_flops",
    "pretrain_s",
    "encoder_flops",
    "decoder_flops",
    "head_flops",
    "teacher_flops",
    "teacher_pretrain_flops",
    "params_encoder",
    "params_objective",
)


def mean_costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean costs of one pretraining, by arm, corpus size, share of a budget and point.

    Each pretraining counts once, however many rows share it. Arms without any are absent.
    """
    once = _pretrainings(rows)
    means = once.groupby(["arm", *_AXES], sort=False)[list(COSTS)].mean()
    return means.reset_index()


def costs_at(costs: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return those of `mean_costs` whose pretraining is that of a setting."""
    if setting.corpus_tokens:
        costs = costs[costs["corpus_tokens"] == setting.corpus_tokens]
    if setting.pretrain_ratio is not None:
        costs = costs[costs["pretrain_ratio"] == setting.pretrain_ratio]
    if setting.point:
        costs = costs[costs["grid_point"] == point_label(trained_part(setting.point))]
    return costs


def total_costs(rows: pd.DataFrame) -> tuple[float, float, int]:
    """Return the FLOPs and seconds of all pretrainings, and how many they are.

    A teacher that several share counts for each of them.
    """
    once = _pretrainings(rows)
    once = once[once["pretrain_flops"] > 0]
    return float(once["pretrain_flops"].sum()), float(once["pretrain_s"].sum()), len(once)


def _pretrainings(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each pretraining that has costs, with an id and no axis missing."""
    key = ["arm", *_AXES, "seed", "pretrain_id"]
    costs = rows.loc[rows["pretrain_flops"].notna(), [*key, *COSTS]].drop_duplicates(key)
    costs["grid_point"] = [trained_label(text) for text in costs["grid_point"]]
    for name in (*_NUMBERS, *COSTS):
        costs[name] = pd.to_numeric(costs[name]).astype(float)
    identity = costs["pretrain_id"].where(costs["pretrain_id"].notna(), costs["seed"].astype(str))
    costs = costs.assign(pretrain_id=identity).fillna(dict.fromkeys(_NUMBERS, -1))
    return costs.drop_duplicates(["arm", *_AXES, "pretrain_id"])


def trained_label(text: object) -> str:
    """Return the label of what a pretraining has of a point, from what rows hold."""
    return point_label(trained_part(parse_point(text)))


def _evaluated_label(text: object) -> str:
    point = parse_point(text)
    return point_label(tuple(item for item in point if item not in trained_part(point)))


def evaluation_seconds(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the seconds of all evaluations of each arm; NaN where none is recorded.

    Cells that differ in the noise of the test text only are one evaluation, and count once. So are
    those of one encoder at points of a grid that differ in its pretraining alone.
    """
    trained_on = rows["noise"].astype(str) + rows["noise_rate"].astype(str)
    key = ["arm", *_NUMBERS, "protocol", "task", "train_size", "seed", "finetune_seed"]
    runs = rows[key].assign(trained_on=trained_on.where(rows["noise_where"] != "test", ""))
    read_by = pd.Series([_evaluated_label(text) for text in rows["grid_point"]], rows.index)
    runs = runs.assign(
        encoder=rows["pretrain_id"].astype(str),
        read_by=read_by.where(~rows["is_floor"].fillna(False).astype(bool), ""),
    )
    seconds = pd.to_numeric(rows["evaluate_s"]).astype(float)
    return seconds[~runs.duplicated()].groupby(rows["arm"]).sum(min_count=1)


def cost_table(rows: pd.DataFrame, scores: Scores, control: str | None) -> Table:
    """Return what one pretraining of each arm takes, and its share of the control's FLOPs.

    What no arm has, such as a teacher, has no column.
    """
    costs = mean_costs(rows)
    spent = evaluation_seconds(rows)
    of_control = costs[costs["arm"] == control].set_index(list(_AXES))["pretrain_flops"]
    # a grid may hold sizes itself
    has_sizes = (costs.groupby("grid_point")["corpus_tokens"].nunique() > 1).any()
    has_splits = costs["pretrain_ratio"].nunique() > 1
    records = []
    for arm in scores.arms:
        mine = costs[costs["arm"] == arm.label].sort_values(list(_NUMBERS), kind="stable")
        evaluation = whole_number(float(spent.get(arm.label, np.nan)))
        if not len(mine) or not mine["pretrain_flops"].any():
            is_outside = arm.role == "outside"
            record = {"arm": arm.shown}
            record |= dict.fromkeys(_COST_COLUMNS, "unknown" if is_outside else "none")
            record["evaluation seconds"] = evaluation
            sizes = (rows[rows["arm"] == arm.label] if is_outside else mine)["params_encoder"]
            if len(sizes):
                record["parameters"] = si(float(sizes.iloc[0]))
            records.append(record)
        for _, cost in mine.iterrows():
            if not cost["pretrain_flops"]:
                continue
            name = f"{arm.label} ({cost['corpus_tokens']:,.0f})" if has_sizes else arm.label
            name = at_share(arm.label, cost["pretrain_ratio"]) if has_splits else name
            name = f"{name} ({cost['grid_point']})" if cost["grid_point"] else name
            at = tuple(cost[axis] for axis in _AXES)
            relative = cost["pretrain_flops"] / of_control.get(at, np.nan)
            values = (
                si(cost["pretrain_flops"]),
                si(cost["pretrain_tokens"]),
                whole_number(cost["pretrain_s"]),
                f"{relative:.2f}" if np.isfinite(relative) else message("cell.no_control"),
                whole_number(cost["pretrain_steps"]),
                si(cost["teacher_pretrain_flops"]) if cost["teacher_pretrain_flops"] else "none",
                f"{si(cost['params_encoder'])} + {si(cost['params_objective'])}",
                _parts(cost),
            )
            costs_of_arm = dict(zip(_COST_COLUMNS, values, strict=True))
            records.append({"arm": name} | costs_of_arm | {"evaluation seconds": evaluation})
    frame = pd.DataFrame(records)
    frame = frame.loc[:, ~(frame == "none").all()]  # such as teachers where nobody had one
    against = message("costs.against", control=control) if len(of_control) else ""
    teacher = message("costs.teacher") if "teacher's FLOPs" in frame else ""
    caption = message("costs.caption", against=against, teacher=teacher)
    return Table("costs", caption, frame)


_COST_COLUMNS = (
    "FLOPs",
    "tokens",
    "seconds",
    "relative FLOPs",
    "steps",
    "teacher's FLOPs",
    "parameters",
    "FLOPs by part",
)


def _parts(cost: "pd.Series[Any]") -> str:
    names = ("encoder", "decoder", "head", "teacher")
    parts = {name: float(np.nan_to_num(cost[f"{name}_flops"])) for name in names}
    total = sum(parts.values())
    if not total:
        return message("cell.not_recorded")
    return message("list.comma").join(
        f"{word('part', name)} {value / total:.0%}" for name, value in parts.items() if value
    )
