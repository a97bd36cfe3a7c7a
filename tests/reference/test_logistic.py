"""Logistic regressions along a grid against scikit-learn's, bit by bit."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from mae_bench.tasks.logistic import fit_log_odds, fit_logistic

PENALTIES = (1e-6, 1e-3, 1.0, 100.0)


def problem(num_classes, *, examples=60, features=30):
    """Return features and labels, with more features than a class has examples."""
    rng = np.random.default_rng(num_classes)
    table = rng.normal(size=(examples + 20, features))
    labels = (table[:, :num_classes] + rng.normal(size=(examples + 20, num_classes))).argmax(axis=1)
    labels[:num_classes] = np.arange(num_classes)
    return table[:examples], labels[:examples], table[examples:]


def plain(features, labels, max_iter):
    """Yield scikit-learn's models, each from the weights of the one before."""
    model = LogisticRegression(solver="lbfgs", max_iter=max_iter, warm_start=True)
    for penalty in PENALTIES:
        yield model.set_params(C=penalty).fit(features, labels), model.n_iter_.max() < max_iter


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
@pytest.mark.parametrize("num_classes", [2, 3, 9])
def test_every_model_is_scikit_learns(num_classes, form):
    features, labels, asked = problem(num_classes)
    features, asked = form(features), form(asked)
    names = np.array([f"class {i}" for i in range(num_classes)])[labels]
    models = fit_logistic(features, names, PENALTIES, 1000)
    odds = fit_log_odds(features, names, PENALTIES, 1000)
    for (predict, is_converged), (score, _), (wanted, was_converged) in zip(
        models, odds, plain(features, names, 1000), strict=True
    ):
        np.testing.assert_array_equal(predict(asked), wanted.predict(asked))
        np.testing.assert_allclose(
            score(asked), wanted.decision_function(asked), rtol=1e-12, atol=0
        )
        assert is_converged == was_converged


@pytest.mark.filterwarnings("ignore:lbfgs failed")
def test_a_solver_that_was_stopped_says_so():
    features, labels, _ = problem(3)
    fits = [is_converged for _, is_converged in fit_logistic(features, labels, PENALTIES, 3)]
    assert fits == [is_converged for _, is_converged in plain(features, labels, 3)]
    assert not fits[-1]


def test_two_of_many_classes_are_told_apart_as_two():
    features, labels, asked = problem(2)
    ((predict, _),) = fit_logistic(features, labels * 4 + 1, [1.0], 100)
    assert set(predict(asked)) <= {1, 5}
