"""Several fine-tunes of a pretraining: one score a seed, and whose the variance is."""

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, row, small_study

from mae_bench.analysis.claims import control_of, judge_comparisons
from mae_bench.analysis.report import write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.variance_tables import variance_tables
from mae_bench.analysis.whose_variance import MEAN, variance_lines
from mae_bench.errors import DataError
from mae_bench.measures import MINUS, TIMES
from mae_bench.results import frame

ARMS, TASKS, S, F = ("random_init", "mlm", "mae"), ("sst2", "rte"), 8, 4
RNG = np.random.default_rng(0)
OWN = 0.02 * RNG.normal(size=(len(ARMS), len(TASKS), S, 1))
RUNS = 0.7 + OWN + 0.01 * RNG.normal(size=(len(ARMS), len(TASKS), S, F))
RUNS[2] += 0.05
STUDY = small_study(arms=ARMS, tasks=TASKS, seeds=tuple(range(S)), finetune_seeds=tuple(range(F)))


def records(runs=RUNS):
    """Return the rows of runs [A, T, S, F]."""
    return [
        row(arm, float(runs[a, t, s, f]), s, task, finetune_seed=f)
        for a, arm in enumerate(ARMS)
        for t, task in enumerate(TASKS)
        for s in range(runs.shape[2])
        for f in range(runs.shape[3])
    ]


def cell_of(rows, arm="mae", task="sst2"):
    """Return the scores of an arm on a task."""
    scores = read_scores(frame(rows), STUDY)
    return scores.cells[arm, task, scores.reference]


def verdicts_of(rows, study):
    scores = read_scores(frame(rows), study)
    return judge_comparisons(study, scores, control_of(study, scores))


def test_a_seeds_score_is_the_mean_over_its_fine_tunes():
    cell = cell_of(records())
    assert cell.values == pytest.approx(RUNS[2, 0].mean(axis=1))
    assert cell.finetunes == pytest.approx(RUNS[2, 0])
    assert cell.n == S


def test_verdicts_are_those_of_the_means():
    means = STUDY.model_copy(update={"finetune_seeds": (0,)})
    nested, plain = (
        verdicts_of(records(), STUDY),
        verdicts_of(records(RUNS.mean(axis=3, keepdims=True)), means),
    )
    assert [v.outcome for v in nested] == [v.outcome for v in plain]
    assert [v.n for v in nested] == [S] * len(nested)
    assert [v.p for v in nested] == pytest.approx([v.p for v in plain])


@pytest.mark.parametrize("is_failed", [True, False])
def test_a_seed_without_one_of_its_fine_tunes_has_no_score(is_failed):
    rows = [r for r in records() if (r["arm"], r["seed"], r["finetune_seed"]) != ("mae", 3, 2)]
    if is_failed:
        rows.append(row("mae", None, 3, "sst2", finetune_seed=2))
    cell = cell_of(rows)
    assert np.flatnonzero(np.isnan(cell.values)).tolist() == [3]
    assert cell.num_failed == int(is_failed)
    assert np.isfinite(cell.finetunes[3]).sum() == F - 1


def test_a_seed_with_a_collapsed_fine_tune_keeps_its_score_and_counts_as_collapsed():
    rows = records()
    (one,) = (
        r
        for r in rows
        if (r["arm"], r["task"], r["seed"], r["finetune_seed"]) == ("mae", "sst2", 3, 2)
    )
    cell = cell_of([r for r in rows if r is not one] + [{**one, "is_collapsed": True}])
    assert (cell.num_collapsed, cell.n) == (1, S)


def test_two_rows_of_one_fine_tune_are_refused():
    rows = records()
    with pytest.raises(DataError, match="each seed, or fine-tune seed in it, may have one primary"):
        cell_of([*rows, rows[-1]])


def test_what_learns_from_no_label_has_one_score_a_seed_beside_others_of_several():
    study = small_study(
        seeds=(0, 1), protocols=("finetune", "zero_shot"), finetune_seeds=(0, 1), tasks=("sst2",)
    )
    at = [(arm, seed) for arm in ("mlm", "mae") for seed in (0, 1)]
    ours = [row(arm, 0.8, seed, finetune_seed=f) for arm, seed in at for f in (0, 1)]
    asked = [row(arm, 0.6, seed, protocol="zero_shot", n_train=0) for arm, seed in at]
    scores = read_scores(frame([*ours, *asked]), study)
    shapes = {(s.protocol, cell.finetunes.shape) for (_, _, s), cell in scores.cells.items()}
    assert shapes == {("finetune", (2, 2)), ("zero_shot", (2, 1))}
    assert all(cell.n == 2 for cell in scores.cells.values())
    assert {line.setting.protocol for line in variance_lines(scores)} == {"finetune"}


def test_rows_without_the_column_are_single_fine_tunes():
    table = frame([row(arm, 0.8, s) for arm in ("mlm", "mae") for s in range(6)])
    table["finetune_seed"] = None
    scores = read_scores(table, small_study())
    assert {cell.finetunes.shape for cell in scores.cells.values()} == {(6, 1)}
    assert variance_lines(scores) == []


def test_lines_are_arms_pairs_tasks_and_their_mean():
    scores = read_scores(frame(records()), STUDY)
    lines = {
        (line.arm, line.against, line.task): line.components for line in variance_lines(scores)
    }
    assert len(lines) == (3 + 3) * 3
    mean = RUNS.mean(axis=1)
    for arm, against, task, runs in (
        ("mae", None, "rte", RUNS[2, 1]),
        ("mae", "mlm", "sst2", RUNS[2, 0] - RUNS[1, 0]),
        ("mlm", None, MEAN, mean[1]),
    ):
        within = runs.var(axis=1, ddof=1).mean()
        assert lines[arm, against, task].finetune == pytest.approx(within)
        between = runs.mean(axis=1).var(ddof=1) - within / F
        assert lines[arm, against, task].pretraining == pytest.approx(between)


def test_an_encoder_from_outside_has_no_variance_of_pretraining():
    rows = records() + [
        row("theirs", 0.7 + 0.01 * (s + f) % 3, s, task, finetune_seed=f, objective="outside")
        for task in TASKS
        for s in range(S)
        for f in range(F)
    ]
    lines = variance_lines(read_scores(frame(rows), STUDY))
    assert {line.arm for line in lines} == set(ARMS)


def test_the_report_has_tables_numbers_and_a_figure(tmp_path):
    rows = frame(records() + floor_rows([0.5] * S))
    page = write_report(rows, STUDY, tmp_path / "report").read_text()
    folder = tmp_path / "report" / "tables"
    numbers = pd.read_csv(folder / "variance_numbers.csv")
    assert len(numbers) == 18
    assert set(numbers["seeds"]) == {S}
    single = pd.read_csv(folder / "whose-variance.csv")
    assert list(single["runs"]) == [f"{S} {TIMES} {F}"] * 9
    assert single["share of pretraining"].str.match(r"\d+% \[\d+, \d+\]").all()
    against = pd.read_csv(folder / "whose-variance-differences.csv")
    assert set(against["arm"]) == {f"{arm} {MINUS} mlm" for arm in ("random_init", "mae")}
    assert (folder / "whose-variance-shared.csv").exists()
    assert "whose-variance-finetune-all-clean.svg" in {
        path.name for path in (tmp_path / "report" / "figures").iterdir()
    }
    assert "Each pretraining has 4 fine-tunes" in page
    assert "nested fine-tunes" in page


@pytest.mark.parametrize("control", ["mlm", None])
def test_one_arm_alone_has_no_table_of_differences(control, tmp_path):
    rows = frame([r for r in records() if r["arm"] == "mlm"])
    scores = read_scores(
        rows, small_study(("mlm",), TASKS, seeds=STUDY.seeds, finetune_seeds=(0, 1, 2, 3))
    )
    assert [t.slug for t in variance_tables(scores, control, tmp_path)] == ["whose-variance"]


def test_a_study_of_single_fine_tunes_has_no_such_table(tmp_path):
    rows = frame([row(arm, 0.8, s) for arm in ("mlm", "mae") for s in range(6)])
    scores = read_scores(rows, small_study())
    assert variance_tables(scores, "mlm", tmp_path) == []
    assert not list(tmp_path.iterdir())
