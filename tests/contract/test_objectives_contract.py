"""What every registered objective must keep to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from objective_cases import CASES
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import mae_bench.objectives
from mae_bench.contract.fixtures import SPEC, B, V, draws, lexicon
from mae_bench.contract.fixtures import rows as blocks
from mae_bench.contract.views import mapped, tensors
from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.masking import CLS_ID, MASK_ID, MASKINGS, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, View, parse_options
from mae_bench.pretraining.checkpoint import load_objective_state, save_checkpoint, write_json
from mae_bench.specs import BackboneSpec

IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    save_teacher(make("mlm", {}, None, seed=9), folder)
    return folder


def save_teacher(mlm, folder):
    save_checkpoint(mlm, folder, folder)
    write_json({"objective": "mlm", "options": {}}, folder / "spec.json")


def make(name, options, teacher, seed=0, spec=SPEC, vocab_size=V):
    kind = OBJECTIVES.get(name)
    parsed = parse_options(name, options)
    needs = kind.requires(parsed).teacher is not None
    return kind(
        build_backbone(spec, vocab_size, seed), spec, parsed, seed=seed,
        teacher=teacher if needs else None,
        lexicon=lexicon(vocab_size) if kind.requires(parsed).uses_lexicon else None,
    )  # fmt: skip


def own_modules(objective):
    """Return what stands beside the encoder, by name; no teacher."""
    return [
        (name, module)
        for name, module in objective.named_modules()
        if not {"backbone", "teacher", "average"} & set(name.split("."))
    ]


def test_parts_of_one_shape_start_equal_in_every_objective(teacher):
    found = {}
    for name, options in CASES:
        if options.get("initialise_from_teacher"):
            continue  # its head is the teacher's
        for place, module in own_modules(make(name, options, teacher)):
            state = module.state_dict()
            kind = type(module).__name__
            is_part = kind == "VocabularyHead" or place.endswith(("projector", "decoder"))
            if is_part and state:
                shapes = tuple((key, tuple(value.shape)) for key, value in state.items())
                found.setdefault((kind, shapes), []).append((name, state))
    shared = [states for states in found.values() if len({name for name, _ in states}) > 1]
    assert len(shared) >= 3, "vocabulary heads, decoders and projectors"
    for states in shared:
        first_name, first = states[0]
        for name, state in states[1:]:
            for key, value in first.items():
                assert torch.equal(value, state[key]), (first_name, name, key)


def test_folder_and_registry_agree():
    folder = Path(mae_bench.objectives.__file__).parent
    shared = {"__init__", "base", "distill_options", "part_entries", "parts", "requirements",
              "targets", "two_ratios", "views"}  # fmt: skip
    files = {path.stem for path in folder.glob("*.py")} - shared
    assert files == set(OBJECTIVES.names())
    assert {name for name, _ in CASES} == {n for n, kind in OBJECTIVES if kind.is_trained}
    for name, kind in OBJECTIVES:
        assert kind.name == name and kind.summary and "arXiv" in kind.source


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_corrupt_is_pure(name, options, is_padded, teacher):
    objective = make(name, options, teacher)
    block = blocks(is_padded)
    before = block.ids.clone()
    torch.manual_seed(1)
    first = tensors(objective.corrupt(block, draws()))
    torch.manual_seed(2)
    second = tensors(objective.corrupt(block, draws()))
    assert torch.equal(block.ids, before)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_rows_are_corrupted_alike_in_any_batch(name, options, is_padded, teacher):
    objective = make(name, options, teacher)
    block = blocks(is_padded)
    whole = tensors(objective.corrupt(block, draws()))
    for row in range(B):
        pad = None if block.is_pad is None else block.is_pad[row : row + 1]
        alone = tensors(
            objective.corrupt(
                Block(block.ids[row : row + 1], pad), Draws(0, 0, torch.tensor([row]))
            )
        )
        for key, value in alone.items():
            copies = len(value)
            assert torch.equal(value, whole[key][row::B][:copies]), key


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("name", ["mlm", "mae", "distill", "first_char"])
@pytest.mark.parametrize("masking", MASKINGS.names())
def test_no_leak(masking, name, is_padded, teacher):
    """Changing hidden tokens changes the targets, never what the encoder is given."""
    options = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0} if name != "mae" else {}
    if name == "distill":
        options["teacher"] = "mlm"
    options["masking"] = masking
    objective = make(name, options, teacher)
    block = blocks(is_padded)
    view = objective.corrupt(block, draws())
    is_hidden = torch.zeros_like(block.ids, dtype=torch.bool)
    is_target = (
        view.is_target
        if view.is_target is not None
        else torch.ones_like(view.target_ids, dtype=bool)
    )
    is_hidden.scatter_(1, view.target_positions, is_target)
    assert is_hidden.any(1).all()
    other = torch.where(
        is_hidden, (block.ids + 17 - NUM_SPECIAL) % (V - NUM_SPECIAL) + NUM_SPECIAL, block.ids
    )
    changed = objective.corrupt(Block(other, block.is_pad), draws())
    assert torch.equal(view.input_ids, changed.input_ids)
    assert torch.equal(view.positions, changed.positions)
    assert not torch.equal(view.target_ids, changed.target_ids)
    objective.eval()
    with torch.no_grad():
        hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
        same = objective.backbone(changed.input_ids, changed.positions, changed.is_pad)
    assert torch.equal(hidden, same)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_targets_are_the_rows_own_tokens_and_counts_are_exact(name, options, is_padded, teacher):
    objective = make(name, options, teacher)
    block = blocks(is_padded)
    view = objective.corrupt(block, draws())
    if view.target_positions is None:
        return
    ids = block.ids.repeat(len(view.target_ids) // B, 1)
    assert torch.equal(view.target_ids, ids.gather(1, view.target_positions))
    is_target = (
        view.is_target
        if view.is_target is not None
        else torch.ones_like(view.target_ids, dtype=bool)
    )
    is_special = view.target_ids < NUM_SPECIAL
    assert not (is_special & is_target).any()
    maskable = (ids >= NUM_SPECIAL).sum(1)
    parsed = parse_options(name, options)
    if name == "causal" or options.get("loss_on") == "all":
        ratio = 1.0
    elif {"corrupt_ratio", "predict_ratio"} & set(options):
        ratio = parsed.predicted_by_copy
    else:
        ratio = getattr(parsed, "decoder_mask_ratio", parsed.mask_ratio)
    wanted = torch.floor(maskable.double() * ratio + 0.5)
    assert torch.equal(is_target.sum(1).double(), wanted)


ALL_BY_MASK = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}
SHOWN = {"causal", "deshuffle", "mae_bottleneck"}  # what the encoder reads is predicted, by design


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_every_predicted_position_was_hidden(name, options, is_padded, teacher):
    """[MASK] stands at all targets and nowhere else in a row's input, or they are not in it."""
    fields = OBJECTIVES.get(name).Options.model_fields
    is_shown = name in SHOWN or options.get("loss_on") == "all"
    if is_shown or not options.get("mask_inputs", True) or "mask_ratio" not in fields:
        return
    hard = {key: value for key, value in ALL_BY_MASK.items() if key in fields}
    objective = make(name, {**options, **hard}, teacher)
    block = blocks(is_padded)
    view = objective.corrupt(block, draws())
    if view.target_positions is None:  # counted out in reference/test_spans, test_token_objectives
        assert name in ("span_denoise", "random_token_classification")
        return
    for place, shown in enumerate(view.input_ids):
        row, targets = block.ids[place % B], view.target_positions[place]
        if view.is_target is not None:
            targets = targets[view.is_target[place]]
        targets, at = set(targets.tolist()), view.positions[place]
        is_hidden = torch.tensor([int(position) in targets for position in at])
        is_changed = shown != row[at]
        if options.get("fill") == "random_token":  # which may be the token itself
            assert not (is_changed & ~is_hidden).any() and (is_changed[is_hidden]).any()
        elif name == "mae" and not objective.options.is_filled:
            assert not is_hidden.any() and not is_changed.any() and MASK_ID not in shown
        elif {"corrupt_ratio", "predict_ratio"} & set(options):  # more is hidden than predicted
            assert (shown[is_hidden] == MASK_ID).all() and (shown[is_changed] == MASK_ID).all()
        else:
            assert torch.equal(shown == MASK_ID, is_hidden)
            assert torch.equal(is_changed, is_hidden)


PLAIN = [(name, options, False) for name, options in CASES]
PADDED = [(name, {**options}, True) for name, options in dict(reversed(CASES)).items()]


@pytest.mark.parametrize(("name", "options", "is_padded"), [*PLAIN, *PADDED])
def test_gradient_reaches_the_backbone_and_the_loss_falls(name, options, is_padded, teacher):
    objective = make(name, options, teacher)
    block = blocks(is_padded)
    optimizer = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], lr=3e-3)
    objective.train()
    losses = []
    for step in range(60):
        torch.manual_seed(step)
        output = objective(objective.corrupt(block, draws()))
        output.loss.backward()
        if step == 0:
            silent = [n for n, p in objective.backbone.named_parameters() if p.grad is None]
            assert not silent
            assert sum(float(p.grad.abs().sum()) for p in objective.backbone.parameters()) > 0
            assert output.predicted > 0
        optimizer.step()
        optimizer.zero_grad()
        objective.after_step()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def counted_flops(objective, views):
    """Return what torch counts of an average step; the objective ends on the meta device."""
    objective.to("meta").train()
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        for view in views:
            objective(mapped(view, lambda t: t.to("meta"))).loss.backward()
    return counter.get_total_flops() / len(views)


SHAPES = [(1, 32, 2, 24, 6), (2, 64, 2, 40, 3), (3, 48, 4, 16, 5)]


@pytest.mark.parametrize(
    ("arch", "shape"), [*(("modernbert", shape) for shape in SHAPES), ("bert", SHAPES[1])]
)
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_counted_flops_match_torch(name, options, shape, arch, tmp_path):
    layers, width, heads, length, rows = shape
    if options.get("decoder_width", width) % (width // heads):
        options = {**options, "decoder_width": width * 2}
    spec = BackboneSpec(
        arch=arch, num_layers=layers, hidden_size=width, num_heads=heads, max_length=64
    )
    teacher = tmp_path
    if "teacher" in str(options):
        save_teacher(make("mlm", {}, None, spec=spec), teacher)
    objective = make(name, options, teacher, spec=spec)
    torch.manual_seed(0)
    ids = torch.randint(NUM_SPECIAL, V, (rows, length))
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    # an average step of the case's phases: one quarter and three quarters
    times = (0.0, 0.25, 0.5, 0.75) if name == "phases" else (0.0,)
    views = [objective.corrupt(Block(ids), replace(draws(rows), progress=t)) for t in times]
    predicted = (
        type(objective).flops_per_step(objective.options, StepShape(spec, rows, length, V)).total
    )
    assert counted_flops(objective, views) == pytest.approx(predicted, rel=0.01)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_options_survive_json_and_omit_defaults(name, options):
    parsed = parse_options(name, options)
    assert parse_options(name, json.loads(json.dumps(parsed.canonical()))) == parsed
    assert set(parsed.canonical()) <= set(options)


def reload(objective, other, folder):
    """Save an objective and read it into another, which is returned ready to evaluate."""
    from transformers import AutoModel

    save_checkpoint(objective, folder, folder)
    other.backbone.encoder = AutoModel.from_pretrained(folder, attn_implementation="sdpa")
    load_objective_state(other, folder)
    return other.eval()


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_reloaded_checkpoint_gives_the_same_loss(name, options, teacher, tmp_path):
    objective = make(name, options, teacher, seed=1).eval()
    view = objective.corrupt(blocks(), draws())
    other = reload(objective, make(name, options, teacher, seed=2), tmp_path)
    with torch.no_grad():
        assert torch.equal(objective(view).loss, other(view).loss)


@pytest.mark.parametrize("seed", [0, 1])
def test_all_objectives_start_from_the_same_backbone(seed, teacher):
    states = [
        make(name, options, teacher, seed=seed).backbone.state_dict()
        for name, options in CASES
        if not options.get("initialise_from_teacher")  # a student that asks to start elsewhere
    ]
    for state in states[1:]:
        assert all(torch.equal(state[key], states[0][key]) for key in states[0])
    other = make("mlm", {}, None, seed=seed + 7).backbone.state_dict()
    assert any(not torch.equal(other[key], states[0][key]) for key in other)


def test_search_spaces_give_valid_options():
    class Middle:
        def suggest_float(self, name, low, high, *, step=None, log=False):
            return low

        def suggest_int(self, name, low, high, *, step=1, log=False):
            return high

        def suggest_categorical(self, name, choices):
            return choices[0]

    for name, kind in OBJECTIVES:
        parse_options(name, {**kind.search_space(Middle()), **kind.example})


def test_view_of_mae_at_a_small_ratio_approaches_the_plain_encoder():
    objective = make("mae", {"mask_ratio": 0.05}, None).eval()
    view = objective.corrupt(blocks(), draws())
    assert isinstance(view, View)
    with torch.no_grad():
        whole = objective.backbone(blocks().ids, None, None)
        part = objective.backbone(view.input_ids, view.positions, None)
        matched = whole.gather(1, view.positions[..., None].expand(-1, -1, whole.shape[-1]))
        compacted = objective.backbone(view.input_ids, None, None)
    assert (part - matched).norm() < (compacted - matched).norm()


def test_a_student_starts_with_the_head_of_an_mlm(teacher):
    student, plain = make("distill", {"teacher": "mlm"}, teacher), make("mlm", {}, None)
    for key, value in plain.head.state_dict().items():
        assert torch.equal(value, student.head.state_dict()[key]), key
