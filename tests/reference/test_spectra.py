"""Ranks and the like against numpy's singular values, plain Python and spectra known in advance."""

import itertools
import math

import numpy as np
import pytest
import torch

from mae_bench.protocols.spectra import (
    Moments,
    alignment,
    entropy_rank,
    iso_score,
    mean_cosine,
    participation_ratio,
    rank_tau,
    uniformity,
)

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(60, 7)) @ np.diag([5, 4, 3, 1, 0.5, 0.1, 0.01]) + 3.0


def moments(vectors, pieces=4):
    accumulated = Moments(vectors.shape[1], "cpu")
    for part in np.array_split(vectors, pieces):
        accumulated.add(torch.from_numpy(part))
    return accumulated


@pytest.mark.parametrize("is_centred", [True, False])
def test_moments_give_the_singular_values_of_all_vectors(is_centred):
    whole = VECTORS - VECTORS.mean(0) if is_centred else VECTORS
    wanted = np.linalg.svd(whole, compute_uv=False) ** 2
    assert moments(VECTORS).squared(is_centred) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rank", [1, 2, 5, 8])
def test_equal_directions_count_one_each(rank):
    squared = np.array([4.0] * rank + [0.0] * (8 - rank))
    assert rank_tau(squared, 0.999) == rank
    assert entropy_rank(squared) == pytest.approx(rank)
    assert participation_ratio(squared) == pytest.approx(rank)


@pytest.mark.parametrize("tau", [0.3, 0.5, 0.9, 0.99])
def test_ranks_match_plain_python(tau):
    squared = sorted((float(v) for v in RNG.exponential(size=12)), reverse=True)
    total, held, count = sum(squared), 0.0, 0
    while held < tau * total:
        held += squared[count]
        count += 1
    assert rank_tau(np.array(squared), tau) == count
    values = [math.sqrt(v) for v in squared]
    shares = [v / sum(values) for v in values]
    assert entropy_rank(np.array(squared)) == pytest.approx(
        math.exp(-sum(p * math.log(p) for p in shares))
    )
    assert participation_ratio(np.array(squared)) == pytest.approx(
        total**2 / sum(v * v for v in squared)
    )


def test_the_share_is_of_squared_singular_values():
    """Nine tenths of the variance are one direction here, of the singular values two are."""
    assert rank_tau(np.array([9.0, 1.0]), 0.9) == 1


def test_vectors_that_are_all_the_same_have_no_rank():
    squared = moments(np.ones((9, 4))).squared()
    assert rank_tau(squared, 0.9) == entropy_rank(squared) == participation_ratio(squared) == 0


def test_iso_score_at_its_ends_and_between():
    assert iso_score(np.ones(6)) == pytest.approx(1)
    assert iso_score(np.array([1.0, 0, 0, 0, 0, 0])) == pytest.approx(0)
    # the paper's reading: k equal of n directions score (k - 1) / (n - 1)
    for used in range(1, 7):
        squared = np.array([2.0] * used + [0.0] * (6 - used))
        assert iso_score(squared) == pytest.approx((used - 1) / 5)


def test_pairs_match_a_double_loop():
    vectors = torch.from_numpy(VECTORS[:15])
    units = [v / np.linalg.norm(v) for v in VECTORS[:15]]
    pairs = list(itertools.combinations(units, 2))
    assert mean_cosine(vectors) == pytest.approx(np.mean([a @ b for a, b in pairs]))
    potentials = [math.exp(-2 * float(((a - b) ** 2).sum())) for a, b in pairs]
    assert uniformity(vectors) == pytest.approx(math.log(np.mean(potentials)))
    others = torch.from_numpy(VECTORS[15:30])
    wanted = [
        float(((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2).sum())
        for a, b in zip(VECTORS[:15], VECTORS[15:30], strict=True)
    ]
    assert alignment(vectors, others) == pytest.approx(np.mean(wanted))
