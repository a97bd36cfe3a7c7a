"""The report of step times: relative costs against the formula, and where a mae breaks even."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
import yaml
from matplotlib.figure import Figure

from mae_bench.analysis.folder import mark, report_folder, save_json
from mae_bench.analysis.images import embed
from mae_bench.analysis.plots import (
    GREY,
    Picture,
    add_legend,
    legend_name,
    panel_grid,
    series_colour,
)
from mae_bench.analysis.stats import mean_intervals
from mae_bench.analysis.tables import Table
from mae_bench.analysis.templating import environment
from mae_bench.measures import measure_of
from mae_bench.specs import LETTERS
from mae_bench.speeds import SpeedCell, SpeedSpec

NEVER = float("inf")
COST = measure_of("relative_cost")
PUBLISHED_TOLERANCE = 0.05  # of a formula beside a published share: no clock is read


@dataclass(frozen=True)
class SpeedVerdict:
    """One statement about step times, with the numbers that it rests on."""

    sentence: str
    outcome: str
    expected: float
    measured: float
    low: float
    high: float

    def record(self) -> dict[str, object]:
        """Return JSON-ready content; None for what is not a finite number."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in self.__dict__.items()
        }


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean over rounds with its 95% interval."""
    column = np.asarray(values, dtype=np.float64)
    low, high = mean_intervals(column[:, None])
    return float(column.mean()), float(low[0]), float(high[0])


def break_even(ratios: Sequence[float], costs: Sequence[float]) -> float:
    """Return the least mask ratio, interpolated, at which a mae costs no more than the mlm.

    The smallest ratio where that one is cheap already; infinity where none is.
    """
    for index, cost in enumerate(costs):
        if COST.sign * (cost - 1) >= 0:
            if index == 0:
                return ratios[0]
            before = costs[index - 1]
            share = (before - 1) / (before - cost)
            return ratios[index - 1] + share * (ratios[index] - ratios[index - 1])
    return NEVER


def judge(spec: SpeedSpec, cells: Sequence[SpeedCell]) -> list[SpeedVerdict]:
    """Return verdicts on the formula for each shape, and on each decoder depth's break-even."""
    verdicts = []
    for shape in spec.shapes:
        of_shape = [cell for cell in cells if cell.shape == shape.label]
        verdicts.append(_formula(spec, shape.label, of_shape))
        for layers in spec.decoder_layers:
            line = [cell for cell in of_shape if cell.decoder_layers == layers]
            verdicts.append(_rule(spec, shape.label, line))
    return verdicts


def _formula(spec: SpeedSpec, label: str, cells: Sequence[SpeedCell]) -> SpeedVerdict:
    """Judge the mean of measured over predicted cost."""
    sentence = f"{label}: relative cost is that of the formula, within {spec.tolerance:.0%}"
    rounds = [
        np.mean([cell.measured[turn] / cell.predicted for cell in cells])
        for turn in range(spec.rounds)
    ]
    mean, low, high = spread([float(value) for value in rounds])
    return SpeedVerdict(sentence, _within(1, spec.tolerance, low, high), 1.0, mean, low, high)


def _rule(spec: SpeedSpec, label: str, cells: Sequence[SpeedCell]) -> SpeedVerdict:
    """Judge where the cost crosses one against decoder depth / encoder depth."""
    ratios = [cell.mask_ratio for cell in cells]
    layers, depth = cells[0].decoder_layers, cells[0].depth
    rule = layers / depth
    sentence = (
        f"{label}, decoder of {layers}: a mae breaks even at mask ratio {layers}/{depth}, "
        f"within {spec.tolerance:g}"
    )
    rounds = [
        break_even(ratios, [cell.measured[turn] for cell in cells]) for turn in range(spec.rounds)
    ]
    if not all(np.isfinite(rounds)):
        outcome = "refuted" if rule <= ratios[-1] and not any(np.isfinite(rounds)) else ""
        return SpeedVerdict(sentence, outcome or "not decidable", rule, NEVER, NEVER, NEVER)
    mean, low, high = spread(rounds)
    wanted = min(max(rule, ratios[0]), ratios[-1])  # ratios outside were not timed
    return SpeedVerdict(sentence, _within(wanted, spec.tolerance, low, high), rule, mean, low, high)


def _within(wanted: float, tolerance: float, low: float, high: float) -> str:
    if low >= wanted - tolerance and high <= wanted + tolerance:
        return "supported"
    if high < wanted - tolerance or low > wanted + tolerance:
        return "refuted"
    return "not decidable"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "never"


def verdict_table(verdicts: Sequence[SpeedVerdict]) -> Table:
    """Return every statement with what was expected and measured."""
    records = [
        {
            "statement": verdict.sentence,
            "verdict": verdict.outcome,
            "expected": _number(verdict.expected),
            "measured": _number(verdict.measured),
            "95% interval": f"[{_number(verdict.low)}, {_number(verdict.high)}]",
        }
        for verdict in verdicts
    ]
    caption = "The interval is over rounds of one process: it tells noise of the clock, no more."
    return Table("speed-verdicts", caption, pd.DataFrame(records))


def cell_table(cells: Sequence[SpeedCell]) -> Table:
    """Return the relative cost of every mae, by the formula and by the clock."""
    records = []
    for cell in cells:
        mean, low, high = spread(cell.measured)
        records.append(
            {
                "shape": cell.shape,
                "mask ratio": f"{cell.mask_ratio:g}",
                "decoder layers": str(cell.decoder_layers),
                "formula": COST.number(cell.predicted),
                "measured": COST.number(mean),
                "95% interval": f"[{COST.number(low)}, {COST.number(high)}]",
                "ms a step": f"{1000 * np.mean(cell.seconds):.1f}",
                "ms of the mlm": f"{1000 * np.mean(cell.control_seconds):.1f}",
            }
        )
    caption = (
        "Cost of a training step of a mae relative to the mlm's of the same shape; "
        f"{COST.better} is better."
    )
    return Table("speed-cells", caption, pd.DataFrame(records))


def published_table(spec: SpeedSpec, cells: Sequence[SpeedCell]) -> Table:
    """Return published relative costs beside those of the formula at the published shape."""
    records = [
        {
            "published": reference.text,
            "there": COST.number(reference.value),
            "known by": reference.letter,
            "formula, same shape": COST.number(cell.predicted),
            "agree": ("no", "yes")[abs(cell.predicted - reference.value) <= PUBLISHED_TOLERANCE],
            "source": reference.source,
        }
        for reference, cell in zip(spec.references, cells, strict=True)
    ]
    used = sorted({reference.letter for reference in spec.references})
    known = "; ".join(f"{letter}: {LETTERS[letter]}" for letter in used)
    caption = f"Computed, not timed; they agree within {PUBLISHED_TOLERANCE:g}. Known by: {known}."
    return Table("speed-published", caption, pd.DataFrame(records))


def speed_picture(spec: SpeedSpec, cells: Sequence[SpeedCell]) -> Picture:
    """Draw relative cost over the mask ratio, a panel for each shape."""

    def draw(is_wide: bool) -> Figure:
        figure, axes, _ = panel_grid(len(spec.shapes), is_wide, 2.8, share_y=True, foot=0.4)
        for axis, shape in zip(axes, spec.shapes, strict=True):
            axis.axhline(1, color=GREY, lw=1)
            for index, layers in enumerate(spec.decoder_layers):
                line = [
                    cell
                    for cell in cells
                    if cell.shape == shape.label and cell.decoder_layers == layers
                ]
                ratios = [cell.mask_ratio for cell in line]
                means, lows, highs = np.array([spread(cell.measured) for cell in line]).T
                colour = series_colour(index)
                name = legend_name(f"decoder of {layers}")
                axis.plot(ratios, [c.predicted for c in line], color=colour, lw=1.4, ls="--")
                bars = [means - lows, highs - means]
                axis.errorbar(ratios, means, yerr=bars, fmt="o", color=colour, ms=5, label=name)
                axis.axvline(layers / shape.backbone.layers, color=colour, lw=1, ls=":")
            axis.set_title(shape.label)
            axis.set_xlabel("mask ratio")
        axes[0].set_ylabel("cost of a step, mlm = 1")
        sns.despine(figure)
        add_legend(figure, axes[0])
        return figure

    caption = (
        "Dots: measured, with 95% intervals over rounds; dashed: the formula; dotted: the rule "
        f"decoder depth / encoder depth. Below 1 a mae is cheaper than an mlm of "
        f"{spec.control_ratio:.0%}."
    )
    return Picture("speed", "Cost of a step", caption, draw)


def write_speed_report(
    spec: SpeedSpec,
    cells: Sequence[SpeedCell],
    published: Sequence[SpeedCell],
    out: Path,
    provenance: Mapping[str, object],
) -> Path:
    """Write the report of step times and return the path of its page.

    Raises:
        StoreError: ``out`` is a file, or a folder that holds something other than a report.
    """
    with report_folder(out) as temporary:
        verdicts = judge(spec, cells)
        tables = [verdict_table(verdicts), cell_table(cells)]
        if spec.references:
            tables.insert(1, published_table(spec, published))
        for table in tables:
            table.save(temporary / "tables")
        picture = speed_picture(spec, cells)
        image, _ = embed(picture, temporary / "figures", has_narrow=True)
        save_json(temporary / "verdicts.json", [verdict.record() for verdict in verdicts])
        save_json(temporary / "cells.json", [cell.record() for cell in cells])
        content = {
            "spec": spec,
            "verdicts": verdicts,
            "tables": tables,
            "image": image,
            "provenance": provenance,
            "resolved": yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False),
        }
        page = environment().get_template("speed.html.j2").render(**content)
        (temporary / "index.html").write_text(page, encoding="utf-8")
        mark(temporary, {**provenance, "speed": spec.model_dump(mode="json")})
    return out / "index.html"
