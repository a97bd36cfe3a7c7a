"""The probe of the encoder: left-out words are predicted from their neighbours."""

import dataclasses

import numpy as np
import pytest
import torch
from small_blocks import BACKBONE, L, V, write_blocks

from mae_bench.data.blocks import load_blocks
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkup import Checkup
from mae_bench.pretraining.left_out import EVERY, FIRST, has_learned, left_out_r2

POSITIONS = list(range(FIRST, L - 1, EVERY))


def chain_rows(count, *, offset=-1, seed=0):
    """Return rows in which each left-out word follows from the word at ``offset`` from it.

    All other words are chance.
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(NUM_SPECIAL, V, size=(count, L))
    for position in POSITIONS:
        rows[:, position] = NUM_SPECIAL + (rows[:, position + offset] - NUM_SPECIAL) % 7
    rows[:, 0], rows[:, -1] = CLS_ID, SEP_ID
    return rows


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    return load_blocks(write_blocks(tmp_path_factory.mktemp("left out") / "blocks"))


class OneHot(torch.nn.Module):
    """An encoder whose vector is the word itself."""

    def __init__(self):
        super().__init__()
        self.seen, self.pads = [], []

    def forward(self, ids, position_ids, is_pad):
        self.seen.append(ids)
        self.pads.append(is_pad)
        return torch.nn.functional.one_hot(ids, V).float()


@pytest.mark.parametrize("offset", [-1, 1], ids=["left", "right"])
def test_the_words_on_both_sides_of_the_gap_are_read(blocks, offset):
    data = dataclasses.replace(blocks, validation=chain_rows(512, offset=offset))
    assert left_out_r2(OneHot(), data, "cpu") > 0.9
    apart = dataclasses.replace(blocks, validation=chain_rows(512, offset=2 * offset))
    assert left_out_r2(OneHot(), apart, "cpu") < 0.1


def test_the_left_out_word_is_never_read(blocks):
    rows = chain_rows(64)
    encoder = OneHot()
    left_out_r2(encoder, dataclasses.replace(blocks, validation=rows), "cpu")
    assert np.array_equal(torch.cat(encoder.seen), np.delete(rows, POSITIONS, axis=1))


def test_rows_of_pads_are_left_out_and_pads_are_named(blocks):
    rows = chain_rows(512)
    padded = rows.copy()
    padded[::2, 10:] = PAD_ID  # positions 11 and 19 of every other row are no words
    encoder = OneHot()
    r2 = left_out_r2(encoder, dataclasses.replace(blocks, validation=padded), "cpu")
    assert r2 > 0.9
    seen, pads = torch.cat(encoder.seen), torch.cat(encoder.pads)
    assert torch.equal(pads, seen == PAD_ID)
    rows[:, 1:] = PAD_ID
    assert left_out_r2(OneHot(), dataclasses.replace(blocks, validation=rows), "cpu") is None


def test_the_penalty_and_the_fit_never_see_the_rows_that_judge(blocks):
    rows = chain_rows(512)
    broken = rows.copy()
    half = len(rows) // 2
    rng = np.random.default_rng(1)
    for position in POSITIONS:  # the second half follows no rule
        broken[half:, position] = rng.integers(NUM_SPECIAL, NUM_SPECIAL + 7, size=half)
    assert left_out_r2(OneHot(), dataclasses.replace(blocks, validation=broken), "cpu") < 0.0


def test_an_encoder_without_finite_vectors_is_not_judged(blocks):
    data = dataclasses.replace(blocks, validation=chain_rows(512))
    broken = OneHot()
    broken.register_forward_hook(lambda module, args, hidden: hidden / 0)
    assert left_out_r2(broken, data, "cpu") is None
    same = OneHot()
    same.register_forward_hook(lambda module, args, hidden: torch.ones_like(hidden))
    assert abs(left_out_r2(same, data, "cpu")) < 0.05


@pytest.mark.parametrize(
    ("before", "after", "has"),
    [
        (0.15, 0.20, True),
        (0.15, 0.164, False),
        (0.15, 0.166, True),
        (0.0015, 0.003, False),
        (0.0015, 0.004, True),
        (-0.1, -0.095, True),
        (0.15, 0.10, False),
        (None, 0.5, False),
        (0.1, None, False),
    ],
)
def test_what_counts_as_learned(before, after, has):
    assert has_learned(before, after) is has


def make_mlm():
    return OBJECTIVES.get("mlm")(
        build_backbone(BACKBONE, V, 0), BACKBONE, parse_options("mlm", {}), seed=0
    )


def test_an_encoder_that_learned_past_its_loss_is_on_a_plateau_and_not_collapsed(blocks):
    data = dataclasses.replace(blocks, validation=chain_rows(512))
    objective = make_mlm()
    table = objective.backbone.embedding.weight
    rich = table.detach().clone()
    with torch.no_grad():
        table[:, 2:] = 0.0  # words are hardly told apart
        for name, value in objective.named_parameters():
            if not name.startswith("backbone."):
                value.zero_()  # whatever the encoder does, the loss is the same
    checkup = Checkup(objective, data, 0, "cpu", is_drawn=True)
    untrained = checkup.after()
    assert untrained["left_out_r2"] == untrained["left_out_r2_at_start"]
    assert untrained["collapse"] == untrained["plateau"] != ""
    with torch.no_grad():
        table.copy_(rich)
    trained = checkup.after()
    assert trained["left_out_r2"] > trained["left_out_r2_at_start"] + 0.1
    assert trained["plateau"].startswith("plateau: validation loss")
    assert (trained["collapse"], trained["is_collapsed"]) == ("", False)
