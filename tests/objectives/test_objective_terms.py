"""What a loss is made of: every weight, temperature and ratio of an objective acts as it says."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from mae_bench.draws import Block, Draws
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.decoder import Decoder
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.specs import BackboneSpec

V, L, B = 90, 24, 4
SPEC = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=L)
DRAWS = Draws(0, 0, torch.arange(B))
CONTRASTS = [
    ("simcse", {"view": "spans"}),
    ("contrastive", {}),
    ("contrastive", {"view": "cutoff"}),
    ("contrastive", {"view": "shuffle"}),
]


def block(lengths=(L, L, 17, 12)):
    """Return rows in which no token stands twice."""
    ids = torch.full((B, L), PAD_ID)
    for row, length in zip(ids, lengths, strict=True):
        order = torch.randperm(V - NUM_SPECIAL, generator=torch.Generator().manual_seed(length))
        row[:length] = order[:length] + NUM_SPECIAL
        row[0], row[length - 1] = CLS_ID, SEP_ID
    return Block(ids, ids == PAD_ID)


def make(name, options, teacher=None):
    parsed = parse_options(name, options)
    return OBJECTIVES.get(name)(build_backbone(SPEC, V, 0), SPEC, parsed, seed=0, teacher=teacher)


@torch.no_grad()
def loss(name, options, teacher=None):
    objective = make(name, options, teacher).eval()
    return float(objective(objective.corrupt(block(), DRAWS)).loss)


@pytest.mark.parametrize(("name", "options"), CONTRASTS)
def test_the_temperature_divides_the_cosines(name, options):
    """So hot that all texts look alike, the loss is that of a guess; cold, it is far from it."""
    hot, cold = (loss(name, {**options, "temperature": t}) for t in (1e6, 1e-3))
    assert hot == pytest.approx(math.log(B), rel=1e-4)
    assert abs(cold - math.log(B)) > 0.1


@pytest.mark.parametrize(("name", "options"), CONTRASTS)
def test_the_mlm_term_adds_by_its_weight_and_hides_by_its_ratio(name, options):
    without = loss(name, options)
    half, double = (loss(name, {**options, "mlm_weight": w}) for w in (0.5, 2.0))
    assert double - without == pytest.approx(4 * (half - without), rel=1e-4)
    assert half - without == pytest.approx(0.5 * math.log(V), rel=0.2)  # an untrained head
    for ratio in (0.15, 0.5):
        weighted = make(name, {**options, "mlm_weight": 1.0, "mlm_mask_ratio": ratio})
        view = weighted.corrupt(block(), DRAWS).parts["mlm"]
        plain = make("mlm", {"mask_ratio": ratio}).corrupt(block(), DRAWS)
        assert torch.equal(view.input_ids, plain.input_ids)
        assert torch.equal(view.target_positions, plain.target_positions)


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_simcse_trains_at_the_dropout_of_its_option(rate):
    objective = make("simcse", {"dropout": rate})
    rates = {m.p for m in objective.backbone.modules() if isinstance(m, nn.Dropout)}
    assert rates == {rate}


@pytest.mark.parametrize("weight", [1.0, 7.0, 50.0])
@torch.no_grad()
def test_detection_is_weighed_beside_the_generator(weight):
    objective = make("rtd", {"discriminator_weight": weight})
    output = objective(objective.corrupt(block(), DRAWS))
    parts = output.metrics
    wanted = parts["generator_loss"] + weight * parts["detection_loss"]
    assert float(output.loss) == pytest.approx(float(wanted), rel=1e-6)


@pytest.fixture
def teacher(tmp_path):
    mlm = OBJECTIVES.get("mlm")(build_backbone(SPEC, V, 5), SPEC, parse_options("mlm", {}), seed=5)
    for parameter in mlm.parameters():  # far from a student
        nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(1))
    save_checkpoint(mlm, tmp_path, tmp_path)
    write_json({"objective": "mlm", "options": {}}, tmp_path / "spec.json")
    return tmp_path


def test_a_student_minimises_the_weighted_mean_of_its_losses(teacher):
    names = ("mlm", "soft", "cosine", "relation")

    def of(**weights):
        given = {f"{name}_weight": float(weights.get(name, 0)) for name in names}
        return loss("distill", {"teacher": "x", **given}, teacher)

    alone = {name: of(**{name: 1}) for name in names}
    assert len({round(value, 4) for value in alone.values()}) == len(names)
    for weights in ({"mlm": 2, "soft": 5, "cosine": 1}, {"mlm": 1, "soft": 3, "relation": 4}):
        wanted = sum(w * alone[name] for name, w in weights.items()) / sum(weights.values())
        assert of(**weights) == pytest.approx(wanted, rel=1e-4)


def test_the_temperature_of_soft_targets_is_that_of_the_option(teacher):
    options = {"teacher": "x", "mlm_weight": 0.0, "cosine_weight": 0.0}
    losses = {t: loss("distill", {**options, "temperature": t}, teacher) for t in (1.0, 2.0, 50.0)}
    assert len({round(value, 3) for value in losses.values()}) == 3
    # so hot, only the gaps of the logits from their mean count, as Hinton et al. derive
    student = make("distill", options, teacher).eval()
    view = student.corrupt(block(), DRAWS)
    index = view.target_positions[view.is_target], view.is_target.nonzero()[:, 0]
    logits = []
    with torch.no_grad():
        for head, encoder in (
            (student.head, student.backbone),
            (student.teacher.head, student.teacher.backbone),
        ):
            hidden = encoder(view.input_ids, view.positions, view.is_pad)[index[1], index[0]]
            logits.append(head(hidden, encoder.embedding.weight).double())
    ours, theirs = (x - x.mean(1, keepdim=True) for x in logits)
    wanted = ((ours - theirs) ** 2).sum(1).mean() / (2 * V)
    assert losses[50.0] == pytest.approx(float(wanted), rel=0.1)


@pytest.mark.parametrize("target", ["tokens", "embeddings"])
def test_embeddings_to_regress_are_normalised_and_get_no_gradient(target):
    """A removed token enters no encoder; as a target alone its embedding must not move."""
    objective = make("mae", {"target": target})
    rows = block((L,) * B)
    ids = torch.arange(B * (L - 2)).view(B, -1) % (V - NUM_SPECIAL) + NUM_SPECIAL
    rows.ids[:, 1:-1] = ids
    view = objective.corrupt(Block(rows.ids), DRAWS)
    output = objective(view)
    output.loss.backward()
    grad = objective.backbone.embedding.weight.grad
    unread = sorted(
        set(view.target_ids.flatten().tolist()) - set(view.input_ids.flatten().tolist())
    )
    assert unread
    assert bool(grad[unread].any()) == (target == "tokens")  # the head is tied
    if target == "embeddings":
        with torch.no_grad():
            objective.regress.weight.zero_()
            objective.regress.bias.zero_()
            assert float(objective(view).loss) == pytest.approx(1.0, rel=0.05)  # unit variance


@torch.no_grad()
def test_a_decoder_knows_where_each_removed_token_stood():
    torch.manual_seed(0)
    decoder = Decoder(SPEC, layers=1, width=32).eval()
    for parameter in decoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    hidden, mask = torch.randn(2, 5, 32), torch.randn(32)
    kept, removed = torch.tensor([[0, 2, 3, 7, 11]] * 2), torch.tensor([[1, 5, 10]] * 2)
    features = decoder(hidden, kept, removed, None, mask)
    assert not torch.allclose(features[:, 0], features[:, 1], atol=1e-3)
    backwards = decoder(hidden, kept, removed.flip(1), None, mask).flip(1)
    torch.testing.assert_close(backwards, features, atol=1e-5, rtol=1e-4)
    elsewhere = decoder(hidden, kept.flip(1), removed, None, mask)
    assert not torch.allclose(elsewhere, features, atol=1e-3)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@torch.no_grad()
def test_the_sentence_vector_of_a_bottleneck_is_pooled_as_its_option_says(pooling):
    objective = make("mae_bottleneck", {"pooling": pooling}).eval()
    view = objective.corrupt(block(), DRAWS)
    read, real = [], objective.decoder.decode_sets
    objective.decoder.decode_sets = lambda *given: read.append(given[0]) or real(*given)
    objective(view)
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
    for row, vectors in enumerate(hidden):
        tokens = vectors[~view.is_pad[row]]
        wanted = tokens[0] if pooling == "cls" else tokens.mean(0)
        torch.testing.assert_close(read[0][row, 0], wanted, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_decoder_of_spans_knows_which_mark_each_token_belongs_to():
    objective = make("span_denoise", {"mask_ratio": 0.4}).eval()
    view = objective.corrupt(block(), DRAWS)
    seen, real = [], objective.decoder.forward
    objective.decoder.forward = lambda *given: seen.append(given) or real(*given)
    objective(view)
    _, numbers, _, memory_numbers, _ = seen[0]
    decoder_input, most = view.parts["decoder"].input_ids, 0
    for row in range(B):
        number = 0
        for position, token in enumerate(decoder_input[row].tolist()):
            number += token == MASK_ID
            assert int(numbers[row, position]) == number
        marks = (view.input_ids[row] == MASK_ID).nonzero()[:, 0].tolist()
        assert number >= len(marks)
        most = max(most, number)
        wanted = np.zeros(view.input_ids.shape[1], dtype=int)
        wanted[marks] = np.arange(1, len(marks) + 1)
        assert memory_numbers[row].tolist() == wanted.tolist()
    assert most > 2


@torch.no_grad()
def test_the_decoder_of_spans_reads_no_later_token():
    torch.manual_seed(0)
    objective = make("span_denoise", {"mask_ratio": 0.4}).eval()
    tokens, numbers = torch.randn(2, 8, 32), torch.arange(8).expand(2, -1) // 3
    memory, of_memory = torch.randn(2, 6, 32), torch.zeros(2, 6, dtype=torch.long)
    before = objective.decoder(tokens, numbers, memory, of_memory, None)
    changed = tokens.clone()
    changed[:, 5] = torch.randn(32)
    after = objective.decoder(changed, numbers, memory, of_memory, None)
    torch.testing.assert_close(after[:, :5], before[:, :5])
    assert not torch.allclose(after[:, 5:], before[:, 5:])
