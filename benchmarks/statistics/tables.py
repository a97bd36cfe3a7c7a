"""Writes the results of the simulations as Markdown: the tables of PROTOCOL.md."""

from pathlib import Path

import pandas as pd
from examples import EXAMPLE_SCENARIOS
from scenarios import BEYOND, CONTROLS, PUBLISHED, SCENARIOS

from mae_bench.analysis.stats import CUT


def write_tables(out: Path) -> None:
    """Write Markdown and CSV of the cells that are there."""
    for part, tables in _TABLES.items():
        paths = sorted((out / "cells").glob(f"{part}-*.csv"))
        if not paths:
            continue
        frame = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
        frame.to_csv(out / f"{part}.csv", index=False, float_format="%.4g")
        for name, make in tables.items():
            (out / f"{name}.md").write_text(make(frame) + "\n", "utf-8")


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _power(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _verdicts(frame: pd.DataFrame) -> str:
    """Return the larger of both errors, and the power, by scenario, seeds and family."""
    frame = frame[frame["cut"] == CUT]
    frame = frame.assign(error=frame[["any_false", "partial"]].max(axis=1).map(_share))
    order = [name for name in SCENARIOS if name in set(frame["scenario"])]
    wide = frame.pivot(index="scenario", columns=["seeds", "family"], values="error")
    wide = wide.loc[order].sort_index(axis=1).fillna("")
    wide.columns = [f"n={seeds}, {family}" for seeds, family in wide.columns]
    normal = frame[frame["scenario"] == "normal"].set_index(["seeds", "family"])["power"]
    wide.loc["*power, normal*"] = [_power(normal[key]) for key in sorted(normal.index)]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


def _cuts(frame: pd.DataFrame) -> str:
    """Return, for each cut, the largest errors with their cells, and the power at six seeds."""
    frame = frame.assign(error=frame[["any_false", "partial"]].max(axis=1))
    made = [name for name in SCENARIOS if name not in (*PUBLISHED, *CONTROLS, *BEYOND)]
    groups = {"made": made, "published, drawn again": PUBLISHED, "normal, drawn again": CONTROLS}
    cuts = sorted(frame["cut"].unique())
    table = pd.DataFrame({"p below": map(_share, cuts)})
    for group, names in groups.items():
        own = frame[frame["scenario"].isin(names)].sort_values("error")
        worst = own.groupby("cut").tail(1).set_index("cut").loc[cuts]
        cells = worst[["error", "scenario", "seeds", "family"]].itertuples(index=False)
        table[f"largest error, {group}"] = [
            f"{_share(error)} ({name}, n={seeds}, {family})" for error, name, seeds, family in cells
        ]
    normal = frame[(frame["scenario"] == "normal") & (frame["seeds"] == 6)]
    power = normal.pivot_table(index="cut", columns="family", values="power")
    for size in power:
        table[f"power, {size}"] = [_power(power.loc[cut, size]) for cut in cuts]
    return str(table.to_markdown(index=False, disable_numparse=True))


def _candidates(frame: pd.DataFrame) -> str:
    """Return, at six seeds, the largest error over the scenarios and the power in normal data."""
    frame = frame[(frame["seeds"] == 6) & ~frame["scenario"].isin(BEYOND)]
    frame = frame.assign(error=frame[["any_false", "partial"]].max(axis=1))
    worst = frame.groupby(["procedure", "family"])["error"].max().unstack()
    normal = frame[frame["scenario"] == "normal"].set_index(["procedure", "family"])["power"]
    table = pd.DataFrame(
        {
            f"{what}, {family}": [
                _share(worst.loc[name, family])
                if what == "error"
                else _power(normal.get((name, family), float("nan")))
                for name in worst.index
            ]
            for family in worst.columns
            for what in ("error", "power")
        },
        index=worst.index,
    )
    return str(table.reset_index().to_markdown(index=False, disable_numparse=True))


def _examples(frame: pd.DataFrame) -> str:
    """Return error and power at the cut of verdicts, at six seeds: today's beside the strongest."""
    split = frame["procedure"].str.rsplit("; p < ", n=1, expand=True)
    is_shown = (split[1].astype(float) == CUT) & (frame["seeds"] == 6)
    frame = frame.assign(procedure=split[0])[is_shown]
    errors = frame[["any_false", "partial"]].max(axis=1).map(_share)
    frame = frame.assign(cell=errors + " / " + frame["power"].map(_power))
    wide = frame.pivot(index="scenario", columns=["procedure", "family"], values="cell")
    wide = wide.sort_index(axis=1).loc[list(EXAMPLE_SCENARIOS), ["verdict", "hierarchical"]]
    wide.columns = [f"{name}, {family}" for name, family in wide.columns]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


def _intervals(frame: pd.DataFrame) -> str:
    wide = frame.pivot_table(index=["interval", "scenario"], columns="seeds", values="coverage")
    wide = wide.map(lambda v: "" if pd.isna(v) else _share(v))
    wide.columns = [f"{seeds} seeds" for seeds in wide.columns]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


_TABLES = {
    "verdicts": {"verdicts": _verdicts, "cuts": _cuts},
    "candidates": {"candidates": _candidates},
    "examples": {"examples": _examples},
    "intervals": {"intervals": _intervals},
}
