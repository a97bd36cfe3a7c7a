"""Replaced token detection: sampling, labels, sharing, and what is kept."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.generator import sample
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.objectives.rtd import generator_width
from mae_bench.pretraining.checkpoint import save_checkpoint
from mae_bench.specs import BackboneSpec

V, L, LENGTHS = 40, 24, (24, 24, 17, 9)
B = len(LENGTHS)
SPEC = BackboneSpec(num_layers=2, hidden_size=32, num_heads=4, max_length=32)
ALL_MASKED = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}


def block(is_padded):
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    for row, length in zip(ids, LENGTHS if is_padded else (L,) * B, strict=True):
        row[0], row[length - 1], row[length:] = CLS_ID, SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID if is_padded else None)


def make(options=None, seed=0):
    parsed = parse_options("rtd", options or {})
    OBJECTIVES.get("rtd").check(parsed, SPEC, L)
    return OBJECTIVES.get("rtd")(build_backbone(SPEC, V, seed), SPEC, parsed, seed=seed)


def view_of(objective, rows, epoch=0):
    return objective.corrupt(rows, Draws(0, epoch, torch.arange(B)))


def test_samples_have_the_frequencies_of_the_softmax():
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0, -30.0, 0.5], [3.0, 3.0, 0.0, 0.0, 0.0, 0.0]])
    draws = Draws(0, 0, torch.arange(2)).uniform("sampled", 40_000)
    for row in range(2):
        tokens = sample(logits[row].expand(40_000, -1), draws[row])
        frequencies = torch.bincount(tokens, minlength=6) / 40_000
        assert (frequencies - logits[row].softmax(0)).abs().max() < 0.01  # four standard errors


def test_a_sample_inverts_the_distribution_function():
    logits = torch.tensor([0.2, 0.0, 0.3, 0.5]).log().expand(5, -1)
    uniform = torch.tensor([0.0, 0.19, 0.21, 0.49, 1 - 2.0**-24])
    assert sample(logits, uniform).tolist() == [0, 0, 2, 2, 3]  # never one of probability 0


@pytest.mark.parametrize("is_padded", [False, True])
@torch.no_grad()
def test_labels_say_where_the_encoder_reads_another_token(is_padded):
    objective = make({"mask_ratio": 0.4}).eval()
    rows = block(is_padded)
    own_samples = 0
    for epoch in range(20):
        view = view_of(objective, rows, epoch)
        logits, targets = objective.propose(view)
        logits = logits + 4 * F.one_hot(targets, V)  # right about half of the time
        input_ids, is_replaced = objective.filled(view, logits)
        masked = set()
        for row in range(B):
            for entry, position in enumerate(view.target_positions[row].tolist()):
                if view.is_target is None or view.is_target[row, entry]:
                    masked.add((row, position))
        for row in range(B):
            for position in range(L):
                same = bool(input_ids[row, position] == rows.ids[row, position])
                assert bool(is_replaced[row, position]) == (not same)
                if (row, position) not in masked:
                    assert same
        hits = sum(not is_replaced[cell] for cell in masked)
        assert len(masked) > hits  # some are replaced,
        own_samples += hits
    assert own_samples > 0  # and some samples are the text's own, which counts as own


@torch.no_grad()
def test_the_loss_is_that_of_a_plain_loop():
    objective = make({"discriminator_weight": 7.0}).eval()
    rows = block(True)
    view = view_of(objective, rows)
    logits, targets = objective.propose(view)
    input_ids, _ = objective.filled(view, logits)
    generator_loss = -logits.log_softmax(-1)[torch.arange(len(targets)), targets].mean()
    hidden = objective.backbone(input_ids, None, rows.is_pad)
    losses = []
    for row, length in enumerate(LENGTHS):
        for position in range(length):
            score = torch.sigmoid(objective.head(hidden[row, position])[0])
            is_own = input_ids[row, position] == rows.ids[row, position]
            losses.append(float(-torch.log(1 - score if is_own else score)))
    output = objective(view)
    assert output.predicted == len(losses) == sum(LENGTHS)
    wanted = float(generator_loss) + 7.0 * sum(losses) / len(losses)
    assert float(output.loss) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("is_padded", [False, True])
@torch.no_grad()
def test_masked_tokens_reach_neither_the_generator_nor_the_encoder(is_padded):
    objective = make(ALL_MASKED).eval()
    rows = block(is_padded)
    view = view_of(objective, rows)
    is_hidden = view.input_ids == MASK_ID
    other = torch.where(is_hidden, (rows.ids + 11) % (V - NUM_SPECIAL) + NUM_SPECIAL, rows.ids)
    changed = view_of(objective, Block(other, rows.is_pad))
    assert torch.equal(view.input_ids, changed.input_ids)
    assert torch.equal(view.uniform, changed.uniform)
    assert not torch.equal(view.target_ids, changed.target_ids)
    (logits, _), (others, _) = objective.propose(view), objective.propose(changed)
    assert torch.equal(logits, others)
    assert torch.equal(objective.filled(view, logits)[0], objective.filled(changed, others)[0])


@pytest.mark.parametrize("share", ["none", "tokens"])
def test_no_gradient_passes_through_the_choice(share):
    objective = make({"share_embeddings": share, "discriminator_weight": 5.0})
    view = view_of(objective, block(False))
    logits, _ = objective.propose(view)
    input_ids, is_replaced = objective.filled(view, logits)
    hidden = objective.backbone(input_ids, view.positions, None)
    scores = objective.head(hidden).squeeze(-1)
    F.binary_cross_entropy_with_logits(scores, is_replaced.float()).backward()
    assert all(p.grad is None for p in objective.generator.parameters())
    objective.zero_grad()
    objective(view).loss.backward()
    assert all(p.grad is not None for p in objective.generator.parameters())


def test_shared_embeddings_are_trained_by_the_generator_too():
    for share, learns in (("tokens", True), ("none", False)):
        objective = make({"share_embeddings": share})
        logits, targets = objective.propose(view_of(objective, block(False)))
        F.cross_entropy(logits, targets).backward()
        assert (objective.backbone.embedding.weight.grad is not None) == learns


def test_only_the_encoder_is_kept(tmp_path):
    objective = make()
    save_checkpoint(objective, tmp_path, tmp_path)
    encoder = set(load_file(tmp_path / "model.safetensors"))
    plain = set(build_backbone(SPEC, V, 0).encoder.state_dict())
    assert encoder == plain
    beside = {name.split(".")[0] for name in load_file(tmp_path / "objective.safetensors")}
    assert beside == {"generator", "head"}


def test_the_encoder_starts_as_an_mlm_does_and_the_width_is_of_whole_heads():
    options = parse_options("rtd", {})
    assert generator_width(options, SPEC) == 8
    assert generator_width(options, BackboneSpec(preset="tiny")) == 64  # one head of two
    assert generator_width(options, BackboneSpec(preset="base")) == 192
    assert make().generator.stack.config.hidden_size == 8
    assert make().generator.stack.config.num_hidden_layers == SPEC.layers


def test_the_generator_is_charged():
    shape = StepShape(SPEC, B, L, V)
    kind = OBJECTIVES.get("rtd")
    shared = kind.flops_per_step(parse_options("rtd", {"mask_ratio": 0.5}), shape)
    assert shared.encoder == shape.encoder()
    own = kind.flops_per_step(
        parse_options("rtd", {"mask_ratio": 0.5, "share_embeddings": "none"}), shape
    )
    assert shared.decoder - own.decoder == 3 * 2 * B * L * 32 * 8  # the projection


def test_a_shared_encoder_must_have_the_generators_size():
    with pytest.raises(SpecError, match="generator_width_ratio"):
        make({"share_embeddings": "all"})


def test_the_control_masks_alike():
    name, options = OBJECTIVES.get("rtd").controls(parse_options("rtd", {"mask_ratio": 0.3}))["mlm"]
    parsed = parse_options(name, options)
    assert parsed.mask_ratio == 0.3 and parsed.shares == (0.85, 0.0, 0.15)
