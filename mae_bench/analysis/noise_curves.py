"""What noise costs: the area under each arm's curve of scores against the rate, and its drop.

Legend: S seeds, R rates.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mae_bench.analysis.messages import joined, message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import Scores, Setting, noise_name, summarise
from mae_bench.analysis.tables import Table, difference, interval
from mae_bench.measures import Measure
from mae_bench.specs import CLEAN


@dataclass(frozen=True)
class NoiseCurve:
    """One arm on one task under one noise at several rates.

    Attributes:
        setting: of the lowest rate, which is clean text where the study reads that.
        noise: its name and where it acts, without a rate.
        rates: [R] ascending.
        area: [S] mean score over the range of the rates, trapezoids between them; in the units of
            the metric. NaN where a rate has no score.
        drop: [S] share of the clean score that the highest rate takes, above 0 for a loss
            whichever direction is better; NaN without a clean score above 0.
    """

    arm: str
    task: str
    setting: Setting
    noise: str
    rates: tuple[float, ...]
    area: Array
    drop: Array
    measure: Measure


def area_under(rates: Sequence[float], values: Array) -> Array:
    """Return [S] the area under curves [R, S] by trapezoids, divided by the range of the rates."""
    x = np.asarray(rates, dtype=np.float64)
    widths = np.diff(x)[:, None]
    areas: Array = (widths * (values[1:] + values[:-1]) / 2).sum(axis=0) / (x[-1] - x[0])
    return areas


def relative_drop(clean: Array, noisy: Array, sign: int = 1) -> Array:
    """Return [S] 1 - noisy / clean, turned round where lower is better."""
    usable = np.where(clean > 0, clean, np.nan)
    drops: Array = sign * (1 - noisy / usable)
    return drops


def noise_curves(scores: Scores) -> list[NoiseCurve]:
    """Return the curves of all arms, tasks and noises that have two rates; clean text is rate 0."""
    families: dict[Setting, list[Setting]] = {}
    for setting in scores.settings:
        families.setdefault(replace(setting, noise=CLEAN), []).append(setting)
    curves = []
    for base, family in families.items():
        names = dict.fromkeys(noise_name(s.noise) for s in family if s.noise != CLEAN)
        for name in names:
            line = [s for s in family if s.noise == CLEAN or noise_name(s.noise) == name]
            line.sort(key=lambda setting: setting.noise.rate)
            if len(line) > 1:
                curves += [
                    _curve(scores, arm.label, task, name, line)
                    for task in scores.tasks_in(base)
                    for arm in scores.arms
                ]
    return curves


def _curve(scores: Scores, arm: str, task: str, noise: str, line: Sequence[Setting]) -> NoiseCurve:
    values = np.stack([scores.values(arm, task, setting) for setting in line])
    rates = tuple(setting.noise.rate for setting in line)
    measure = scores.measure(task, line[0])
    drop = np.full(values.shape[1], np.nan)
    if line[0].noise == CLEAN:
        drop = relative_drop(values[0], values[-1], measure.sign)
    return NoiseCurve(arm, task, line[0], noise, rates, area_under(rates, values), drop, measure)


def curves_long(curves: Iterable[NoiseCurve], control: str | None) -> pd.DataFrame:
    """Return a line of numbers for each curve: area and drop, and both against the control's."""
    curves = list(curves)
    against = {_key(curve): curve for curve in curves if curve.arm == control}
    records = []
    for curve in curves:
        other = against.get(_key(curve)) if curve.arm != control else None
        record: dict[str, object] = {
            "arm": curve.arm,
            "task": curve.task,
            "protocol": curve.setting.protocol,
            "train_size": str(curve.setting.train_size),
            "corpus_tokens": curve.setting.corpus_tokens,
            "pretrain_ratio": curve.setting.pretrain_ratio,
            "noise": curve.noise,
            "rates": " ".join(f"{rate:g}" for rate in curve.rates),
            "n": int(np.isfinite(curve.area).sum()),
        }
        for name in ("area", "drop"):
            values: Array = getattr(curve, name)
            record |= _summary(name, values)
            lacking = np.full(len(values), np.nan)
            record |= _summary(
                f"{name}_difference", values - (getattr(other, name) if other else lacking)
            )
        records.append(record)
    return pd.DataFrame(records)


def _key(curve: NoiseCurve) -> tuple[object, ...]:
    return curve.task, curve.setting, curve.noise, curve.rates


def _summary(name: str, values: Array) -> dict[str, object]:
    mean, low, high = summarise(values)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def noise_curve_table(
    curves: Sequence[NoiseCurve], reference: Setting, control: str | None
) -> Table | None:
    """Return the curves of the reference's protocol, size and text; None where there are none."""
    at = replace(reference, noise=CLEAN)
    shown = [curve for curve in curves if replace(curve.setting, noise=CLEAN) == at]
    if not shown:
        return None
    records = []
    numbers = curves_long(shown, control).to_dict("records")
    for curve, row in zip(shown, numbers, strict=True):
        record = {
            "task": curve.task,
            "noise": curve.noise,
            "rates": str(row["rates"]),
            "arm": curve.arm,
            "area": _with_half(row, "area", curve.measure),
            "relative drop": _share(row["drop"], row["drop_low"], row["drop_high"]),
        }
        if control:
            record["area - control's"] = _against(row, "area", curve, control)
            record["drop - control's"] = _against(row, "drop", curve, control)
        records.append(record)
    sentences = [message("noise.caption", setting=at.label_with(message("noise.by_rate")))]
    if control:
        sentences.append(message("noise.paired", control=control))
    return Table("noise-curves", joined(sentences), pd.DataFrame(records))


def _with_half(row: Mapping[Hashable, Any], name: str, measure: Measure) -> str:
    if not np.isfinite(row[name]):
        return "none"
    half = (row[f"{name}_high"] - row[f"{name}_low"]) / 2
    text = measure.number(row[name])
    return f"{text} ± {measure.number(half)}" if np.isfinite(half) else text


def _share(mean: float, low: float, high: float, is_signed: bool = False) -> str:
    if not np.isfinite(mean):
        return "none"
    text = f"{100 * mean:+.1f}%" if is_signed else f"{100 * mean:.1f}%"
    return f"{text} [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else text


def _against(row: Mapping[Hashable, Any], name: str, curve: NoiseCurve, control: str) -> str:
    if curve.arm == control:
        return "control"
    mean, low, high = (row[f"{name}_difference{end}"] for end in ("", "_low", "_high"))
    if name == "drop":
        return _share(mean, low, high, is_signed=True)
    if not np.isfinite(mean):
        return "none"
    return f"{difference(mean, curve.measure)} {interval(low, high, curve.measure)}"
