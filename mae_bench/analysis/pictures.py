"""Which figures a report has, in which section."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.curve_plots import (
    corpus_picture,
    noise_names,
    noise_picture,
    size_picture,
    split_picture,
)
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.health_plots import health_picture
from mae_bench.analysis.plots import Picture, drawn_arms
from mae_bench.analysis.pretraining_plots import cost_picture, loss_picture
from mae_bench.analysis.score_plots import difference_picture, score_picture
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.variance_plots import variance_pictures
from mae_bench.specs import Study

_MAX_PROTOCOLS = 3  # with figures of their own


def pictures_of(
    rows: pd.DataFrame,
    scores: Scores,
    study: Study,
    here: Sequence[Verdict],
    control: str | None,
    curves: Sequence[Curve],
) -> dict[str, list[Picture]]:
    """Return the figures of a report, by section.

    Args:
        rows: of the study.
        scores: read from them.
        study: for the order of its protocols.
        here: the comparisons with the control in the reference setting.
        control: label of the control, if there is one.
        curves: of its pretrainings.
    """
    scores, note = drawn_arms(scores, control)
    reference = scores.reference
    by_protocol = {setting.protocol: setting for setting in reversed(scores.settings)}
    chosen = [by_protocol[name] for name in study.protocols if name in by_protocol]
    chosen = chosen[:_MAX_PROTOCOLS] or [reference]
    by_section: dict[str, list[Picture | None]] = {
        "differences": [difference_picture(scores, here, control, reference) if control else None],
        "scores": [
            *(score_picture(scores, setting) for setting in chosen),
            *variance_pictures(scores, control),
        ],
        "curves": [
            *(size_picture(scores, setting) for setting in chosen),
            corpus_picture(scores, reference),
            split_picture(scores, reference),
        ],
        "noises": [
            noise_picture(scores, setting, noise)
            for setting in chosen
            for noise in noise_names(scores)[:_MAX_PROTOCOLS]
        ],
        "costs": [cost_picture(scores, rows, reference)],
        "loss": [health_picture(scores, curves), loss_picture(scores, curves)],
    }
    return {
        name: [replace(p, caption=p.caption + note) for p in pictures if p is not None]
        for name, pictures in by_section.items()
    }
