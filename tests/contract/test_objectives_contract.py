"""What every registered objective must keep to."""

from pathlib import Path

import pytest
import torch
from objective_cases import CASES

import mae_bench.objectives
from mae_bench.contract.fixtures import SPEC, B, Fixture, V, draws, lexicon
from mae_bench.contract.fixtures import rows as blocks
from mae_bench.contract.objective import CHECKS
from mae_bench.masking import MASK_ID, MASKINGS, NUM_SPECIAL
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, View, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json

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
    states_of = {}
    for name, options in CASES:
        if options.get("initialise_from_teacher"):
            continue  # its head is the teacher's
        for path, module in own_modules(make(name, options, teacher)):
            state = module.state_dict()
            kind = type(module).__name__
            is_part = kind == "VocabularyHead" or path.endswith(("projector", "decoder"))
            if is_part and state:
                shapes = tuple((key, tuple(value.shape)) for key, value in state.items())
                states_of.setdefault((kind, shapes), []).append((name, state))
    shared = [states for states in states_of.values() if len({name for name, _ in states}) > 1]
    assert len(shared) >= 3, "vocabulary heads, decoders and projectors"
    for states in shared:
        first_name, first = states[0]
        for name, state in states[1:]:
            for key, value in first.items():
                assert torch.equal(value, state[key]), (first_name, name, key)


def test_folder_and_registry_agree():
    folder = Path(mae_bench.objectives.__file__).parent
    shared = {"__init__", "base", "distill_options", "part_entries", "parts", "requirements",
              "targets", "trial", "two_ratios", "view_tensors", "views"}  # fmt: skip
    files = {path.stem for path in folder.glob("*.py")} - shared
    assert files == set(OBJECTIVES.names())
    assert {name for name, _ in CASES} == {n for n, kind in OBJECTIVES if kind.is_trained}
    for name, kind in OBJECTIVES:
        assert kind.name == name and kind.summary and "arXiv" in kind.source


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_every_case_keeps_the_contract(name, options, check, tmp_path):
    """The checks that `mae-bench check` runs; what they can catch is tested in test_check."""
    CHECKS[check](Fixture(name, options, tmp_path))


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
    for row_number, shown in enumerate(view.input_ids):
        row, targets = block.ids[row_number % B], view.target_positions[row_number]
        if view.is_target is not None:
            targets = targets[view.is_target[row_number]]
        targets, at = set(targets.tolist()), view.positions[row_number]
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
        for parameter in objective.backbone.parameters():
            parameter.mul_(5)  # initial weights hardly attend, and a position hardly counts
        whole = objective.backbone(blocks().ids, None, None)
        part = objective.backbone(view.input_ids, view.positions, None)
        matched = whole.gather(1, view.positions[..., None].expand(-1, -1, whole.shape[-1]))
        compacted = objective.backbone(view.input_ids, None, None)
    assert (part - matched).norm() < 0.9 * (compacted - matched).norm()


def test_a_student_starts_with_the_head_of_an_mlm(teacher):
    student, plain = make("distill", {"teacher": "mlm"}, teacher), make("mlm", {}, None)
    for key, value in plain.head.state_dict().items():
        assert torch.equal(value, student.head.state_dict()[key]), key
