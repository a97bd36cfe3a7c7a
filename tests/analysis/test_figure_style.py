"""One style for all figures: an arm keeps its looks, the colour-blind tell arms apart, no dates."""

import numpy as np
import pandas as pd
import pytest
from report_rows import small_study, table

from mae_bench.analysis.curve_plots import size_picture
from mae_bench.analysis.plots import (
    _COLOURS,
    _LINES,
    _MARKERS,
    arm_colours,
    arm_dashes,
    arm_marker,
)
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_plots import score_picture

ARMS = ("random_init", "mlm", "mae", "simcse")


def looks(scores, label):
    return arm_colours(scores)[label], arm_marker(scores, label), arm_dashes(scores, label)


def test_an_arm_keeps_its_looks_when_others_have_no_rows_yet():
    study = small_study(arms=ARMS)
    whole = read_scores(table({arm: [0.5, 0.6] for arm in ARMS}), study)
    part = read_scores(table({arm: [0.5] for arm in ("simcse", "mae")}), study)
    for label in ("mae", "simcse"):
        assert looks(whole, label) == looks(part, label)
    assert arm_colours(whole)["random_init"] not in _COLOURS


def test_an_arm_that_the_study_does_not_name_has_looks_of_its_own():
    scores = read_scores(table({"mlm": [0.5], "mae": [0.5], "distill": [0.5]}), small_study())
    assert len({looks(scores, arm.label) for arm in scores.arms}) == 3


def test_no_two_of_sixty_four_arms_look_alike():
    arms = tuple(f"mae {number}" for number in range(64))
    scores = read_scores(table({arm: [0.5] for arm in arms}), small_study(arms=arms))
    assert len({(arm_colours(scores)[arm], arm_marker(scores, arm)) for arm in arms}) == 64


def linear(colour):
    """Return linear RGB of a hexadecimal colour (IEC 61966-2-1)."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIE L*a*b* of linear RGB under D65."""
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = matrix @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0
SIGHTS = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}  # fmt: skip


@pytest.mark.parametrize("sight", SIGHTS)
def test_readers_blind_to_colours_tell_arms_apart(sight):
    seen = [lab(np.array(SIGHTS[sight]) @ linear(colour)) for colour in _COLOURS]
    apart = {
        (one, other): np.linalg.norm(seen[one] - seen[other])
        for one in range(len(seen))
        for other in range(one)
    }
    assert min(apart.values()) > 5, min(apart, key=apart.get)  # a difference of 2.3 is just seen
    first_five = [distance for (one, _), distance in apart.items() if one < 5]
    assert min(first_five) > 10


def test_there_are_as_many_markers_as_colours():
    assert len(set(_MARKERS)) == len(set(_COLOURS)) == 8
    assert len(set(_LINES)) == len(_LINES)


def test_pdfs_have_no_date_and_the_same_bytes(tmp_path):
    study = small_study(train_sizes=(200, 2000))
    rows = [
        table({"mlm": [0.5, 0.6], "mae": [0.6, 0.5]}, train_size=str(n), n_train=n)
        for n in (200, 2000)
    ]
    scores = read_scores(pd.concat(rows), study)
    for picture in (
        score_picture(scores, scores.reference),
        size_picture(scores, scores.reference),
    ):
        for folder in ("one", "two"):
            picture.save(tmp_path / folder)
        one, two = (tmp_path / name / f"{picture.slug}.pdf" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert b"Date" not in one.read_bytes()


def on_a_dark_page(colour):
    """Return linear RGB of a colour as the page's filter shows it (W3C Filter Effects)."""
    shown = 1 - np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    hue = [[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]]
    saturated = [[1.1574, -0.143, -0.0144], [-0.0426, 1.057, -0.0144], [-0.0426, -0.143, 1.1856]]
    for matrix in (hue, saturated):
        shown = np.clip(np.array(matrix) @ shown, 0, 1)
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("sight", SIGHTS)
def test_arms_are_told_apart_on_a_dark_page_too(sight):
    seen = [lab(np.array(SIGHTS[sight]) @ on_a_dark_page(colour)) for colour in _COLOURS]
    apart = [
        (np.linalg.norm(seen[one] - seen[other]), one)
        for one in range(len(seen))
        for other in range(one)
    ]
    assert min(apart)[0] > 10
    assert min(distance for distance, one in apart if one < 5) > 18
