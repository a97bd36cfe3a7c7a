"""What objectives say that they require, against what they do without it."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from objective_cases import CASES

from mae_bench.contract.fixtures import SPEC, Fixture, V, draws, rows
from mae_bench.errors import SpecError
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import Teacher
from mae_bench.objectives.base import OBJECTIVES, Provisions, Requirements, parse_options
from mae_bench.plateau import MAX_START, place_entropy

IDS = [f"{number} {name}" for number, (name, _) in enumerate(CASES)]


def facts(name, options):
    kind, parsed = OBJECTIVES.get(name), parse_options(name, options)
    return kind.requires(parsed), kind.provides(parsed)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_they_are_values_that_options_alone_decide(name, options):
    requires, provides = facts(name, options)
    assert isinstance(requires, Requirements) and isinstance(provides, Provisions)
    assert (requires, provides) == facts(name, options)
    canonical = parse_options(name, options).canonical()
    assert (requires, provides) == facts(name, json.loads(json.dumps(canonical)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        requires.teacher = "another"
    with pytest.raises(dataclasses.FrozenInstanceError):
        provides.soft_head = "another"


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_what_is_not_required_is_not_missed(name, options, tmp_path):
    """Without a lexicon it fails where it says that it reads one, and only there; so a teacher."""
    requires, _ = facts(name, options)
    made = Fixture(name, options, tmp_path).make()
    has_teacher = any(isinstance(module, Teacher) for module in made.modules())
    assert has_teacher is (requires.teacher is not None)
    teacher = next(tmp_path.glob("teacher-*"), None)

    def step():
        objective = OBJECTIVES.get(name)(
            build_backbone(SPEC, V, 0), SPEC, parse_options(name, options), seed=0, teacher=teacher
        )
        return objective.corrupt(rows(), draws())

    if requires.uses_lexicon:
        with pytest.raises(AssertionError):
            step()
    else:
        assert torch.equal(step().input_ids, made.corrupt(rows(), draws()).input_ids)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_they_agree_with_one_another(name, options):
    requires, provides = facts(name, options)
    assert requires.uses_lexicon or not requires.uses_ngrams
    assert requires.teacher is not None or not requires.reads_soft_targets
    assert requires.teacher is not None or requires.amortise_over == 1
    shares = [share for _, share in requires.shares]
    assert not shares or sum(shares) == pytest.approx(1)
    assert all(0 < share < 1 for share in requires.restarts_at)
    if provides.predictor is not None:  # what is asked may not need what is not there any more
        inner = facts(provides.predictor.objective, provides.predictor.options)[0]
        assert inner.teacher is None


OF_TOKENS = [case for case in CASES if facts(*case)[1].places is not None]


@pytest.mark.parametrize(("name", "options"), OF_TOKENS, ids=str)
def test_a_loss_declared_to_be_one_of_tokens_starts_near_a_blind_guess(name, options, tmp_path):
    made = Fixture(name, options, tmp_path).make().eval()
    assert made.predicts_tokens or name == "phases"
    with torch.no_grad():
        loss = float(made(made.corrupt(rows(), draws())).loss)
    by_place = place_entropy(np.ones(V, dtype=int), facts(name, options)[1].places)
    assert 0.9 * by_place < loss < MAX_START * math.log(V)  # where all tokens are alike


def test_parts_require_together_what_they_require_alone():
    parts = {
        "mlm": {"masking": "pmi"},
        "first_char": {},
        "distill": {"teacher": "t", "amortise_over": 3, "soft_weight": 0.0},
    }
    whole, _ = facts("mixture", {"parts": parts})
    alone = {name: facts(name, options)[0] for name, options in parts.items()}
    assert whole.teacher == "t" and whole.amortise_over == 3 and not whole.reads_soft_targets
    assert whole.uses_ngrams and whole.uses_lexicon
    assert set(whole.hides) == {hidden for one in alone.values() for hidden in one.hides}
    assert whole.shares == () and whole.restarts_at == ()
    without, _ = facts("mixture", {"parts": {"mlm": {}, "mae": {}}})
    assert without == dataclasses.replace(Requirements(), hides=without.hides, counts_apart=True)


def test_a_phase_of_phases_is_named_where_it_is_shorter_than_a_step():
    requires, _ = facts("phases", {"steps": {"mae": 0.05, "mlm": 0.95}})
    requires.check_steps(20)
    with pytest.raises(
        Exception, match=r"phase 'mae' is shorter than a step: its share 0.05 of 19"
    ):
        requires.check_steps(19)


@pytest.mark.parametrize(("old", "value"), [("moves_tokens", True), ("teacher_of", print)])
def test_a_class_that_says_it_in_the_old_way_is_refused(old, value):
    """Nothing would read it, and a leak or a missing teacher would go unseen."""
    with pytest.raises(SpecError, match=rf"'Old' has '{old}', which nothing reads; return it as"):
        type("Old", (OBJECTIVES.get("mlm"),), {old: value})
