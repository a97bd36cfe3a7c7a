"""Nearest neighbours, and the votes of kinds, against scikit-learn's own models."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from mae_bench.protocols.neighbours import nearest
from mae_bench.tasks import TASKS, kind_of

COUNTS = (1, 3, 8, 20)


@pytest.fixture
def vectors():
    """Return vectors of which many are as near as others: examples, then what is asked for."""
    rng = np.random.default_rng(0)
    near = rng.normal(size=(60, 5))
    near[30:] = near[:30]  # copies
    return near, np.concatenate([rng.normal(size=(20, 5)), near[:10]])


def weigh(distances):
    return np.exp((1.0 - distances) / 0.1)


MODELS = [("sst2", KNeighborsClassifier), ("stsb", KNeighborsRegressor)]


@pytest.mark.parametrize(("task", "model"), MODELS)
def test_every_k_votes_as_scikit_learns_model_of_that_k(vectors, task, model):
    near, asked = vectors
    labels = np.random.default_rng(1).integers(0, 3, len(near))
    kind = kind_of(TASKS.get(task))
    for k, (distances, index) in zip(COUNTS, nearest(asked, near, COUNTS), strict=True):
        alone = model(k, weights=weigh, metric="cosine").fit(near, labels * 1.0)
        np.testing.assert_array_equal(
            kind.vote(labels[index], weigh(distances)), alone.predict(asked)
        )
        np.testing.assert_array_equal(index, alone.kneighbors(asked)[1])


def test_rows_that_are_worked_out_in_parts_are_joined_in_order(vectors):
    import sklearn

    near, asked = vectors
    (whole,) = nearest(asked, near, [4])
    with sklearn.config_context(working_memory=1e-3):  # MB: two rows of distances
        (parts,) = nearest(asked, near, [4])
    np.testing.assert_array_equal(whole[1], parts[1])
    np.testing.assert_allclose(whole[0], parts[0], atol=1e-12)


def test_a_tie_goes_to_the_smallest_class():
    labels = np.array([[2, 1, 0]])
    assert kind_of(TASKS.get("sst2")).vote(labels, np.ones((1, 3))).tolist() == [0]
