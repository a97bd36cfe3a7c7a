"""Relations, starting from the teacher, clean inputs; what each of them costs."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForMaskedLM, ModernBertConfig, ModernBertForMaskedLM

from mae_bench.costs import StepShape, stack_of_config
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.matching import last_projections, relation_loss
from mae_bench.model.teacher import copy_layers
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.specs import BackboneSpec

V, L, B = 50, 16, 3
CLEAN = {"mask_inputs": False, "mlm_weight": 0.0}
RELATIONS = {"relation_weight": 1.0, "relation_heads": 4}
ARCHES = ["modernbert", "bert"]


def spec_of(arch="modernbert", layers=2, width=32):
    return BackboneSpec(arch=arch, num_layers=layers, hidden_size=width, num_heads=2, max_length=L)


def make(name, spec, seed=0, teacher=None, **options):
    if teacher is not None:
        options["teacher"] = "mlm"
    return OBJECTIVES.get(name)(
        build_backbone(spec, V, seed), spec, parse_options(name, options), seed=seed,
        teacher=teacher,
    )  # fmt: skip


@pytest.fixture
def arm(tmp_path):
    """Return a function that saves an mlm of a spec and gives its folder."""

    def save(spec, seed=9):
        save_checkpoint(make("mlm", spec, seed), tmp_path, tmp_path)
        write_json({"objective": "mlm", "options": {}}, tmp_path / "spec.json")
        return tmp_path

    return save


def block_of(is_padded=True):
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    if is_padded:
        ids[1, 8:] = torch.tensor([SEP_ID] + [PAD_ID] * 7)
    return Block(ids, ids == PAD_ID if is_padded else None)


def draws():
    return Draws(0, 0, torch.arange(B))


def plain_relations(student, teacher, is_pad, heads):
    """Summed KL of softmax(X X^T / sqrt(d)), one row, head and token at a time."""

    def relation(states, row, head, tokens):
        size = states.shape[-1] // heads
        x = states[row, tokens, head * size : (head + 1) * size]
        scores = np.exp(x @ x.T / size**0.5)
        return scores / scores.sum(1, keepdims=True)

    total = 0.0
    for ours, theirs in zip(student, teacher, strict=True):
        divergences = []
        for row in range(len(ours)):
            tokens = np.flatnonzero(~is_pad[row])
            for head in range(heads):
                got, wanted = (relation(x, row, head, tokens) for x in (ours, theirs))
                divergences += [(w * np.log(w / g)).sum() for w, g in zip(wanted, got, strict=True)]
        total += np.mean(divergences)
    return total


def test_relations_of_other_widths_match_plain_python():
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(3, B, L, 16)), rng.normal(size=(3, B, L, 24))
    is_pad = block_of().is_pad
    got = relation_loss(
        list(torch.tensor(student)), list(torch.tensor(teacher)), is_pad, num_heads=4
    )
    assert float(got) == pytest.approx(
        plain_relations(student, teacher, is_pad.numpy(), 4), rel=1e-4
    )
    whole = torch.zeros_like(is_pad)
    masked, plain = (
        relation_loss(list(torch.tensor(student)), list(torch.tensor(teacher)), pad, num_heads=4)
        for pad in (whole, None)
    )
    assert float(masked) == pytest.approx(float(plain), rel=1e-6)


@pytest.mark.parametrize("arch", ARCHES)
def test_the_hook_gives_what_the_last_attention_made(arch):
    backbone = build_backbone(spec_of(arch), V, 0).eval()
    is_bert = arch == "bert"
    last = backbone.encoder.encoder.layer[-1].attention.self if is_bert else None
    last = last or backbone.encoder.layers[-1].attn
    seen = []
    last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad(), last_projections(backbone.encoder) as projections:
        backbone(block_of().ids)
    with torch.no_grad():
        if is_bert:
            wanted = [layer(seen[0]) for layer in (last.query, last.key, last.value)]
        else:
            wanted = [seen[0] @ part.T for part in last.Wqkv.weight.split(32)]
    for got, want in zip(projections, wanted, strict=True):
        assert torch.allclose(got, want, atol=1e-6)
    with torch.no_grad(), last_projections(backbone.encoder) as projections:
        backbone(block_of().ids)
    assert len(projections) == 3  # nothing is left of the first hook


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("is_padded", [False, True])
def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(arch, is_padded, arm):
    spec = spec_of(arch)
    teacher = arm(spec)
    student = make(
        "distill", spec, teacher=teacher, initialise_from_teacher=True, **CLEAN, **RELATIONS
    ).eval()
    view = student.corrupt(block_of(is_padded), draws())
    with torch.no_grad():
        assert abs(float(student(view).loss)) < 1e-6
        other = make("distill", spec, teacher=teacher, **CLEAN, **RELATIONS).eval()
        assert float(other(view).loss) > 1e-3
        assert float(other(view).metrics["relation_loss"]) > 0


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_every_other_layer_is_copied(arch, depth):
    teacher = build_backbone(spec_of(arch, layers=depth), V, 1).encoder
    student = build_backbone(spec_of(arch, layers=2), V, 2).encoder
    copy_layers(teacher, student)
    layers = [(m.encoder.layer if arch == "bert" else m.layers) for m in (teacher, student)]
    for index, layer in enumerate(layers[1]):
        source = layers[0][index * depth // 2].state_dict()
        for name, value in layer.state_dict().items():
            assert torch.equal(value, source[name]), (index, name)
    theirs = teacher.state_dict()
    for name, value in student.state_dict().items():
        if "layers." not in name and "layer." not in name:
            assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize("arch", ["bilstm", "gru"])
def test_a_recurrent_layer_is_copied_with_its_norm(arch):
    teacher, student = (
        build_backbone(spec_of(arch, layers=layers), V, layers).encoder for layers in (4, 2)
    )
    with torch.no_grad():
        for number, norm in enumerate(teacher.norms):
            norm.weight.fill_(number)  # all norms start alike
    copy_layers(teacher, student)
    assert [norm.weight[0].item() for norm in student.norms] == [0, 2]
    for index, layer in enumerate(student.layers):
        for name, value in teacher.layers[2 * index].state_dict().items():
            assert torch.equal(layer.state_dict()[name], value), (index, name)


@pytest.mark.parametrize("arch", ["bilstm", "gru"])
@pytest.mark.parametrize("name", ["distill", "mixture"])
def test_relations_of_an_arch_without_attention_are_refused_at_the_plan(arch, name):
    relations = {"teacher": "mlm", **RELATIONS}
    parts = {"parts": {"mae": 1.0, "pupil": {"objective": "distill", **relations}}}
    options = parse_options(name, parts if name == "mixture" else relations)
    words = f"relation_weight 1 compares .*'{arch}' has none .* choose bert or modernbert"
    with pytest.raises(SpecError, match=words):
        OBJECTIVES.get(name).check(options, spec_of(arch), L)


@pytest.mark.parametrize("arch", ["modernbert", "bilstm"])
def test_only_numbers_that_a_mended_start_moved_get_new_ids(arch):
    start = {"teacher": "mlm", "initialise_from_teacher": True}
    for name, options in (
        ("distill", start),
        ("mixture", {"parts": {"mae": 1.0, "pupil": {"objective": "distill", **start}}}),
    ):
        kind = OBJECTIVES.get(name)
        revision = kind.revision(parse_options(name, options), spec_of(arch))
        assert revision == (2 if arch == "bilstm" else 1)
    plain = parse_options("distill", {"teacher": "mlm"})
    assert OBJECTIVES.get("distill").revision(plain, spec_of(arch)) == 1


def test_an_arms_head_is_copied_and_the_teacher_stays_its_own(arm):
    spec = spec_of()
    student = make("distill", spec, teacher=arm(spec), initialise_from_teacher=True)
    for name, value in student.teacher.head.state_dict().items():
        assert torch.equal(value, student.head.state_dict()[name])
    trained = {id(p) for p in student.backbone.parameters()}
    assert not trained & {id(p) for p in student.teacher.parameters()}
    assert all(p.requires_grad for p in student.backbone.parameters())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": 1}, "at least 2 layers"),
        ({"width": 48}, "architecture, width and positions"),
        ({"arch": "bert"}, "architecture, width and positions"),
    ],
)
def test_a_teacher_that_does_not_fit_gives_no_layers(change, words):
    teacher = build_backbone(spec_of(**change), V, 1).encoder
    with pytest.raises(SpecError, match=words):
        copy_layers(teacher, build_backbone(spec_of(), V, 2).encoder)


@pytest.mark.parametrize("positions", ["sampled", "all"])
def test_clean_inputs_hide_nothing_and_soft_targets_stand_where_they_should(positions, arm):
    spec = spec_of()
    student = make(
        "distill", spec, teacher=arm(spec), soft_positions=positions, cosine_weight=0.0, **CLEAN
    ).eval()
    block = block_of()
    view = student.corrupt(block, draws())
    assert torch.equal(view.input_ids, block.ids) and not (view.input_ids == MASK_ID).any()
    real = (~block.is_pad).nonzero().tolist()
    if positions == "sampled":
        real = [
            (row, int(p))
            for row in range(B)
            for p, yes in zip(view.target_positions[row], view.is_target[row], strict=True)
            if yes
        ]
    with torch.no_grad():
        output = student(view)
        logits = [
            model.head(
                model.backbone(block.ids, None, block.is_pad), model.backbone.embedding.weight
            )
            for model in (student, student.teacher)
        ]
        ours, theirs = ((x / 2.0).log_softmax(-1) for x in logits)
        wanted = np.mean([
            4 * float((theirs[r, p].exp() * (theirs[r, p] - ours[r, p])).sum()) for r, p in real
        ])  # fmt: skip
    assert output.predicted == len(real)
    assert float(output.loss) == pytest.approx(wanted, rel=1e-4)


def test_with_masked_inputs_all_positions_teach_and_the_hidden_ones_are_predicted(arm):
    spec = spec_of()
    teacher = arm(spec)
    options = {"mlm_weight": 0.0, "cosine_weight": 0.0}
    sampled, everywhere = (
        make("distill", spec, teacher=teacher, soft_positions=p, **options).eval()
        for p in ("sampled", "all")
    )
    view = sampled.corrupt(block_of(), draws())
    with torch.no_grad():
        one, other = sampled(view), everywhere(view)
    assert one.metrics["mlm_loss"] == pytest.approx(float(other.metrics["mlm_loss"]), rel=1e-5)
    assert one.predicted == int(view.is_target.sum()) < other.predicted
    assert other.predicted == int((~view.is_pad).sum())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask_inputs": False}, "mlm_weight 2 with mask_inputs: false"),
        (
            {**CLEAN, "mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0},
            "mask_inputs: false replaces none",
        ),
        ({"relation_weight": 1.0, "relation_heads": 5}, "must divide the backbone's width 32"),
        ({"soft_positions": "all", "soft_weight": 0.0}, "soft_weight is 0"),
        ({"soft_weight": 0, "mlm_weight": 0, "cosine_weight": 0}, "at least one must be positive"),
        ({"temperature": 1.0, "soft_weight": 0.0}, "temperature 1.0 has no effect where soft_w"),
        ({"relation_heads": 4}, "relation_heads 4 has no effect where relation_weight is 0"),
        ({"soft_positions": "some"}, "soft_positions"),
        ({"relation_weight": -1}, "relation_weight"),
    ],
)
def test_options_that_contradict_are_refused(options, words):
    with pytest.raises(SpecError, match=words):
        parsed = parse_options("distill", {"teacher": "mlm", **options})
        OBJECTIVES.get("distill").check(parsed, spec_of(), L)


def outside(folder, arch):
    """Save a masked language model as transformers does, wider and deeper than the student."""
    sizes = {
        "vocab_size": V, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
        "intermediate_size": 80, "max_position_embeddings": L, "pad_token_id": PAD_ID,
        "cls_token_id": CLS_ID, "sep_token_id": SEP_ID, "bos_token_id": CLS_ID,
        "eos_token_id": SEP_ID,
    }  # fmt: skip
    torch.manual_seed(0)
    if arch == "bert":
        model = BertForMaskedLM(BertConfig(**sizes))
    else:
        model = ModernBertForMaskedLM(ModernBertConfig(**sizes))
    model.save_pretrained(folder)
    return model.config


@pytest.mark.parametrize("teacher_arch", ARCHES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"soft_positions": "all"},
        {"soft_weight": 0.0, "cosine_weight": 0.0, **RELATIONS},
        {**CLEAN, **RELATIONS},
        {**CLEAN, "soft_weight": 0.0},
    ],
)
def test_an_outside_teachers_price_is_what_it_computes(options, teacher_arch, tmp_path):
    config, spec = outside(tmp_path, teacher_arch), spec_of()
    objective = make("distill", spec, teacher=tmp_path, **options)
    view = objective.corrupt(block_of(is_padded=False), draws())
    calls = []
    forward = objective.teacher.forward

    def counted(*arguments):
        with FlopCounterMode(display=False) as counter:
            result = forward(*arguments)
        calls.append(counter.get_total_flops())
        return result

    objective.teacher.forward = counted
    for module in objective.modules():
        if hasattr(module, "set_attn_implementation"):
            module.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        output = objective(view)
        output.loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in objective.backbone.parameters())
    shape = StepShape(spec, B, L, V, stack_of_config(config))
    price = type(objective).flops_per_step(objective.options, shape)
    assert counter.get_total_flops() == pytest.approx(price.total, rel=0.01)
    relations = 3 * 2 * B * L * L * 48 if "relation_weight" in options else 0
    assert calls[0] == pytest.approx(price.teacher - relations, rel=0.01)


def test_relation_heads_must_divide_the_teachers_width(tmp_path):
    outside(tmp_path, "bert")
    with pytest.raises(SpecError, match="relation_heads 32 must divide the width of teacher"):
        make("distill", spec_of(), teacher=tmp_path, relation_weight=1.0, relation_heads=32)
