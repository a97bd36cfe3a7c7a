"""Corrupt and predict ratios apart, hidden masks, and a loss on all tokens."""

import math

import pytest
import torch
from torch.nn import functional as F

from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.objectives.targets import at_targets
from mae_bench.specs import BackboneSpec

V, L, LENGTHS = 90, 42, (42, 41, 23, 12, 7)
B = len(LENGTHS)
SPEC = BackboneSpec(num_layers=2, hidden_size=32, num_heads=2, max_length=64)
ALL_MASKED = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}


def block(is_padded):
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    for row, length in zip(ids, LENGTHS if is_padded else (L,) * B, strict=True):
        row[0], row[length - 1], row[length:] = CLS_ID, SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID if is_padded else None)


def make(options):
    return OBJECTIVES.get("mlm")(
        build_backbone(SPEC, V, 0), SPEC, parse_options("mlm", options), seed=0
    )


def draws(epoch=0):
    return Draws(0, epoch, torch.arange(B))


def predicted_sets(view):
    is_target = torch.ones_like(view.target_ids, dtype=torch.bool)
    if view.is_target is not None:
        is_target = view.is_target
    return [
        {p for p, chosen in zip(positions, keep, strict=True) if chosen}
        for positions, keep in zip(view.target_positions.tolist(), is_target.tolist(), strict=True)
    ]


def half_up(value):
    return math.floor(value + 0.5)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(
    ("corrupt", "predict", "copies"),
    [(0.4, 0.2, 1), (0.4, 0.15, 1), (0.2, 0.4, 2), (0.15, 0.3, 2), (0.1, 0.3, 3), (0.3, 0.8, 3)],
)
def test_ratios_apart(corrupt, predict, copies, is_padded):
    objective = make({"corrupt_ratio": corrupt, "predict_ratio": predict, **ALL_MASKED})
    rows = block(is_padded)
    view = objective.corrupt(rows, draws())
    assert len(view.input_ids) == copies * B
    predicted = predicted_sets(view)
    for row in range(B):
        length = LENGTHS[row] if is_padded else L
        maskable = length - 2
        masked, targets = [], []
        for copy in range(copies):
            shown = view.input_ids[copy * B + row]
            masked.append(set((shown == MASK_ID).nonzero()[:, 0].tolist()))
            targets.append(predicted[copy * B + row])
            assert len(masked[-1]) == half_up(corrupt * maskable)
            assert targets[-1] <= masked[-1] <= set(range(1, length - 1))
            kept = [p for p in range(L) if p not in masked[-1]]
            assert torch.equal(shown[kept], rows.ids[row, kept])
            assert len(targets[-1]) == min(half_up(predict / copies * maskable), maskable // copies)
        assert len(set.union(*targets)) == sum(map(len, targets))  # none is predicted twice
        if math.isclose(predict, copies * corrupt):
            assert targets == masked


def test_a_subset_is_drawn_anew_each_epoch_and_evenly():
    objective = make({"corrupt_ratio": 0.5, "predict_ratio": 0.25, **ALL_MASKED})
    rows = block(False)
    counts, masked = torch.zeros(B, L), torch.zeros(B, L)
    for epoch in range(400):
        view = objective.corrupt(rows, draws(epoch))
        counts.scatter_add_(1, view.target_positions, torch.ones(view.target_ids.shape))
        masked += view.input_ids == MASK_ID
    inside = slice(1, L - 1)
    share = counts[:, inside] / masked[:, inside]
    assert abs(float(share.mean()) - 0.5) < 0.01  # 10 of 20
    assert float((share - 0.5).abs().max()) < 0.2  # 200 trials each: 5.6 standard errors


def test_one_ratio_given_leaves_the_other_at_mask_ratio():
    options = parse_options("mlm", {"mask_ratio": 0.4, "predict_ratio": 0.2})
    assert (options.corrupted, options.predicted_by_copy, options.copies) == (0.4, 0.2, 1)
    options = parse_options("mlm", {"corrupt_ratio": 0.05})
    assert (options.corrupted, options.predicted_by_copy, options.copies) == (0.05, 0.05, 3)


@torch.no_grad()
def test_copies_are_one_mean_over_all_predicted_tokens():
    objective = make({"corrupt_ratio": 0.2, "predict_ratio": 0.4}).eval()
    rows = block(True)
    view = objective.corrupt(rows, draws())
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
    weight, losses = objective.backbone.embedding.weight, []
    for row, positions in enumerate(predicted_sets(view)):
        for position in positions:
            logits = objective.head(hidden[row, position][None], weight)[0]
            losses.append(-float(F.log_softmax(logits, 0)[rows.ids[row % B, position]]))
    output = objective(view)
    assert output.predicted == len(losses)
    assert float(output.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize("is_padded", [False, True])
@torch.no_grad()
def test_hidden_masks_take_no_part_in_other_tokens(is_padded):
    """What is kept is encoded as if the row held nothing else; a plain mlm's is not."""
    objective = make({"mask_ratio": 0.4, "hides_masks": True, **ALL_MASKED}).eval()
    for parameter in objective.parameters():
        parameter.mul_(5)  # initial weights hardly attend
    view = objective.corrupt(block(is_padded), draws())
    is_mask = view.input_ids == MASK_ID
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad, is_unseen=is_mask)
    plain = objective.backbone(view.input_ids, view.positions, view.is_pad)
    for row in range(B):
        kept = (~is_mask[row]).nonzero()[:, 0]
        kept = kept[view.input_ids[row, kept] != PAD_ID]
        alone = objective.backbone(view.input_ids[row, kept][None], kept[None])
        torch.testing.assert_close(hidden[row, kept], alone[0], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(plain[row, kept], alone[0], atol=1e-3)
    losses = [
        objective.head.loss(features, objective.backbone.embedding.weight, targets, len(targets))
        for features, targets in (at_targets(hidden, view), at_targets(plain, view))
    ]
    assert torch.equal(objective(view).loss, losses[0])
    assert abs(float(losses[0] - losses[1])) > 1e-3


@torch.no_grad()
def test_all_tokens_are_predicted_by_a_mixture_with_the_given_one():
    objective = make(
        {"loss_on": "all", "mask_share": 0.5, "random_share": 0.5, "keep_share": 0.0}
    ).eval()
    objective.copy.gate.weight.normal_(generator=torch.Generator().manual_seed(0))
    rows = block(True)
    view = objective.corrupt(rows, draws())
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
    losses, copied = [], 0
    for row, length in enumerate(LENGTHS):
        for position in range(1, length - 1):
            state = hidden[row, position]
            gate = float(torch.sigmoid(objective.copy.gate(state).double()))  # it may be near 1
            logits = objective.head(state[None], objective.backbone.embedding.weight)[0]
            own = float(logits.double().softmax(0)[rows.ids[row, position]])
            is_same = bool(view.input_ids[row, position] == rows.ids[row, position])
            losses.append(-math.log(gate * is_same + (1 - gate) * own))
            copied += is_same
    output = objective(view)
    assert 0 < copied < len(losses) == output.predicted
    assert float(output.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("ratios", [{}, {"corrupt_ratio": 0.2, "predict_ratio": 0.4}])
@torch.no_grad()
def test_a_hidden_token_is_predicted_from_the_position_before_it(ratios, is_padded):
    objective = make({"predict_from": "before", **ratios}).eval()
    rows = block(is_padded)
    view, own = objective.corrupt(rows, draws()), make(ratios).corrupt(rows, draws())
    assert torch.equal(view.input_ids, own.input_ids)
    assert predicted_sets(view) == predicted_sets(own)
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
    weight, losses, hits = objective.backbone.embedding.weight, [], 0
    for row, positions in enumerate(predicted_sets(view)):
        for position in positions:
            logits = objective.head(hidden[row, position - 1][None], weight)[0]
            losses.append(-float(F.log_softmax(logits, 0)[rows.ids[row % B, position]]))
            hits += int(logits.argmax()) == int(rows.ids[row % B, position])
    output = objective(view)
    assert output.predicted == len(losses)
    assert float(output.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert float(output.metrics["accuracy"]) == pytest.approx(hits / len(losses))


@torch.no_grad()
def test_causal_and_masked_next_token_read_the_same_positions():
    """Of rows without a hidden token both would read the state before each target."""
    rows = block(True)
    mlm = make({"predict_from": "before"}).eval()
    causal = OBJECTIVES.get("causal")(
        build_backbone(SPEC, V, 0), SPEC, parse_options("causal", {}), seed=0
    ).eval()
    encode = causal.backbone.forward
    causal.backbone.forward = lambda *given, is_causal: encode(*given)
    view = causal.corrupt(rows, draws())
    assert torch.equal(mlm(view).loss, causal(view).loss)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss_on": "all", "predict_from": "before"}, "copies the token seen at the position"),
        ({"loss_on": "all", "predict_ratio": 0.2}, "predicts every token"),
        ({"corrupt_ratio": 0.2, "predict_ratio": 0.2, "mask_ratio": 0.3}, "has no effect"),
        (
            {"loss_on": "all", "corrupt_ratio": 0.2, "mask_ratio": 0.15},
            "mask_ratio 0.15 has no effect with loss_on 'all' and a corrupt_ratio",
        ),
        ({"mask_ratio": {"start": 0.3, "end": 0.1}, "predict_ratio": 0.2}, "a schedule"),
        (
            {"mask_ratio": 0.2, "predict_ratio": 0.4, "masking": {"short_ratio": 0.1}},
            "one by one",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, words):
    with pytest.raises(SpecError, match=words):
        parse_options("mlm", options)


def test_controls_are_arms():
    kind = OBJECTIVES.get("mlm")
    assert set(kind.controls(parse_options("mlm", {}))) == {"masks hidden"}
    controls = kind.controls(parse_options("mlm", {"mask_ratio": 0.4, "keep_share": 0.1}))
    assert set(controls) == {"15% masked", "masks hidden"}
    controls = kind.controls(parse_options("mlm", {"predict_from": "before"}))
    assert set(controls) == {"masks hidden", "predicted in place"}
    for name, options in controls.values():
        parse_options(name, options)
