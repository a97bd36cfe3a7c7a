"""Files of a study's own among its tasks: the short form, the plan, what a worker gets."""

import dataclasses
import pickle

import pytest

from mae_bench.errors import DataError, SpecError, UnknownNameError
from mae_bench.planning.own_tasks import take_own_tasks
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study, study_of
from mae_bench.progress import silent
from mae_bench.runner.stages import Job, Settings, _task
from mae_bench.specs import Study

TICKETS = {"name": "tickets", "data": "t.csv", "kind": "classify", "text": "body", "label": "topic"}


def write(folder, count=40):
    lines = [f"text {i},{'ab'[i % 2]}" for i in range(count)]
    (folder / "t.csv").write_text("\n".join(["body,topic", *lines]))


def study(folder, **changes):
    raw = {"name": "mine", "objectives": ["mlm"], "tasks": ["sst2", TICKETS], "seeds": 1}
    return study_of(raw | changes, folder)


def test_the_mapping_becomes_a_name_and_a_definition(tmp_path):
    got = study(tmp_path)
    assert got.tasks == ("sst2", "tickets")
    assert got.own_tasks[0].data == str(tmp_path / "t.csv")
    assert study_of(got.model_dump(mode="json")) == got
    assert Study.model_validate(got.model_dump()) == got


def test_one_column_of_options_is_a_list_of_one(tmp_path):
    item = {"name": "mine", "data": "a.jsonl", "kind": "choice", "text": "q", "label": "right"}
    fields = {"tasks": [item | {"options": "offered"}]}
    take_own_tasks(fields, tmp_path)
    assert fields["own_tasks"][0].options == ("offered",)


def test_a_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    got = study(tmp_path / "elsewhere", tasks=[{**TICKETS, "data": "~/t.csv"}])
    assert got.own_tasks[0].data == str(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": 3}, r"tasks\[0\].label must be the name of a column or null, got 3"),
        (
            {"data": None},
            r"tasks\[0\]: it must name its files by `data` or by `train`, got neither",
        ),
        ({"train": "x"}, "got both"),
        ({"train": "x", "data": None, "split": "part"}, "a file for each part"),
        ({"test": "x"}, "`test` and `selection` go with `train`"),
        ({"text": ["topic"]}, "column 'topic' is named twice"),
        ({"text": []}, r"tasks\[0\].text must be a column, or a list of columns"),
        ({"separator": "::"}, r"tasks\[0\].separator must be one character"),
        ({"name": "My Tickets"}, r"tasks\[0\].name must be a text"),
        ({"labels": "topic"}, "Did you mean 'label'"),
    ],
)
def test_a_mapping_that_is_no_task_is_refused_in_a_sentence(tmp_path, change, words):
    with pytest.raises(SpecError, match=words):
        study(tmp_path, tasks=[TICKETS | change])


def test_two_tasks_of_one_name_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(SpecError, match="holds tickets twice"):
        study(tmp_path, tasks=[TICKETS, TICKETS])
    with pytest.raises(SpecError, match="known already"):
        make_plan(study(tmp_path, tasks=[TICKETS | {"name": "sst2"}]), None)


def test_an_unknown_task_is_named_without_a_list_of_all(tmp_path):
    with pytest.raises(UnknownNameError, match=r"list tasks` shows.* mean 'sst2'") as caught:
        make_plan(study(tmp_path, tasks=["sst22"]), None)
    assert len(str(caught.value)) < 200


def test_the_plan_holds_the_task_and_a_worker_gets_it_whole(tmp_path):
    write(tmp_path)
    plan = make_plan(study(tmp_path), None)
    assert plan.tasks["tickets"].label_names == ("a", "b")
    stages = {stage.spec["task"]: stage for stage in plan.stages if stage.kind == "task"}
    assert "definition" not in stages["sst2"].spec  # which a worker finds by its name
    stage = pickle.loads(pickle.dumps(stages["tickets"]))
    job = Job(stage, None, Settings(), tmp_path / "out", silent)
    _task(job)
    assert (tmp_path / "out/test.parquet").exists()
    write(tmp_path, 60)
    with pytest.raises(DataError, match="have changed since the study was planned"):
        _task(dataclasses.replace(job, out=tmp_path / "later"))
    assert not (tmp_path / "later").exists()


def test_claims_and_tuning_may_name_it(tmp_path):
    write(tmp_path)
    claim = {"sentence": "s", "treatment": "mae", "control": "mlm", "task": "tickets"}
    asked = study(
        tmp_path,
        objectives=["mlm", "mae"],
        claims=[claim | {"metric": "f1"}],
        tuning={"trials": 2, "tasks": ["tickets"]},
    )
    plan = make_plan(asked, None)
    assert {cell.task for cell in plan.cells} == {"sst2", "tickets"}


def test_paths_are_those_from_the_folder_of_the_file(tmp_path):
    write(tmp_path)
    text = "name: mine\nobjectives: [mlm]\ntasks:\n- {name: t, data: t.csv, kind: classify, "
    (tmp_path / "mine.yaml").write_text(text + "text: body, label: topic}\n")
    assert load_study(tmp_path / "mine.yaml").own_tasks[0].data == str(tmp_path / "t.csv")
