"""Shuffled, replaced and first-character targets, and contrastive views, against plain Python."""

import numpy as np
import pytest
import torch

from mae_bench.costs import StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID, Lexicon
from mae_bench.model.backbone import build_backbone
from mae_bench.model.info_nce import info_nce, matched, similarities
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import BackboneSpec

V, L = 60, 34
SPEC = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=L)
LENGTHS = [L, L - 1, 20, 9, 6, L]
B = len(LENGTHS)


def lexicon():
    ids = torch.arange(V)
    return Lexicon(
        counts=ids * 7 % 23,
        is_word_start=ids % 3 != 2,
        first_char=torch.where(ids < NUM_SPECIAL, 0, 1 + ids * 5 % 11),
        ngrams=torch.empty(0, dtype=torch.int64),
    )


def make(name, **options):
    parsed = parse_options(name, options)
    return OBJECTIVES.get(name)(
        build_backbone(SPEC, V, 0), SPEC, parsed, seed=0, lexicon=lexicon()
    ).eval()


def block_of(is_padded, rows=B):
    rng = np.random.default_rng(1)
    ids = np.full((rows, L), PAD_ID)
    for index, row in enumerate(ids):
        length = LENGTHS[index % len(LENGTHS)] if is_padded else L
        row[:length] = rng.integers(NUM_SPECIAL, V, length)
        row[0], row[length - 1] = CLS_ID, SEP_ID
    tensor = torch.from_numpy(ids)
    return Block(tensor, tensor == PAD_ID if is_padded else None)


def draws(rows=B):
    return Draws(3, 1, torch.arange(rows))


def plain_hidden(ids, which, ratio):
    """The positions with the smallest draws, as many as the ratio asks for."""
    text = [p for p, i in enumerate(ids) if i not in (PAD_ID, CLS_ID, SEP_ID)]
    return sorted(sorted(text, key=lambda p: which[p])[: int(len(text) * ratio + 0.5)])


def plain_permuted(ids, positions, order):
    """The first position gets the token with the smallest draw, and so on."""
    new = list(ids)
    for position, source in zip(positions, sorted(positions, key=lambda p: order[p]), strict=True):
        new[position] = ids[source]
    return new


def uniform(name, rows=B):
    return draws(rows).uniform(name, L).tolist()


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("corruption", ["shuffle", "random", "both"])
def test_classes_tell_what_happened_to_each_token(corruption, is_padded):
    block = block_of(is_padded)
    view = make("random_token_classification", corruption=corruption, mask_ratio=0.4).corrupt(
        block, draws()
    )
    which, order, what, kind = (uniform(name) for name in ("which", "order", "what", "kind"))
    seen_classes = set()
    for row, ids in enumerate(block.ids.tolist()):
        positions = plain_hidden(ids, which[row], 0.4)
        half = sorted(positions, key=lambda p: kind[row][p])[: len(positions) // 2]
        replaced = {"shuffle": [], "random": positions, "both": half}[corruption]
        moved = [p for p in positions if p not in replaced]
        wanted = plain_permuted(ids, moved, order[row])
        classes = [1 if wanted[p] != ids[p] else 0 for p in range(L)]
        for position in replaced:
            wanted[position] = NUM_SPECIAL + int(what[row][position] * (V - NUM_SPECIAL))
            is_other = wanted[position] != ids[position]
            classes[position] = (2 if corruption == "both" else 1) if is_other else 0
        assert view.input_ids[row].tolist() == wanted
        assert view.target_ids[row].tolist() == classes
        seen_classes |= set(classes)
    assert seen_classes == ({0, 1, 2} if corruption == "both" else {0, 1})
    assert torch.equal(view.input_ids == PAD_ID, block.ids == PAD_ID)


@pytest.mark.parametrize("is_padded", [False, True])
def test_every_real_position_is_classified_once(is_padded):
    block = block_of(is_padded)
    objective = make("random_token_classification")
    view = objective.corrupt(block, draws())
    output = objective(view)
    with torch.no_grad():
        log_p = objective.head(objective.backbone(view.input_ids, None, view.is_pad)).log_softmax(2)
    losses = [
        -float(log_p[row, p, view.target_ids[row, p]])
        for row in range(len(block.ids))
        for p in range(L)
        if block.ids[row, p] != PAD_ID
    ]
    assert output.predicted == len(losses)
    assert float(output.loss.detach()) == pytest.approx(float(np.mean(losses)), rel=1e-5)


@pytest.mark.parametrize("is_padded", [False, True])
def test_deshuffling_moves_the_chosen_tokens_among_themselves(is_padded):
    block = block_of(is_padded)
    view = make("deshuffle", mask_ratio=0.5).corrupt(block, draws())
    which, order = uniform("which"), uniform("order")
    for row, ids in enumerate(block.ids.tolist()):
        positions = plain_hidden(ids, which[row], 0.5)
        assert view.input_ids[row].tolist() == plain_permuted(ids, positions, order[row])
        is_target = (
            [True] * len(positions) if view.is_target is None else view.is_target[row].tolist()
        )
        targets = zip(
            view.target_positions[row].tolist(), view.target_ids[row].tolist(), is_target,
            strict=True,
        )  # fmt: skip
        assert [(p, i) for p, i, yes in targets if yes] == [(p, ids[p]) for p in positions]
    assert not torch.equal(view.input_ids, block.ids)


def test_every_permutation_is_as_likely():
    rows = 3000
    ids = torch.arange(NUM_SPECIAL, NUM_SPECIAL + L).expand(rows, L).clone()
    ids[:, 4:] = SEP_ID
    ids[:, 0] = CLS_ID
    objective = make("contrastive", view="shuffle")
    view = objective.corrupt(Block(ids), draws(rows))
    orders = view.parts["positives"].input_ids[:, 1:4]
    counts = torch.unique(orders, dim=0, return_counts=True)[1]
    assert len(counts) == 6 and (counts - rows / 6).abs().max() < 4.5 * (rows * 5 / 36) ** 0.5


@pytest.mark.parametrize("num_classes", [4, 8, 12, 64])
def test_first_characters_rank_by_frequency(num_classes):
    words = lexicon()
    counts = {}
    for token in range(NUM_SPECIAL, V):
        char = int(words.first_char[token])
        counts[char] = counts.get(char, 0) + int(words.counts[token])
    ranked = sorted(range(words.num_first_chars), key=lambda char: (-counts.get(char, 0), char))
    objective = make("first_char", num_classes=num_classes)
    for token in range(NUM_SPECIAL, V):
        wanted = min(ranked.index(int(words.first_char[token])), num_classes - 1)
        assert int(objective.char_class[token]) == wanted


def test_first_characters_are_predicted_where_mlm_predicts_tokens():
    block = block_of(is_padded=True)
    objective = make("first_char", mask_ratio=0.3)
    view, plain = (
        objective.corrupt(block, draws()),
        make("mlm", mask_ratio=0.3).corrupt(block, draws()),
    )
    assert torch.equal(view.input_ids, plain.input_ids) and (view.input_ids == MASK_ID).any()
    assert torch.equal(view.target_positions, plain.target_positions)
    with torch.no_grad():
        log_p = objective.head(objective.backbone(view.input_ids, None, view.is_pad)).log_softmax(2)
    losses = [
        -float(log_p[row, p, objective.char_class[block.ids[row, p]]])
        for row in range(len(block.ids))
        for p, yes in zip(view.target_positions[row], view.is_target[row], strict=True)
        if yes
    ]
    output = objective(view)
    assert output.predicted == len(losses)
    assert float(output.loss.detach()) == pytest.approx(float(np.mean(losses)), rel=1e-5)


def text(ids):
    return [i for i in ids if i not in (PAD_ID, CLS_ID, SEP_ID)]


@pytest.mark.parametrize("is_padded", [False, True])
def test_positive_spans_overlap_or_touch_their_anchor(is_padded):
    rows = 300
    block = block_of(is_padded, rows)
    # each token is its own position, so that a stretch says where it was cut
    ids = torch.where(block.ids < NUM_SPECIAL, block.ids, NUM_SPECIAL + torch.arange(L))
    view = make("contrastive", num_positives=3).corrupt(Block(ids, block.is_pad), draws(rows))
    positives = view.parts["positives"].input_ids.unflatten(0, (3, rows))
    touching = 0
    for row in range(rows):
        own = text(ids[row].tolist())
        anchor = text(view.input_ids[row].tolist())
        assert len(anchor) == min(16, len(own)) and anchor[0] in own
        assert anchor == own[own.index(anchor[0]) :][: len(anchor)]
        for positive in positives[:, row]:
            part = text(positive.tolist())
            assert len(part) == min(8, len(own))
            assert part == own[own.index(part[0]) :][: len(part)]
            assert part[0] <= anchor[-1] + 1 and part[-1] >= anchor[0] - 1
            touching += part[0] == anchor[-1] + 1 or part[-1] == anchor[0] - 1
    assert touching > 0
    assert torch.unique(positives[:, 0, 1]).numel() + torch.unique(positives[:, 5, 1]).numel() > 2


def test_both_cut_views_lose_the_ratio_at_positions_of_their_own():
    block = block_of(is_padded=True)
    view = make("contrastive", view="cutoff", cutoff_ratio=0.25).corrupt(block, draws())
    sides = (view, view.parts["positives"])
    for side in sides:
        for row, ids in enumerate(block.ids.tolist()):
            kept = side.positions[row].tolist()
            assert side.input_ids[row].tolist() == [ids[p] for p in kept] and kept == sorted(kept)
            wanted = len(text(ids)) - int(len(text(ids)) * 0.25 + 0.5)
            assert len(text(side.input_ids[row].tolist())) == wanted
    assert not torch.equal(sides[0].positions, sides[1].positions)


@pytest.mark.parametrize("is_padded", [False, True])
def test_the_shuffled_positive_holds_the_anchors_tokens(is_padded):
    block = block_of(is_padded)
    view = make("contrastive", view="shuffle").corrupt(block, draws())
    positive = view.parts["positives"].input_ids
    assert torch.equal(view.input_ids, block.ids) and not torch.equal(positive, block.ids)
    assert torch.equal(positive.sort(1).values, block.ids.sort(1).values)
    assert torch.equal(positive < NUM_SPECIAL, block.ids < NUM_SPECIAL)


def test_info_nce_against_numpy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 7))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (first, second)]
    scores = unit[0] @ unit[1].T / 0.07
    rows, columns = np.exp(scores).sum(1), np.exp(scores).sum(0)
    own = np.diag(scores)
    wanted = (np.mean(np.log(rows) - own) + np.mean(np.log(columns) - own)) / 2
    similarity = similarities(torch.tensor(first), torch.tensor(second), 0.07)
    assert np.allclose(similarity, scores, atol=1e-4)
    assert float(info_nce(similarity)) == pytest.approx(wanted, rel=1e-5)
    assert float(matched(similarity)) == np.mean(scores.argmax(1) == np.arange(5))


def test_the_positives_of_an_anchor_are_averaged():
    objective = make("contrastive", temperature=0.1)
    view = objective.corrupt(block_of(is_padded=True), draws())
    part = view.parts["positives"]
    with torch.no_grad():

        def vectors(view):
            hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
            pooled = [h[~pad].mean(0) for h, pad in zip(hidden, view.is_pad, strict=True)]
            return objective.projector(torch.stack(pooled))

        anchors, positives = vectors(view), vectors(part)
        rows = len(anchors)
        means = torch.stack([(positives[r] + positives[rows + r]) / 2 for r in range(rows)])
        wanted = info_nce(similarities(anchors, means, 0.1))
        assert float(objective(view).loss) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("contrastive", {"cutoff_ratio": 0.2}, "cutoff_ratio belongs to view 'cutoff'"),
        ("contrastive", {"view": "shuffle", "num_positives": 1}, "belongs to view 'spans'"),
        ("contrastive", {"mlm_mask_ratio": 0.15}, "mlm_mask_ratio 0.15 has no .* mlm_weight is 0"),
        ("simcse", {"mlm_mask_ratio": 0.3}, "mlm_mask_ratio 0.3 has no effect .* raise mlm_weight"),
        ("simcse", {"view": "spans", "dropout": 0.1}, "dropout 0.1 has no effect with view 'spans"),
        ("simcse", {"span_ratio": 0.5}, "span_ratio 0.5 has no effect .* or set view: spans"),
        ("contrastive", {"positive_ratio": 0.01}, "positive_ratio 0.01 .* none or all"),
        ("deshuffle", {"mask_ratio": 0.04}, "takes 1 token .* at least 2"),
        ("random_token_classification", {"corruption": "both", "mask_ratio": 0.06}, "at least 3"),
        ("random_token_classification", {"corruption": "swap"}, "corruption.*'shuffle'"),
    ],
)
def test_what_cannot_work_is_refused(name, options, words):
    with pytest.raises(SpecError, match=words):
        OBJECTIVES.get(name).check(parse_options(name, options), SPEC, L)


def test_a_ratio_that_moves_is_priced_as_its_mean():
    shape = StepShape(SPEC, 4, L, V)
    moving = {"start": 0.1, "end": 0.3}
    for name, option in (("deshuffle", "mask_ratio"), ("first_char", "mask_ratio"),
                         ("contrastive", "cutoff_ratio")):  # fmt: skip
        view = {"view": "cutoff"} if name == "contrastive" else {}
        kind = OBJECTIVES.get(name)
        low, mean, high = (
            kind.flops_per_step(parse_options(name, {option: ratio, **view}), shape).total
            for ratio in (0.1, moving, 0.3)
        )
        assert mean == pytest.approx((low + high) / 2, rel=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("random_token_classification", {"corruption": "shuffle", "mask_ratio": 0.3}),
        ("random_token_classification", {"mask_ratio": 0.3}),
        ("first_char", {"num_classes": 9}),
        ("deshuffle", {}),
        ("contrastive", {"temperature": 0.1, "num_positives": 1}),
        ("distill", {"teacher": "mlm", "mask_ratio": 0.3, "relation_weight": 1.0}),
    ],
)
def test_controls_are_arms_that_can_run(name, options):
    parsed = parse_options(name, options)
    controls = OBJECTIVES.get(name).controls(parsed)
    assert controls
    for control, given in controls.values():
        control_options = parse_options(control, given)
        OBJECTIVES.get(control).check(control_options, SPEC, L)
        if hasattr(control_options, "mask_ratio"):
            assert control_options.mask_ratio == parsed.mask_ratio
