"""Attention masks of the backbone, and the causal language model."""

import json

import pytest
import torch
from torch.nn import functional as F

from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint
from mae_bench.specs import BackboneSpec

V, L, LENGTHS = 70, 12, (12, 9, 4)
SPECS = {
    arch: BackboneSpec(arch=arch, num_layers=2, hidden_size=32, num_heads=2, max_length=32)
    for arch in ("modernbert", "bert")
}


def rows(lengths=LENGTHS, seed=0):
    ids = torch.randint(
        NUM_SPECIAL, V, (len(lengths), L), generator=torch.Generator().manual_seed(seed)
    )
    for row, length in zip(ids, lengths, strict=True):
        row[0], row[length - 1], row[length:] = CLS_ID, SEP_ID, PAD_ID
    return ids


def backbone(arch, kernel="sdpa", seed=0):
    built = build_backbone(SPECS[arch], V, seed).eval()
    built.encoder.set_attn_implementation(kernel)
    return built


def make(options=None, arch="modernbert", seed=0):
    spec = SPECS[arch]
    return OBJECTIVES.get("causal")(
        build_backbone(spec, V, seed), spec, parse_options("causal", options or {}), seed=seed
    )


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("kernel", ["eager", "sdpa"])
@pytest.mark.parametrize("arch", list(SPECS))
@torch.no_grad()
def test_later_tokens_cannot_change_earlier_states(arch, kernel, is_padded):
    ids = rows() if is_padded else rows((L, L, L))
    is_pad = ids == PAD_ID if is_padded else None
    encode = backbone(arch, kernel)
    before = encode(ids, None, is_pad, is_causal=True)
    assert before.isfinite().all()
    for position in range(1, L - 1):
        other = ids.clone()
        other[:, position] = (ids[:, position] + 7) % (V - NUM_SPECIAL) + NUM_SPECIAL
        after = encode(other, None, is_pad, is_causal=True)
        torch.testing.assert_close(after[:, :position], before[:, :position], atol=1e-6, rtol=1e-5)
        assert not torch.allclose(after[:, position], before[:, position], atol=1e-4)
        assert not torch.allclose(after[0, position + 1 :], before[0, position + 1 :], atol=1e-4)
        unmasked = encode(other, None, is_pad)
        assert not torch.allclose(unmasked[0, :position], encode(ids, None, is_pad)[0, :position])


@pytest.mark.parametrize("kernel", ["eager", "sdpa"])
@pytest.mark.parametrize("arch", list(SPECS))
@torch.no_grad()
def test_a_short_row_is_encoded_as_it_would_be_alone(arch, kernel):
    """Padding gives nothing to a text; a causal state is the last one of the text cut there."""
    ids = rows()
    encode = backbone(arch, kernel)
    together = encode(ids, None, ids == PAD_ID, is_causal=True)
    for row, length in enumerate(LENGTHS):
        alone = encode(ids[row : row + 1, :length], None, None, is_causal=True)
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-6, rtol=1e-5)
    cut = encode(ids[:1, :5], None, None, is_causal=True)
    torch.testing.assert_close(together[0, :5], cut[0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("arch", list(SPECS))
@torch.no_grad()
def test_kernels_agree_and_half_precision_is_finite(arch):
    ids = rows()
    is_unseen = ids % 3 == 0
    outputs = [
        backbone(arch, kernel)(ids, None, ids == PAD_ID, is_causal=True, is_unseen=is_unseen)
        for kernel in ("eager", "sdpa")
    ]
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        for kernel in ("eager", "sdpa"):
            half = backbone(arch, kernel)(ids, None, ids == PAD_ID, is_causal=True)
            assert half.isfinite().all()


@torch.no_grad()
def test_the_loss_is_that_of_a_plain_loop():
    objective = make().eval()
    for value in objective.backbone.parameters():
        value *= 8  # fresh weights hardly attend, and a lifted mask would not be seen
    ids = rows()
    output = objective(objective.corrupt(Block(ids, ids == PAD_ID), Draws(0, 0, torch.arange(3))))
    hidden = objective.backbone(ids, None, ids == PAD_ID, is_causal=True)
    weight = objective.backbone.embedding.weight
    losses = []
    for row, length in enumerate(LENGTHS):
        for position in range(length - 2):  # [SEP] is not predicted
            logits = objective.head(hidden[row, position][None], weight)[0]
            losses.append(-float(F.log_softmax(logits, 0)[ids[row, position + 1]]))
    assert output.predicted == len(losses) == sum(length - 2 for length in LENGTHS)
    assert float(output.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@torch.no_grad()
def test_the_loss_of_a_prefix_does_not_know_what_follows():
    """A target must not reach the state that predicts it, through positions, mask or gather."""
    objective = make().eval()
    ids = rows((L, L, L))
    view = objective.corrupt(Block(ids), Draws(0, 0, torch.arange(3)))
    hidden = objective.backbone(view.input_ids, view.positions, None, is_causal=True)
    for position in range(1, L - 1):
        changed = ids.clone()
        changed[:, position:-1] = NUM_SPECIAL
        again = objective.corrupt(Block(changed), Draws(0, 0, torch.arange(3)))
        other = objective.backbone(again.input_ids, again.positions, None, is_causal=True)
        torch.testing.assert_close(
            hidden[:, position - 1], other[:, position - 1], atol=1e-6, rtol=1e-5
        )


@pytest.mark.parametrize("arch", list(SPECS))
@pytest.mark.parametrize("keeps", [False, True])
@torch.no_grad()
def test_a_kept_mask_outlives_the_checkpoint(arch, keeps, tmp_path):
    objective = make({"keep_mask": keeps}, arch).eval()
    save_checkpoint(objective, tmp_path, tmp_path)
    assert (
        json.loads((tmp_path / "config.json").read_text()).get("is_causal_encoder", False) == keeps
    )
    loaded = load_backbone(tmp_path).eval()
    ids = rows()
    is_pad = ids == PAD_ID
    causal = objective.backbone(ids, None, is_pad, is_causal=True)
    torch.testing.assert_close(loaded(ids, None, is_pad, is_causal=True), causal)
    assert torch.allclose(loaded(ids, None, is_pad), causal, atol=1e-5) == keeps
    assert torch.allclose(loaded.layers(ids, is_pad)[-1], causal, atol=1e-5) == keeps


def test_recurrent_encoders_are_refused():
    spec = BackboneSpec(arch="gru", num_layers=1, hidden_size=32, num_heads=2)
    with pytest.raises(SpecError, match="needs attention"):
        OBJECTIVES.get("causal").check(parse_options("causal", {}), spec, L)
