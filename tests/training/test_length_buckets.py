"""Batches padded to few lengths: what is read stays the same, and so does what it is charged."""

import dataclasses

import numpy as np
import pytest
from small_cases import save_encoder, small_spec, small_task

from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.training.batching import TokenSet
from mae_bench.training.length_buckets import bucket_of, wants_buckets


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def tuned(encoder, kind, **recipe):
    data = small_task(kind)
    fields = {"batch_size": 3, "bucket_batches": 1, "dropout": 0.0, "min_steps": 20}
    spec = small_spec("finetune", data, recipe=fields | recipe)
    return finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def test_there_are_few_lengths_and_each_holds_its_texts():
    buckets = [bucket_of(length) for length in range(1, 513)]
    assert len(set(buckets)) <= 16
    assert all(0 <= bucket - length < 64 for length, bucket in enumerate(buckets, start=1))
    assert buckets[0] == 16 and buckets[-1] == 512 and buckets == sorted(buckets)
    assert wants_buckets("cuda:3") and not wants_buckets("cpu")


def test_pads_are_marked_and_no_batch_is_longer_than_the_longest_text():
    rows = [[5] * length for length in (3, 16, 17, 30)]
    texts = TokenSet.of(rows, pad_id=0, vocab_size=9, device="cpu")
    padded = dataclasses.replace(texts, has_buckets=True)
    for index, length in (([0], 16), ([0, 1], 16), ([1], 16), ([2], 30), ([0, 3], 30)):
        index = np.array(index)
        ids, is_pad, _ = padded.batch(index)
        assert ids.shape == (len(index), length)
        wanted = [[place >= len(rows[i]) for place in range(length)] for i in index]
        assert (is_pad is None and not np.any(wanted)) or is_pad.tolist() == wanted
        alone = texts.batch(index)[0].shape
        assert padded.read_shape(index, ids.shape) == tuple(texts.read_shape(index, alone)) == alone


CASES = [(kind, {}) for kind in ("classify", "pair", "regress", "tag", "span", "choice", "rank")]
CHUNKS = {"long_text": "chunks", "max_length": 8}


@pytest.mark.parametrize(("kind", "recipe"), [*CASES, ("classify", CHUNKS)])
def test_a_fine_tune_does_not_depend_on_its_pads(encoder, kind, recipe, monkeypatch):
    wanted = tuned(encoder, kind, **recipe)
    monkeypatch.setattr(finetune, "wants_buckets", lambda device: True)
    result = tuned(encoder, kind, **recipe)
    assert result.flops == wanted.flops
    losses = [each.best.facts["train_loss"] for each in (result, wanted)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert result.best.loss == pytest.approx(wanted.best.loss, rel=1e-3)
