"""Areas under noise curves and relative drops, against plain sums over rows written by hand."""

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, small_study, table
from scipy.integrate import trapezoid

from mae_bench.analysis.noise_curves import (
    area_under,
    curves_long,
    noise_curve_table,
    noise_curves,
    relative_drop,
)
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.stats import mean_intervals
from mae_bench.results import frame
from mae_bench.specs import CLEAN, NoiseSpec

RATES = (0.0, 0.1, 0.4)
NOISES = (CLEAN, NoiseSpec(name="typos", rate=0.1), NoiseSpec(name="typos", rate=0.4))
VALUES = {arm: np.random.default_rng(i).uniform(0.4, 0.9, (3, 6)) for i, arm in enumerate("ab")}


def rows(values=VALUES, rates=RATES):
    parts = [frame(floor_rows([0.5] * 6))]
    for position, rate in enumerate(rates):
        noise = {} if rate == 0 else {"noise": "typos", "noise_rate": rate}
        named = {name: values[arm][position].tolist() for name, arm in (("mlm", "a"), ("mae", "b"))}
        parts.append(table(named, **noise))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def scores():
    return read_scores(rows(), small_study(noise=NOISES))


def test_areas_are_trapezoids_over_the_range_and_drops_those_of_the_highest_rate(scores):
    curves = {curve.arm: curve for curve in noise_curves(scores)}
    assert set(curves) == {"mlm", "mae", "majority class"}
    for name, arm in (("mlm", "a"), ("mae", "b")):
        np.testing.assert_allclose(curves[name].area, trapezoid(VALUES[arm].T, RATES, axis=1) / 0.4)
        np.testing.assert_allclose(curves[name].drop, 1 - VALUES[arm][2] / VALUES[arm][0])
    assert not np.isfinite(curves["majority class"].area).any()  # was not read under noise


def test_differences_are_paired_by_seed(scores):
    lines = curves_long(noise_curves(scores), "mlm").set_index("arm")
    for name in ("area", "drop"):
        by_arm = {curve.arm: getattr(curve, name) for curve in noise_curves(scores)}
        differences = by_arm["mae"] - by_arm["mlm"]
        low, high = mean_intervals(differences[:, None])
        got = lines.loc["mae", [f"{name}_difference{end}" for end in ("", "_low", "_high")]]
        np.testing.assert_allclose(got.astype(float), [differences.mean(), low[0], high[0]])
    assert np.isnan(lines.loc["mlm", "area_difference"])


def test_the_table_says_what_is_missing(scores):
    shown = noise_curve_table(noise_curves(scores), scores.reference, "mlm")
    cells = shown.frame.set_index("arm")
    assert cells.loc["mlm", "area - control's"] == "control"
    assert cells.loc["majority class", "relative drop"] == "none"
    assert cells.loc["mae", "relative drop"].endswith("]") and "typos (test)" in set(cells["noise"])
    clean = read_scores(rows(rates=(0.0,)), small_study())
    assert noise_curve_table(noise_curves(clean), clean.reference, "mlm") is None


def test_a_drop_is_a_loss_whichever_direction_is_better_and_needs_a_clean_score():
    clean, noisy = np.array([0.8, 0.0, -0.1]), np.array([0.4, 0.1, 0.2])
    np.testing.assert_array_equal(relative_drop(clean, noisy), [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(relative_drop(np.array([2.0]), np.array([3.0]), -1), [0.5])
    np.testing.assert_allclose(area_under((0.1, 0.2), np.array([[1.0], [3.0]])), [2.0])
