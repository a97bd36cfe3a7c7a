"""What the simulations found, as Markdown: the tables of PROTOCOL.md."""

from pathlib import Path

import pandas as pd
from scenarios import BEYOND, SCENARIOS

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
    """Return the larger of both errors, and the power, by scenario, seeds and family.

    A place that was simulated at larger cuts alone shows its error there, as an upper bound: on
    the same draws a smaller cut rejects less.
    """
    frame = frame[frame["cut"] >= CUT].sort_values("cut")
    frame = frame.groupby(["seeds", "family", "scenario"], as_index=False).first()
    errors = frame[["any_false", "partial"]].max(axis=1).map(_share)
    frame = frame.assign(error=errors.where(frame["cut"] == CUT, "≤" + errors))
    order = [name for name in SCENARIOS if name in set(frame["scenario"])]
    wide = frame.pivot(index="scenario", columns=["seeds", "family"], values="error")
    wide = wide.loc[order].sort_index(axis=1).fillna("")
    wide.columns = [f"n={seeds}, {family}" for seeds, family in wide.columns]
    normal = frame[frame["scenario"] == "normal"].set_index(["seeds", "family"])["power"]
    wide.loc["*power, normal*"] = [_power(normal[key]) for key in sorted(normal.index)]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


def _cuts(frame: pd.DataFrame) -> str:
    """Return, for each cut, the largest error with its place, and the power at six seeds.

    Of the places that were simulated at every cut.
    """
    num_cuts = frame.groupby(["seeds", "family", "scenario"])["cut"].transform("size")
    frame = frame[num_cuts == num_cuts.max()]
    frame = frame.assign(error=frame[["any_false", "partial"]].max(axis=1))
    worst = frame[~frame["scenario"].isin(BEYOND)].sort_values("error").groupby("cut").tail(1)
    normal = frame[(frame["scenario"] == "normal") & (frame["seeds"] == 6)]
    power = normal.pivot_table(index="cut", columns="family", values="power")
    table = pd.DataFrame(
        {
            "p below": worst["cut"].map(_share),
            "largest error": worst["error"].map(_share),
            "where": [
                f"{name}, n={seeds}, {family}"
                for name, seeds, family in worst[["scenario", "seeds", "family"]].itertuples(
                    index=False
                )
            ],
            **{f"power, {size}": worst["cut"].map(power[size]).map(_power) for size in power},
        }
    )
    table = table.sort_values("p below")
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


def _intervals(frame: pd.DataFrame) -> str:
    wide = frame.pivot_table(index=["interval", "scenario"], columns="seeds", values="coverage")
    wide = wide.map(lambda v: "" if pd.isna(v) else _share(v))
    wide.columns = [f"{seeds} seeds" for seeds in wide.columns]
    return str(wide.reset_index().to_markdown(index=False, disable_numparse=True))


_TABLES = {
    "verdicts": {"verdicts": _verdicts, "cuts": _cuts},
    "candidates": {"candidates": _candidates},
    "intervals": {"intervals": _intervals},
}
