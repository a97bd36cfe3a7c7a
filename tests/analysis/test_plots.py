"""Figures: what each must contain, and that nothing runs out of its frame."""

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, row, small_study, table

from mae_bench.analysis.claims import judge_comparisons
from mae_bench.analysis.curve_plots import noise_picture, size_picture
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.plots import arm_colours, drawn_arms, svg_of
from mae_bench.analysis.pretraining_plots import cost_picture, loss_picture
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_plots import difference_picture, score_picture
from mae_bench.results import frame
from mae_bench.specs import CLEAN, NoiseSpec

LONG = "mlm mask_ratio=0.15 with a long name"
ARMS = ("random_init", "mlm", LONG, "mae")


@pytest.fixture
def study():
    noises = (NoiseSpec(), NoiseSpec(name="typos", rate=0.1))
    return small_study(arms=ARMS, train_sizes=(200, 2000), noise=noises)


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    tables = [frame(floor_rows([0.1] * 6)).assign(train_size="2000", n_train=2000)]
    for size in (200, 2000):
        for noise, rate in (("clean", 0.0), ("typos", 0.1)):
            values = {arm: 0.6 + generator.normal(0, 0.02, 6) - rate for arm in ARMS}
            values["mae"] = [None] * 6 if size == 200 else values["mae"]
            changes = {"train_size": str(size), "n_train": size, "noise": noise}
            tables.append(
                table(values, noise_rate=rate, pretrain_flops=1e12, pretrain_s=9.0, **changes)
            )
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def scores(rows, study):
    return read_scores(rows, study)


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]


@pytest.mark.parametrize("is_wide", [True, False])
def test_legends_and_labels_stay_inside_the_figure(scores, rows, is_wide):
    pictures = [
        score_picture(scores, scores.reference),
        size_picture(scores, scores.reference),
        noise_picture(scores, scores.reference, "typos (test)"),
        cost_picture(scores, rows, scores.reference),
    ]
    for picture in pictures:
        figure = picture._drawn(is_wide)
        figure.draw_without_rendering()
        whole = figure.bbox
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0, picture.slug


def test_a_failed_arm_is_named_as_failed_on_its_line(scores):
    setting = next(s for s in scores.settings if s.train_size == 200 and s.noise == CLEAN)
    figure = score_picture(scores, setting)._drawn(is_wide=True)
    assert "failed (6 of 6)" in texts(figure)


def test_a_floor_far_below_is_named_not_drawn(scores):
    figure = score_picture(scores, scores.reference)._drawn(is_wide=True)
    assert any("majority class 10" in text for text in texts(figure))
    assert figure.axes[0].get_xlim()[0] > 20


def test_colours_belong_to_arms(scores):
    colours = arm_colours(scores)
    assert colours["majority class"] == colours["random_init"]
    assert len({colours[arm] for arm in ARMS[1:]}) == 3


def test_decided_differences_are_filled(study, scores):
    verdicts = judge_comparisons(study, scores, "mlm", [scores.reference])
    picture = difference_picture(scores, verdicts, "mlm", scores.reference)
    assert picture is not None
    assert "points above control" in texts(picture._drawn(is_wide=True))


def test_a_single_size_has_no_curve():
    study = small_study()
    scores = read_scores(table({"mlm": [0.5, 0.6]}), study)
    assert size_picture(scores, scores.reference) is None
    assert noise_picture(scores, scores.reference, "typos (test)") is None
    assert loss_picture(scores, []) is None


def test_loss_shows_the_entropy_and_every_arm(scores):
    steps = tuple(float(x) for x in range(5))
    curves = [Curve(a, 0, None, steps, steps, steps, steps, (5, 4, 3, 2, 1), 3.5) for a in ARMS[1:]]
    picture = loss_picture(scores, curves)
    assert picture is not None
    shown = texts(picture._drawn(is_wide=True))
    assert "entropy of single tokens" in shown
    assert set(ARMS[1:]) <= set(shown)


def test_the_same_figure_gives_the_same_file(scores):
    picture = score_picture(scores, scores.reference)
    assert svg_of(picture.narrow()) == svg_of(picture.narrow())


def test_one_row_is_enough():
    scores = read_scores(frame([row("mlm", 0.5)]), small_study())
    assert score_picture(scores, scores.reference)._drawn(is_wide=False).axes


def test_a_figure_names_the_tasks_that_have_no_panel():
    names = ("sst2", "trec", "rte", "cola", "imdb", "copa", "boolq", "banking77", "ag_news", "cb",
             "wnli", "mrpc", "qnli")  # fmt: skip
    study = small_study(arms=("mlm", "mae"), tasks=names, train_sizes=(200, 2000))
    for count, missing in ((11, []), (12, ["mrpc"]), (13, ["mrpc", "qnli"])):
        rows = frame(
            row(arm, 0.6 + 0.01 * seed, seed, task, train_size=str(size), n_train=size)
            for arm in ("mlm", "mae")
            for task in names[:count]
            for seed in range(3)
            for size in (200, 2000)
        )
        part = study.model_copy(update={"tasks": names[:count]})
        scores = read_scores(rows, part)
        verdicts = judge_comparisons(part, scores, "mlm")
        differences = difference_picture(scores, verdicts, "mlm", scores.reference)
        assert ("No panel" in differences.caption) == bool(missing)
        assert all(name in differences.caption for name in missing)
        for picture in (score_picture, size_picture):
            caption = picture(scores, scores.reference).caption
            assert ("No panel for qnli: see the tables." in caption) == (count == 13), caption


def test_figures_show_no_more_arms_than_can_be_told_apart():
    arms = tuple(f"mlm {number}" for number in range(40))
    rows = table({arm: [0.5, 0.51] for arm in (*arms, "random_init")})
    scores = read_scores(rows, small_study(arms=(*arms, "random_init"), seeds=(0, 1)))
    fewer, note = drawn_arms(scores, "mlm 39")
    labels = [arm.label for arm in fewer.arms]
    assert labels == ["random_init", *arms[:23], "mlm 39"]
    assert note == " The first 24 of 40 arms are drawn; the tables have all."
    assert arm_colours(fewer)["mlm 39"] == arm_colours(scores)["mlm 39"]
    assert drawn_arms(fewer, "mlm 39") == (fewer, "")
