"""Grids of hyper-parameters: wide, the same for all, and told where their edge was chosen."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from small_cases import save_encoder, small_spec, small_task

from mae_bench.analysis.edges import edge_table
from mae_bench.progress import silent
from mae_bench.protocols import finetune, rates
from mae_bench.protocols.floors import TfidfRecipe
from mae_bench.protocols.linear_fit import best_of, linear_kind, try_penalties
from mae_bench.protocols.outcome import FLAT, Trial, grid_edges
from mae_bench.results import COLUMNS, load_rows
from mae_bench.specs import FinetuneRecipe, ProbeRecipe
from mae_bench.tasks import TASKS
from mae_bench.tasks.kinds.regress import fit_ridge

OLD_ALPHAS = (0.1, 1.0, 10.0)


def noisy_values(*, examples, features, seed=0):
    """Return features and labels to which each feature adds a little, under much noise."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=features) / np.sqrt(features)
    table = rng.normal(size=(examples, features))
    return table, table @ weights + 1.5 * rng.normal(size=examples)


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def test_the_probe_finds_a_ridge_penalty_far_outside_small_ones():
    features, labels = noisy_values(examples=2650, features=600)
    train, selection, test = slice(0, 650), slice(650, 1650), slice(1650, 2650)
    fitted = best_of(
        TASKS.get("stsb"),
        try_penalties(
            linear_kind(TASKS.get("stsb")),
            (features[train], labels[train]),
            (features[selection], labels[selection]),
            penalties=ProbeRecipe().inverse_penalties,
            max_iter=100,
            chosen={},
        ),
    )
    assert 100 < 1 / fitted.trial.chosen["C"] < 1e5
    old = [
        correlation(
            Ridge(alpha=alpha).fit(features[train], labels[train]).predict(features[test]),
            labels[test],
        )
        for alpha in OLD_ALPHAS
    ]
    assert correlation(fitted.predict(features[test]), labels[test]) > max(old) + 0.05


def test_ridge_is_scikit_learns_at_one_over_c_for_every_penalty():
    features, labels = noisy_values(examples=60, features=20)
    penalties = (1e-4, 1e-2, 1.0)
    for penalty, predict in zip(penalties, fit_ridge(features, labels, penalties), strict=True):
        alone = Ridge(alpha=1 / penalty).fit(features, labels).predict(features)
        np.testing.assert_allclose(predict(features), alone, rtol=1e-6, atol=1e-9)
    weak, strong = (fit_ridge(features, labels, (c,))[0](features) for c in (1e3, 1e-6))
    assert np.std(strong) < 0.01 * np.std(weak), "a small C is a strong penalty"


def test_a_warm_start_ends_where_a_cold_one_does():
    features, values = noisy_values(examples=120, features=10)
    labels = (values > 0).astype(np.int64)
    grid = (1e-3, 1e-1, 10.0)
    fitted = try_penalties(
        linear_kind(TASKS.get("sst2")),
        (features, labels),
        (features, labels),
        penalties=grid,
        max_iter=1000,
        chosen={},
    )
    for penalty, model in zip(grid, fitted, strict=True):
        alone = LogisticRegression(C=penalty, max_iter=1000).fit(features, labels)
        assert model.trial.value == pytest.approx(alone.score(features, labels), abs=0.01)
        assert model.trial.facts["is_converged"]


def test_each_penalty_keeps_its_own_model():
    features, values = noisy_values(examples=80, features=10)
    labels = (values > 0.8).astype(np.int64)
    data = (features, labels)
    kind = linear_kind(TASKS.get("sst2"))
    fitted = try_penalties(kind, data, data, penalties=(1e-8, 1.0), max_iter=1000, chosen={})
    assert len(set(fitted[0].predict(features).tolist())) == 1
    assert len(set(fitted[1].predict(features).tolist())) == 2


def test_default_grids_are_wide():
    probe, words = ProbeRecipe().inverse_penalties, TfidfRecipe().inverse_penalties
    assert min(probe) <= 1e-5 and max(probe) >= 10
    assert min(words) <= 0.01 and max(words) >= 1000
    rates = FinetuneRecipe().learning_rates
    assert len(rates) >= 3 and max(rates) / min(rates) >= 10


def trials_of(**values):
    return [Trial({"C": float(name[1:])}, value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ({"c1": 0.1, "c10": 0.3, "c100": 0.2}, {}),
        ({"c1": 0.5, "c10": 0.3, "c100": 0.2}, {"C": "lowest"}),
        ({"c1": 0.1, "c10": 0.3, "c100": 0.4}, {"C": "highest"}),
        ({"c1": 0.4, "c10": 0.4, "c100": 0.3}, {}),  # flat: nothing better lies beyond
        ({"c1": 0.4, "c10": 0.4 - FLAT / 2, "c100": 0.3}, {}),
        ({"c1": 0.4, "c10": None, "c100": 0.3}, {"C": "lowest"}),
        ({"c1": 0.2, "c10": 0.3, "c100": None}, {}),  # beyond it training fails
        ({"c1": 0.2}, None),
    ],
)
def test_edges_are_where_a_better_value_may_lie_beyond(values, edges):
    trials = trials_of(**values)
    best = max((t for t in trials if t.value is not None), key=lambda trial: trial.value)
    assert grid_edges(TASKS.get("stsb"), trials, best) == edges


def test_an_edge_is_judged_beside_the_other_choices_of_the_best():
    trials = [
        Trial({"pooling": pooling, "C": c}, value)
        for pooling, c, value in (
            ("mean", 1.0, 0.2), ("mean", 10.0, 0.4), ("cls", 1.0, 0.1), ("cls", 10.0, 0.05),
            ("cls", 100.0, 0.0),
        )
    ]  # fmt: skip
    assert grid_edges(TASKS.get("stsb"), trials, trials[1]) == {"C": "highest"}
    assert grid_edges(TASKS.get("stsb"), [Trial({}, 0.5)], Trial({}, 0.5)) is None


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def tuned(encoder, **recipe):
    data = small_task("classify", train=120)
    spec = small_spec("finetune", data, recipe={"min_steps": 30, **recipe})
    return finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def rates_of(result):
    return [trial.chosen["learning_rate"] for trial in result.trials]


def test_a_rate_beyond_the_edge_is_tried_by_the_grids_own_step(encoder):
    result = tuned(encoder, learning_rates=(3e-4, 1e-3), max_added_rates=0)
    assert rates_of(result) == [3e-4, 1e-3]
    assert result.grid_edges == {"learning_rate": "highest"}
    added = tuned(encoder, learning_rates=(3e-4, 1e-3), max_added_rates=1)
    assert added.trials[:2] == result.trials
    assert rates_of(added)[2:] == [3.33e-3]
    assert added.flops > result.flops, "what is added is paid for"


def test_a_grid_of_one_rate_is_no_choice(encoder):
    result = tuned(encoder, learning_rates=(1e-6,), max_added_rates=2)
    assert rates_of(result) == [1e-6] and result.grid_edges is None


@pytest.mark.parametrize(
    ("values", "beyond"),
    [
        ({1e-3: 0.5, 3e-3: 0.6}, [9e-3]),
        ({1e-3: 0.6, 3e-3: 0.5}, [3.33e-4]),
        ({1e-3: 0.5, 3e-3: 0.6, 9e-3: 0.4}, []),
        ({1e-3: 0.6, 3e-3: 0.6}, []),
        ({1e-3: None, 3e-3: None}, []),
    ],
)
def test_the_rate_beyond(values, beyond):
    trials = [Trial({"learning_rate": rate}, value) for rate, value in values.items()]
    assert rates.rate_beyond(TASKS.get("stsb"), trials) == pytest.approx(beyond)


def row(**changes):
    fields = dict.fromkeys(COLUMNS) | {
        "arm": "mlm", "protocol": "linear_probe", "task": "a", "train_size": "100", "seed": 0,
        "noise": "clean", "noise_where": "test", "chosen": "{}",
    }  # fmt: skip
    return fields | changes


def test_the_page_counts_choices_at_an_edge_once_for_each_evaluation():
    rows = pd.DataFrame(
        [
            row(seed=0, grid_edge="C lowest", metric="accuracy"),
            row(seed=0, grid_edge="C lowest", metric="f1"),
            row(seed=0, grid_edge="C lowest", noise="typos"),
            row(seed=1, grid_edge="", metric="accuracy"),
            row(seed=2, grid_edge=None, metric="accuracy"),
            row(task="b", seed=0, grid_edge="C highest", metric="accuracy"),
        ]
    )
    table = edge_table(rows)
    assert table.caption == "Chosen at the edge of its grid: 2 of 3."
    assert table.frame["at the edge"].tolist() == ["1 of 2", "1 of 1"]
    assert table.frame["which"].tolist() == ["C lowest: 1", "C highest: 1"]
    assert edge_table(rows.assign(grid_edge=None)) is None


def test_rows_of_before_have_no_edge_and_load(tmp_path):
    old = pd.DataFrame([row()]).drop(columns="grid_edge")
    old.to_parquet(tmp_path / "rows.parquet")
    assert load_rows(tmp_path)["grid_edge"].isna().all()
