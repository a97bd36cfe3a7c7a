"""Which checkpoints can give soft targets, and how those that cannot are refused."""

import pytest
import torch

from mae_bench.contract.fixtures import SPEC, V, draws, lexicon, rows
from mae_bench.errors import SpecError
from mae_bench.masking import MASK_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import ArmTeacher
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json

NEXT_AND_OWN = {"parts": {"causal": 0.5, "mlm": 0.5}}
OWN_THEN_SIMCSE = {"steps": {"mlm": 0.5, "simcse": 0.5}}
SIMCSE_THEN_BOTH = {
    "steps": {"simcse": 0.5, "both": {"objective": "mixture", "share": 0.5, **NEXT_AND_OWN}}
}
HEADS = [  # objective, options, the head in its checkpoint that names a token at its own position
    ("mlm", {}, "head"),
    ("mlm", {"loss_on": "all"}, "head"),
    ("mlm", {"hides_masks": True}, None),
    ("mlm", {"predict_from": "before"}, None),
    ("deshuffle", {}, "head"),
    ("simcse", {"mlm_weight": 0.1}, "head"),
    ("simcse", {}, None),
    ("contrastive", {"mlm_weight": 0.1}, "head"),
    ("contrastive", {}, None),
    ("causal", {}, None),
    ("rtd", {}, None),
    ("rtd", {"share_embeddings": "all", "generator_width_ratio": 1.0}, "generator_head"),
    ("first_char", {}, None),
    ("random_token_classification", {}, None),
    ("mae", {}, None),
    ("mae_bottleneck", {}, None),
    ("span_denoise", {}, None),
    ("random_init", {}, None),
    ("mixture", NEXT_AND_OWN, "parts.1.head"),
    ("mixture", {"parts": {"causal": 0.5, "mae": 0.5}}, None),
    ("phases", OWN_THEN_SIMCSE, None),
    ("phases", SIMCSE_THEN_BOTH, "parts.1.parts.1.head"),
]
IDS = [f"{name}-{index}" for index, (name, _, _) in enumerate(HEADS)]


def make(name, options, seed=0, teacher=None):
    kind, parsed = OBJECTIVES.get(name), parse_options(name, options)
    return kind(
        build_backbone(SPEC, V, seed), SPEC, parsed, seed=seed, teacher=teacher,
        lexicon=lexicon() if kind.requires(parsed).uses_lexicon else None,
    ).eval()  # fmt: skip


def saved(name, options, folder):
    objective = make(name, options, seed=9)
    save_checkpoint(objective, folder, folder)
    content = parse_options(name, options).canonical()
    write_json({"objective": name, "options": content}, folder / "spec.json")
    return objective


def pupil(teacher, **options):
    return make("distill", {"teacher": "x", **options}, teacher=teacher)


@pytest.mark.parametrize(("name", "options", "head"), HEADS, ids=IDS)
@torch.no_grad()
def test_only_a_head_that_names_the_token_at_its_own_position_teaches_softly(
    name, options, head, tmp_path
):
    objective = saved(name, options, tmp_path)
    if head is None:
        with pytest.raises(SpecError, match=r"'x' has no vocabulary head .* set soft_weight: 0"):
            pupil(tmp_path)
        student = pupil(tmp_path, soft_weight=0.0)
        assert not student.teacher.has_head
    else:
        student = pupil(tmp_path)
        assert isinstance(student.teacher, ArmTeacher)
        wanted = objective.get_submodule(head).state_dict()
        for key, value in student.teacher.head.state_dict().items():
            assert torch.equal(value, wanted[key]), key
    assert student(student.corrupt(rows(), draws())).loss.isfinite()


@torch.no_grad()
def test_soft_targets_are_what_the_mlm_itself_says_of_the_hidden_tokens(tmp_path):
    mlm = saved("mlm", {}, tmp_path)
    student = pupil(tmp_path)
    ids = rows().ids.clone()
    ids[:, 5] = MASK_ID
    _, logits = student.teacher(ids, None, None, lambda hidden: hidden[:, 5])
    own = mlm.head(mlm.backbone(ids, None, None)[:, 5], mlm.backbone.embedding.weight)
    torch.testing.assert_close(logits, own)


def test_a_checkpoint_that_does_not_say_what_it_is_has_no_head(tmp_path):
    saved("mlm", {}, tmp_path)
    write_json({"objective": "not installed", "options": {}}, tmp_path / "spec.json")
    assert not pupil(tmp_path, soft_weight=0.0).teacher.has_head
    (tmp_path / "spec.json").unlink()
    assert not pupil(tmp_path, soft_weight=0.0).teacher.has_head


def test_a_student_without_a_token_loss_has_no_trained_head():
    kind = OBJECTIVES.get("distill")
    for options, head in (({}, "head"), ({"soft_weight": 0.0}, "head"),
                          ({"soft_weight": 0.0, "mlm_weight": 0.0}, None)):  # fmt: skip
        assert (
            kind.provides(parse_options("distill", {"teacher": "x", **options})).soft_head == head
        )


def plan(*objectives):
    study = {
        "name": "small",
        "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
        "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
        "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
        "objectives": list(objectives),
        "tasks": ["world/topic"],
        "train_sizes": [20],
        "seeds": 1,
    }
    return make_plan(study_of(study), None)


def taught(options):
    """Return a student alone, in a mixture, and as a phase."""
    given = {"objective": "distill", **options}
    return [
        {"distill": options},
        {"mixture": {"label": "mixed", "parts": {"pupil": given, "mae": 0.5}}},
        {"phases": {"label": "in turn", "steps": {"mae": 0.5, "pupil": {"share": 0.5, **given}}}},
    ]


@pytest.mark.parametrize("student", range(3))
def test_a_plan_refuses_soft_targets_of_an_arm_that_has_none(student):
    soft, hidden = taught({"teacher": "causal"}), taught({"teacher": "causal", "soft_weight": 0})
    with pytest.raises(SpecError, match=r"teacher 'causal' \(.*\) gives no soft targets.* or set"):
        plan("causal", soft[student])
    assert plan("causal", hidden[student]).cells
    assert plan("mlm", taught({"teacher": "mlm"})[student]).cells
