"""What the simulations found, as Markdown: the tables of PROTOCOL.md."""

from pathlib import Path

import pandas as pd
from scenarios import BEYOND, SCENARIOS


def write_tables(out: Path) -> None:
    """Write ``verdicts.md``, ``candidates.md`` and ``intervals.md`` of the cells that are there."""
    for part in ("verdicts", "candidates", "intervals"):
        paths = sorted((out / "cells").glob(f"{part}-*.csv"))
        if not paths:
            continue
        frame = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
        frame.to_csv(out / f"{part}.csv", index=False, float_format="%.4g")
        make = {"verdicts": _verdicts, "candidates": _candidates, "intervals": _intervals}[part]
        (out / f"{part}.md").write_text(make(frame) + "\n", "utf-8")


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _power(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _verdicts(frame: pd.DataFrame) -> str:
    """Return the larger of both errors, and the power, by scenario, seeds and family."""
    frame = frame.assign(error=frame[["any_false", "partial"]].max(axis=1))
    order = [name for name in SCENARIOS if name in set(frame["scenario"])]
    wide = frame.pivot_table(index="scenario", columns=["seeds", "family"], values="error")
    wide = wide.loc[order].map(lambda v: "" if pd.isna(v) else _share(v))
    wide.columns = [f"n={seeds}, {family}" for seeds, family in wide.columns]
    normal = frame[frame["scenario"] == "normal"].set_index(["seeds", "family"])["power"]
    wide.loc["*power, normal*"] = [_power(normal[key]) for key in sorted(normal.index)]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


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


def _intervals(frame: pd.DataFrame) -> str:
    wide = frame.pivot_table(index=["interval", "scenario"], columns="seeds", values="coverage")
    wide = wide.map(lambda v: "" if pd.isna(v) else _share(v))
    wide.columns = [f"{seeds} seeds" for seeds in wide.columns]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))
