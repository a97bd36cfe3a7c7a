"""Teachers of the Hub are named with their commit and fetched in a stage of their own."""

import pytest

from mae_bench.data.encoders import fetch_encoder, parse_hub_encoder
from mae_bench.errors import DataError, UnknownNameError
from mae_bench.planning.plan import make_plan
from mae_bench.specs import ArmSpec, Study

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def study(teacher):
    arms = (
        ArmSpec(objective="mlm", label="mlm"),
        ArmSpec(objective="distill", label="student", options={"teacher": teacher}),
    )
    return Study(name="taught", objectives=arms, tasks=("world/topic",))


def test_a_commit_is_required():
    assert parse_hub_encoder(f"owner/name@{COMMIT}") == ("owner/name", COMMIT)
    for name in ("owner/name", "owner/name@main", "name", f"name@{COMMIT}"):
        assert parse_hub_encoder(name) is None
    with pytest.raises(UnknownNameError, match="owner/name@commit"):
        make_plan(study("owner/name"), None)


def test_the_plan_fetches_a_teacher_once_for_all_seeds():
    plan = make_plan(study(f"owner/name@{COMMIT}"), None)
    teachers = [stage for stage in plan.stages if stage.kind == "teacher"]
    assert [stage.spec["hub_id"] for stage in teachers] == ["owner/name"]
    students = [s for s in plan.stages if s.kind == "pretrain" and s.spec.objective == "distill"]
    assert len(students) == 6
    assert all(teachers[0].key in student.needs for student in students)


def test_an_unreachable_hub_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"could not be fetched from the Hub.*local folder"):
        fetch_encoder("owner/name", COMMIT, tmp_path)
