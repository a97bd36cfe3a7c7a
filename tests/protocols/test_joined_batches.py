"""Batches of several fine-tunes at once: each stands there as it is alone."""

import numpy as np
import torch

from mae_bench.protocols.joined_batches import join
from mae_bench.training.batching import TokenSet
from mae_bench.training.options import group


def texts(*lengths):
    rows = [list(range(2, 2 + length)) for length in lengths]
    return TokenSet.of(rows, pad_id=0, vocab_size=99, device="cpu")


def test_shorter_batches_are_filled_up_with_their_own_rows_and_padding():
    sets = texts(3, 4, 2), texts(6, 5)
    indices = np.array([0, 1, 2]), np.array([1])
    joined = join(sets, indices)
    assert joined.ids.shape == (2, 3, 5)
    assert joined.shapes == [(3, 4), (1, 5)]
    for number, (own, index) in enumerate(zip(sets, indices, strict=True)):
        ids, is_pad, _ = own.batch(index)
        rows, length = ids.shape
        assert torch.equal(joined.ids[number, :rows, :length], ids)
        if is_pad is not None:
            assert torch.equal(joined.is_pad[number, :rows, :length], is_pad)
        assert joined.is_pad[number, :, length:].all()
        assert not joined.is_pad[number].all(dim=-1).any(), "no row is empty"
    assert torch.equal(joined.ids[1, 0], joined.ids[1, 2]), "rows that are missing repeat others"


def test_texts_that_an_example_lacks_have_one_real_token():
    sets = group(texts(2, 3, 2, 4), [2, 2], 0), group(texts(2, 3, 2, 4, 2, 3), [3, 3], 0)
    joined = join(sets, (np.array([0, 1]), np.array([1, 0])))
    assert joined.ids.shape == (2, 2, 3, 4)
    assert joined.is_pad[0, :, 2].tolist() == [[False, True, True, True]] * 2
    noise = [torch.full((2, 2, 5), 2.0), torch.full((2, 3, 5), 3.0)]
    padded = joined.padded(noise, is_of_tokens=False)
    assert padded.shape == (2, 6, 5)
    assert padded[0, :, 0].tolist() == [2, 2, 1, 2, 2, 1]


def test_what_needs_no_padding_has_none():
    joined = join([texts(3, 3), texts(3, 3)], [np.array([0, 1]), np.array([1, 0])])
    assert joined.is_pad is None
