"""One table says what a kind of stage is; what runs it stands beside, and neither lacks one."""

from types import SimpleNamespace

import pytest

from mae_bench.planning.plan import make_plan
from mae_bench.planning.reasons import failure_reasons
from mae_bench.planning.shorthand import study_of
from mae_bench.planning.stage_kinds import STAGE_KINDS
from mae_bench.runner.stages import RUN

RAW = {
    "name": "kinds",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "seeds": 1,
}


def test_every_kind_has_what_runs_it():
    assert RUN.keys() == STAGE_KINDS.keys()
    assert all(name == kind.name for name, kind in STAGE_KINDS.items())


def test_what_is_trained_never_touches_the_network():
    may = {name for name, kind in STAGE_KINDS.items() if kind.may_use_network}
    assert may == {"tokenizer", "blocks", "task", "error_table", "teacher"}
    plan = make_plan(study_of(RAW), None)
    assert {stage.kind for stage in plan.prepared} <= may
    assert not may & {stage.kind for stage in plan.stages if stage not in plan.prepared}


def test_words_for_a_failure_tell_the_kinds_apart():
    words = [kind.failed for kind in STAGE_KINDS.values()]
    assert len(set(words)) == len(words) and all(text.endswith(" failed") for text in words)


@pytest.mark.parametrize("message", ["no space", "pretraining failed: of itself"])
def test_what_failed_first_is_named_once(message):
    """A reason is passed on as it stands, whatever words the first failure has of its own."""
    plan = make_plan(study_of(RAW), None)
    (first,) = [stage for stage in plan.stages if stage.kind == "tokenizer"]
    store = SimpleNamespace(
        is_done=lambda *key: False,
        failure=lambda *key: {"message": message} if key == first.key else None,
    )
    reasons = failure_reasons(plan, store)
    assert reasons.pop(first.key) == message
    assert {key[0] for key in reasons} == {"blocks", "pretrain", "evaluate"}
    assert set(reasons.values()) == {f"making the tokenizer failed: {message}"}
