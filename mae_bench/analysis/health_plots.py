"""The figure of health: losses over what is left without context, and where each run left it."""

import json
import math
from collections.abc import Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.health import Health, health_of
from mae_bench.analysis.loss_lines import (
    caption_at_point,
    draw_landmark,
    draw_mean,
    drawn_curves,
    on_one_grid,
)
from mae_bench.analysis.messages import message
from mae_bench.analysis.plots import (
    GREY,
    Picture,
    add_legend,
    arm_colours,
    legend_name,
    panel_grid,
    solve_layout,
)
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.spots import describe
from mae_bench.analysis.tables import si
from mae_bench.plateau import LEFT_SHARE


@cache
def reference_curves() -> list[dict[str, Any]]:
    """Return the curves of packaged studies: name, tokens, loss over the entropy."""
    text = (files("mae_bench.analysis") / "reference_curves.json").read_text(encoding="utf-8")
    curves: list[dict[str, Any]] = json.loads(text)["curves"]
    return curves


def health_picture(scores: Scores, curves: Sequence[Curve]) -> Picture | None:
    """Draw losses in nats a token over what is left without context, with reference curves."""
    of_tokens = [curve for curve in curves if health_of(curve).is_of_tokens]
    by_arm = {
        label: [health_of(curve) for curve in of_arm]
        for label, of_arm in drawn_curves(scores, of_tokens).items()
    }
    runs = [run for of_arm in by_arm.values() for run in of_arm]
    if not runs:
        return None
    colours = arm_colours(scores)
    guesses = {round(math.log(h.curve.vocab_size or 1) / _landmark(h), 2) for h in runs}
    most = max(h.curve.tokens[-1] for h in runs)

    def draw(is_wide: bool) -> Figure:
        num_entries = len(by_arm) + len(reference_curves()) + 2
        figure, (axis,), _ = panel_grid(1, is_wide, 3.2, foot=0.2 * num_entries / (1 + is_wide))
        for reference in reference_curves():
            seen = np.array(reference["tokens"])
            axis.plot(
                seen[seen <= 2 * most],
                np.array(reference["share"])[seen <= 2 * most],
                color=GREY,
                lw=1.2,
                ls=_dashes(reference["dashes"]),
                label=legend_name(reference["name"]),
                zorder=1,
            )
        for label, mine in by_arm.items():
            shares = [np.array(h.curve.loss) / _landmark(h) for h in mine]
            for run, share in zip(mine, shares, strict=True):
                axis.plot(
                    run.curve.tokens, share, color=colours[label], lw=0.7, alpha=0.3, zorder=2
                )
            grid, values = on_one_grid([h.curve.tokens for h in mine], shares)
            draw_mean(axis, scores, label, grid, values, partial(_share_at, label), is_log=True)
            _mark_leaving(axis, label, mine, colours[label])
        draw_landmark(axis, 1.0, message("health.entropy"), 0)
        if len(guesses) == 1:  # with 80-10-10 beside others a blind guess has several shares
            draw_landmark(axis, max(guesses), message("health.guess"), 1)
        axis.set_xlabel(message("health.tokens"))
        axis.set_ylabel(message("health.axis"))
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axis.set_ylim(top=1.05 * max([*guesses, *(h.curve.loss[0] / _landmark(h) for h in runs)]))
        add_legend(figure, axis)
        solve_layout(figure)
        return figure

    caption = caption_at_point(scores, message("health.figure"))
    return Picture("health", message("health.title"), caption, draw)


def _landmark(health: Health) -> float:
    assert health.curve.landmark is not None  # of a loss of tokens
    return health.curve.landmark


def _share_at(label: str, tokens: float, share: float) -> str:
    return message("spots.share", arm=label, share=f"{share:.3f}", tokens=si(tokens))


def _mark_leaving(axis: Axes, label: str, runs: Sequence[Health], colour: object) -> None:
    """Draw a ring where each run left the plateau; each says its seed."""
    left = [(h.left_at, h.curve.seed) for h in runs if h.left_at is not None]
    (rings,) = axis.plot(
        [at for at, _ in left],
        [LEFT_SHARE] * len(left),
        "o",
        color=colour,
        mfc="white",
        ms=5,
        zorder=4,
    )
    said = [message("spots.left", arm=label, seed=seed, tokens=si(at)) for at, seed in left]
    describe(rings, dict(enumerate(said)), is_minor=True)


def _dashes(written: Sequence[Any]) -> object:
    """Return a line style of matplotlib from how JSON holds it."""
    return (written[0], tuple(written[1])) if written else "-"
