"""Masking against slow plain Python, row by row."""

import math

import numpy as np
import pytest
import torch

from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    CLS_ID,
    MASK_ID,
    NUM_SPECIAL,
    PAD_ID,
    SEP_ID,
    hide,
    num_hidden,
    replace,
)
from mae_bench.seeding import seed_for

V = 200


def rows_of(lengths, row_length, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.full((len(lengths), row_length), PAD_ID)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = rng.integers(NUM_SPECIAL, V, length)
        row[0], row[length - 1] = CLS_ID, SEP_ID
    return torch.from_numpy(ids)


def plain_bits(seed, draw, epoch, row, position):
    """The counter-based generator in Python integers."""
    low = 0xFFFFFFFF

    def mix(x):
        x ^= x >> 16
        x = x * 0x7FEB352D & low
        x ^= x >> 15
        x = x * 0x846CA68B & low
        return x ^ x >> 16

    key = seed_for("mask", seed=seed, draw=draw)
    high = key >> 31 & low
    return mix(
        mix(mix(row & low ^ high) ^ epoch * 0x9E3779B9 & low) ^ mix(position ^ key & 0x7FFFFFFF)
    )


def test_draws_match_plain_python():
    row_ids = torch.tensor([0, 1, 7, 123_456_789, 2**33 + 5])
    for epoch in (0, 1, 2**31 - 1):
        got = Draws(3, epoch, row_ids).bits("which", 9)
        wanted = [[plain_bits(3, "which", epoch, int(r), p) for p in range(9)] for r in row_ids]
        assert got.tolist() == wanted


def test_draws_are_uniform_and_independent_across_axes():
    draws = Draws(0, 0, torch.arange(4000)).uniform("which", 64)
    assert 0 <= draws.min() and draws.max() < 1
    histogram = torch.histc(draws, 20, 0, 1)
    expected = draws.numel() / 20
    chi2 = ((histogram - expected) ** 2 / expected).sum()
    assert chi2 < 45.3  # the 99.9% point of chi-square with 19 degrees of freedom
    others = [
        Draws(1, 0, torch.arange(4000)).uniform("which", 64),
        Draws(0, 1, torch.arange(4000)).uniform("which", 64),
        Draws(0, 0, torch.arange(4000)).uniform("how", 64),
        draws.roll(1, 0),
        draws.roll(1, 1),
    ]
    for other in others:
        correlation = torch.corrcoef(torch.stack([draws.flatten(), other.flatten()]))[0, 1]
        assert abs(correlation) < 5 / math.sqrt(draws.numel())


def plain_hidden(scores, ids, ratio):
    """The set of hidden positions of one row, by sorting."""
    maskable = [p for p, i in enumerate(ids) if i not in (PAD_ID, CLS_ID, SEP_ID)]
    count = math.floor(len(maskable) * ratio + 0.5)
    return set(sorted(maskable, key=lambda p: (scores[p], p))[:count])


@pytest.mark.parametrize("ratio", [0.05, 0.15, 0.4, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("is_padded", [False, True])
def test_hide_matches_plain_python(ratio, is_padded):
    lengths = [32] * 6 if not is_padded else [32, 31, 20, 9, 6, 32]
    ids = rows_of(lengths, 32)
    draws = Draws(1, 2, torch.arange(len(ids)))
    scores = draws.uniform("which", 32)
    hidden = hide(Block(ids, ids == PAD_ID if is_padded else None), draws, ratio)
    assert hidden.positions.shape == (len(ids), num_hidden(32, ratio))
    for row in range(len(ids)):
        positions = hidden.positions[row].tolist()
        is_target = [True] * len(positions) if not is_padded else hidden.is_target[row].tolist()
        targets = {p for p, yes in zip(positions, is_target, strict=True) if yes}
        assert targets == plain_hidden(scores[row].tolist(), ids[row].tolist(), ratio)
        filling = set(positions) - targets
        assert all(ids[row, p] == PAD_ID for p in filling)
        assert sorted(positions + hidden.kept[row].tolist()) == list(range(32))
        assert positions == sorted(positions)
        assert hidden.kept[row].tolist() == sorted(hidden.kept[row].tolist())


def test_every_position_is_hidden_equally_often():
    ids = rows_of([34] * 8000, 34)
    hidden = hide(Block(ids), Draws(0, 0, torch.arange(len(ids))), 0.25)
    counts = torch.bincount(hidden.positions.flatten(), minlength=34)[1:-1]
    wanted = 8000 * 8 / 32
    spread = math.sqrt(8000 * 0.25 * 0.75)
    assert counts.sum() == 8000 * 8
    assert (counts - wanted).abs().max() < 4.5 * spread


def test_replacement_shares_are_exact_marginals():
    ids = rows_of([66] * 3000, 66)
    draws = Draws(0, 0, torch.arange(len(ids)))
    hidden = hide(Block(ids), draws, 0.5)
    new = replace(
        ids, hidden, draws.uniform("how", 66), draws.uniform("what", 66),
        shares=(0.8, 0.1, 0.1), vocab_size=V,
    )  # fmt: skip
    old, put = ids.gather(1, hidden.positions), new.gather(1, hidden.positions)
    n = old.numel()
    is_mask, is_same = put == MASK_ID, put == old
    is_random = ~is_mask & ~is_same
    chance_same = 0.1 / (V - NUM_SPECIAL)
    for got, share in (
        (is_mask, 0.8),
        (is_same, 0.1 + chance_same),
        (is_random, 0.1 - chance_same),
    ):
        assert abs(got.float().mean() - share) < 4.5 * math.sqrt(share * (1 - share) / n)
    assert put[is_random].min() >= NUM_SPECIAL and put[is_random].max() < V
    spots = torch.bincount(put[is_random], minlength=V)[NUM_SPECIAL:]
    assert (spots > 0).all()
    kept = ids.gather(1, hidden.kept)
    assert torch.equal(new.gather(1, hidden.kept), kept)


@pytest.mark.parametrize(("length", "ratio"), [(10, 0.05), (10, 0.96), (8, 0.01)])
def test_nothing_or_everything_hidden_is_an_error(length, ratio):
    with pytest.raises(SpecError, match=rf"mask_ratio {ratio} hides \d+ of the {length - 2}"):
        num_hidden(length, ratio)


def test_masks_do_not_depend_on_batching():
    ids = rows_of([32] * 12, 32)
    row_ids = torch.arange(100, 112)
    whole = Draws(5, 3, row_ids).uniform("which", 32)
    for size in (1, 5, 12):
        parts = [
            Draws(5, 3, row_ids[i : i + size]).uniform("which", 32) for i in range(0, 12, size)
        ]
        assert torch.equal(torch.cat(parts), whole)
    order = torch.randperm(12)
    assert torch.equal(Draws(5, 3, row_ids[order]).uniform("which", 32), whole[order])
    assert ids.shape == whole.shape
