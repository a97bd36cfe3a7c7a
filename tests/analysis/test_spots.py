"""What the marks of figures say: the digits and unit of the tables, seeds, floors and curves."""

import math

import pytest
from report_rows import floor_rows, row, small_study

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.health_plots import health_picture
from mae_bench.analysis.loss_lines import on_one_grid
from mae_bench.analysis.pretraining_plots import loss_picture
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_plots import score_picture
from mae_bench.analysis.spots import MAX_SPOTS, Dot, Span, spots_of, without_dots
from mae_bench.results import frame

SEEDS = (0, 1, 2)
ARMS = ("mlm", "mae", "simcse")
TASKS = ("sst2", "trec")


def scores_of(metric="accuracy", seeds=SEEDS):
    rows = [
        row(arm, 0.5 + 0.1 * rank + 0.0102 * seed, seed, task, metric=metric)
        for task in TASKS
        for rank, arm in enumerate(ARMS)
        for seed in seeds
    ]
    rows += [one for task in TASKS for one in floor_rows([0.49] * len(seeds), task)]
    return read_scores(frame(rows), small_study(arms=ARMS, tasks=TASKS, seeds=seeds))


@pytest.fixture
def spots():
    scores = scores_of()
    return spots_of(score_picture(scores, scores.reference).narrow())


def test_marks_run_from_top_to_bottom_and_read_as_tables_do(spots):
    marks = [spot for spot in spots if len(spot) == 3]
    names = [text.split(":")[0] for *_, text in marks]
    assert names == [f"{task}, {arm}" for task in TASKS for arm in ARMS]
    assert [y for _, y, _ in marks] == sorted(y for _, y, _ in marks)
    assert marks[0].text.startswith("sst2, mlm: 51.0 [") and marks[0].text.endswith("] points")


def test_every_seed_and_every_floor_says_its_value(spots):
    dots = [spot for spot in spots if isinstance(spot, Dot)]
    assert len(dots) == len(SEEDS) * len(ARMS) * len(TASKS)
    assert "trec, mae, seed 2: 62.0 points" in [dot.text for dot in dots]
    floors = [spot for spot in spots if isinstance(spot, Span)]
    assert [floor.text for floor in floors] == [
        f"{task}, majority class: 49.0 points" for task in TASKS
    ]
    for floor in floors:
        assert floor.x == floor.other_x and abs(floor.y - floor.other_y) > 0.1
    # arrow keys pass over the dots, which come last
    assert spots[-len(dots) :] == dots
    assert without_dots(spots) == spots[: -len(dots)]


def test_too_many_dots_leave_the_marks():
    seeds = tuple(range(70))
    scores = scores_of(seeds=seeds)
    spots = spots_of(score_picture(scores, scores.reference).narrow())
    assert len(seeds) * len(ARMS) * len(TASKS) > MAX_SPOTS
    assert len(spots) == len(ARMS) * len(TASKS) + len(TASKS)


def curves_of(loss, entropy=6.0):
    points = tuple(float(100_000 * (i + 1)) for i in range(len(loss)))
    facts = {"unigram_entropy": entropy, "vocab_size": 2048, "cost": {}}
    return [
        Curve(arm, seed, None, points, points, points, points, tuple(loss), **facts)
        for arm in ARMS
        for seed in SEEDS
    ]


def test_losses_say_their_values_and_start_near_the_data():
    loss = [math.log(2048), 6.0, 5.8, *[5.5 - 0.01 * i for i in range(20)]]
    scores = scores_of()
    figure = loss_picture(scores, curves_of(loss)).narrow()
    (axis,) = figure.axes
    bottom, top = axis.get_ylim()
    assert 5.0 < bottom < min(loss) and bottom < 6.0 < top
    texts = [spot.text for spot in spots_of(figure)]
    assert "entropy of single tokens" in texts
    assert f"mae: {loss[-1]:.3f} nats a predicted unit after 2.3 M tokens" in texts
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*ARMS, "entropy of single tokens"]


def test_a_run_that_left_the_plateau_says_when():
    loss = [math.log(2048), 6.0, 6.0, *[5.0 - 0.01 * i for i in range(20)]]
    spots = spots_of(health_picture(scores_of(), curves_of(loss)).narrow())
    left = [spot.text for spot in spots if isinstance(spot, Dot)]
    assert len(left) == len(SEEDS) * len(ARMS)
    assert left[0] == "mlm, seed 0: left the plateau after 400 k tokens"
    assert {"without context", "blind guess (log V)"} <= {spot.text for spot in spots}


def test_a_mean_ends_where_the_first_run_does():
    grid, values = on_one_grid([(1.0, 2.0), (1.0, 2.0, 3.0)], [[4.0, 2.0], [4.0, 4.0, 4.0]])
    assert grid.tolist() == [1.0, 2.0]
    assert values.tolist() == [[4.0, 2.0], [4.0, 4.0]]
