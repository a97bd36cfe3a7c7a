"""Linear models solved in torch against scikit-learn's optima."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from mae_bench.tasks.kinds.regress import fit_ridge
from mae_bench.tasks.logistic import fit_each, fit_log_odds, fit_logistic
from mae_bench.tasks.stacked import FeatureStack

PENALTIES = (1e-6, 1e-3, 0.1, 1.0, 100.0)


def stacked(*tables):
    return FeatureStack(torch.tensor(np.stack(tables))).parts


def loss(table, features, labels, penalty):
    """Return the objective by its formula; ``labels`` count from 0."""
    weights, offsets = table[:, :-1], table[:, -1]
    scores = features @ weights.T + offsets
    if len(table) == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    surprise = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels]
    return surprise.mean() + (weights**2).sum() / (2 * penalty * len(labels))


def optimum(features, labels, penalty):
    """Return scikit-learn's model and the objective there, solved far beyond its default."""
    model = LogisticRegression(C=penalty, solver="newton-cg", tol=1e-9, max_iter=2000)
    model.fit(features, labels)
    table = np.column_stack([model.coef_, model.intercept_])
    return model, loss(table, features, labels, penalty)


def problem(rng, *, examples, features, classes, noise=1.0):
    table = rng.normal(size=(examples, features)) * np.logspace(0, -1.5, features)
    scores = table @ rng.normal(size=(features, classes))
    labels = (scores + noise * rng.normal(size=(examples, classes))).argmax(axis=1)
    labels[:classes] = np.arange(classes)[:examples]
    return table, labels


def check(features, labels, penalties=PENALTIES):
    """Compare losses, and predictions of other texts where they are no ties."""
    (given_features,) = stacked(features)
    asked = np.random.default_rng(1).normal(size=(50, features.shape[1]))
    classes, numbers = np.unique(labels, return_inverse=True)
    fits = given_features.logistic(labels[:, None], penalties, 200)[0]
    for penalty, (model, is_converged) in zip(penalties, fits, strict=True):
        wanted, least = optimum(features, numbers, penalty)
        reached = loss(model.table.numpy(), features, numbers, penalty)
        assert is_converged
        assert reached <= least * (1 + 1e-5)
        scores = wanted.decision_function(asked)
        pairs = np.column_stack([np.zeros(len(asked)), scores]) if scores.ndim == 1 else scores
        ordered = np.sort(pairs, axis=1)
        is_clear = ordered[:, -1] - ordered[:, -2] > 0.05 * np.abs(pairs).max()
        predicted = model.predict(torch.tensor(asked))
        expected = classes[wanted.predict(asked)]
        np.testing.assert_array_equal(predicted[is_clear], expected[is_clear])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    examples=st.integers(8, 60),
    features=st.integers(1, 40),
    classes=st.integers(2, 6),
    noise=st.sampled_from([0.01, 1.0, 5.0]),
)
def test_the_loss_is_scikit_learns_optimum(seed, examples, features, classes, noise):
    rng = np.random.default_rng(seed)
    check(*problem(rng, examples=examples, features=features, classes=classes, noise=noise))


def test_separable_classes_end_at_the_penaltys_optimum():
    features = np.linspace(-1, 1, 20)[:, None] * np.ones((1, 3))
    check(features, (features[:, 0] > 0).astype(np.int64), (1e-6, 1.0, 1e4))


def test_constant_features_and_more_classes_than_a_class_has_examples():
    rng = np.random.default_rng(3)
    features, labels = problem(rng, examples=30, features=8, classes=25)
    features[:, 2] = 7.0
    check(features, labels)
    check(np.ones((10, 3)), np.arange(10) % 3)


def test_names_of_classes_and_the_log_odds_of_two():
    rng = np.random.default_rng(4)
    table, labels = problem(rng, examples=60, features=5, classes=2)
    names = np.array(["no", "yes"])[labels]
    (features,) = stacked(table)
    wanted, _ = optimum(table, labels, 1.0)
    ((predict, _),) = fit_logistic(features, names, [1.0], 100)
    ((odds, _),) = fit_log_odds(features, names, [1.0], 100)
    np.testing.assert_array_equal(
        predict(torch.tensor(table)), np.array(["no", "yes"])[wanted.predict(table)]
    )
    np.testing.assert_allclose(
        odds(torch.tensor(table)), wanted.decision_function(table), atol=1e-2
    )


def test_a_solver_that_was_stopped_says_so():
    (features,) = stacked(problem(np.random.default_rng(5), examples=60, features=9, classes=3)[0])
    labels = np.arange(60) % 3
    assert [fine for _, fine in fit_logistic(features, labels, PENALTIES, 1)][-1] is False
    assert all(fine for _, fine in fit_logistic(features, labels, PENALTIES, 50))


def test_tables_and_targets_that_are_solved_together_are_those_solved_alone():
    rng = np.random.default_rng(6)
    tables = [problem(rng, examples=40, features=7, classes=3)[0] for _ in range(3)]
    labels = rng.integers(0, 3, 40)
    for part, table in zip(stacked(*tables), tables, strict=True):
        together = part.logistic(labels[:, None], PENALTIES, 100)[0]
        alone = stacked(table)[0].logistic(labels[:, None], PENALTIES, 100)[0]
        for (one, _), (other, _) in zip(together, alone, strict=True):
            torch.testing.assert_close(one.table, other.table, rtol=1e-3, atol=1e-6)
    columns = rng.random((40, 4)) < 0.5
    (features,) = stacked(tables[0])
    for number, (models, is_converged) in enumerate(fit_each(features, columns, PENALTIES, 100)):
        assert is_converged
        for column, predict in zip(columns.T, models, strict=True):
            wanted, _ = optimum(tables[0], column.astype(np.int64), PENALTIES[number])
            is_clear = np.abs(wanted.decision_function(tables[0])) > 1e-2
            got = predict(torch.tensor(tables[0]))
            np.testing.assert_array_equal(got[is_clear], wanted.predict(tables[0])[is_clear])


def test_solving_twice_gives_the_same_bits():
    table, labels = problem(np.random.default_rng(7), examples=50, features=60, classes=4)
    twice = [stacked(table)[0].logistic(labels[:, None], PENALTIES, 100)[0] for _ in range(2)]
    for (one, _), (other, _) in zip(*twice, strict=True):
        assert torch.equal(one.table, other.table)


@pytest.mark.parametrize(("examples", "features"), [(80, 12), (12, 80), (20, 20)])
def test_ridge_is_scikit_learns(examples, features):
    rng = np.random.default_rng(8)
    tables = rng.normal(size=(2, examples, features)) + 3.0
    tables[:, :, 0] = 1.0
    labels = rng.normal(size=examples) + 5.0
    for part, table in zip(stacked(*tables), tables, strict=True):
        for penalty, predict in zip(PENALTIES, fit_ridge(part, labels, PENALTIES), strict=True):
            wanted = Ridge(alpha=1 / penalty, solver="cholesky").fit(table, labels)
            np.testing.assert_allclose(
                predict(torch.tensor(table)), wanted.predict(table), rtol=1e-8, atol=0
            )
