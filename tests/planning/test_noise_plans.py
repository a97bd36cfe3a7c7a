"""Noises and sizes in a plan: tables of errors are stages, and what would do nothing is refused."""

import dataclasses

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.shorthand import study_of
from mae_bench.runner.completion import plan_key
from mae_bench.tasks.base import TASKS

RAW = {
    "name": "noises",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "seeds": 1,
}


def planned(data_dir=None, **changes):
    return make_plan(study_of({**RAW, **changes}), data_dir)


@pytest.fixture
def chinese(monkeypatch):
    task = dataclasses.replace(TASKS.get("world/topic"), name="chinese", language="zh")
    monkeypatch.setitem(TASKS._parts, "chinese", task)
    monkeypatch.setitem(TASKS._modules, "chinese", "mae_bench")


def kinds(plan, kind):
    return [stage for stage in plan.stages if stage.kind == kind]


def test_a_table_is_prepared_once_and_read_by_the_evaluations_that_need_it():
    noise = ["clean", {"jfleg": [0.1, 0.2]}, {"misspellings": {"rate": 0.2, "where": "train"}}]
    plan = planned(noise=noise, seeds=2)
    tables = {stage.spec["noise"]: stage for stage in kinds(plan, "error_table")}
    assert set(tables) == {"jfleg", "misspellings"} and len(kinds(plan, "error_table")) == 2
    assert all(stage in plan.prepared for stage in tables.values())
    for stage in kinds(plan, "evaluate"):
        needed = {key for key in stage.needs if key[0] == "error_table"}
        is_trained_on = stage.spec.train_noise.name == "misspellings"
        assert needed == {tables["misspellings" if is_trained_on else "jfleg"].key}
        assert set(stage.spec.error_tables.values()) == {id_ for _, id_ in needed}


def test_a_noise_without_a_table_adds_no_stage_and_leaves_other_ids():
    plain, noisy = planned(noise=["clean"]), planned(noise=["clean", {"ocr": 0.2}])
    assert not kinds(noisy, "error_table")
    assert {s.key for s in plain.prepared} == {s.key for s in noisy.prepared}


def test_another_table_is_another_evaluation_and_a_study_that_is_not_finished(tmp_path):
    ids, keys = [], []
    for error in ("teh", "hte"):
        file = tmp_path / error / "misspellings" / "en" / "train.parquet"
        file.parent.mkdir(parents=True)
        columns = {"correct": ["the"], "misspelling": [error]}
        pyarrow.parquet.write_table(pyarrow.table(columns), file)
        noise = ["clean", {"misspellings": 0.2}]
        plan = planned(tmp_path / error, noise=noise)
        ids.append({stage.id for stage in kinds(plan, "evaluate")})
        keys.append(plan_key(study_of({**RAW, "noise": noise}), tmp_path / error))
    assert not ids[0] & ids[1]
    assert keys[0] != keys[1]


def test_noise_of_labels_trains_anew_and_tests_on_clean_text():
    noise = ["clean", {"labels": {"rate": [0.1, 0.2], "where": "train"}}]
    evaluations = kinds(planned(noise=noise), "evaluate")
    assert {stage.spec.train_noise.rate for stage in evaluations} == {0, 0.1, 0.2}
    assert all(n.name == "clean" for stage in evaluations for n in stage.spec.test_noises)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"tasks": ["chinese"], "noise": [{"upper_case": 0.2}]},
            r"noise 'upper_case' would leave the texts of task 'chinese' \(zh\) as they are: its "
            r"script has no capitals; noises for that language: .*homophones.* Name one of these",
        ),
        ({"tasks": ["chinese"], "noise": [{"jfleg": 0.2}]}, "its errors are of en alone"),
        ({"noise": [{"homophones": 0.2}]}, "only Chinese characters are of one sound here"),
        (
            {"noise": [{"labels": 0.2}]},
            r"noise 'labels' changes what is learned from, .*got where: test; write labels: "
            r"\{rate: 0.2, where: train\}",
        ),
        (
            {"tasks": ["world/similarity"], "noise": [{"labels": {"rate": 0.2, "where": "train"}}]},
            "is of kind 'regress', whose examples have no class each; it acts on kinds .*classify",
        ),
        ({"noise": [{"ocr": 0}]}, "noise 'ocr' must have a rate above 0"),
        (
            {"tasks": ["world/similarity"], "train_sizes": ["16/class"]},
            "train_sizes: '16/class' asks for examples of each class, but task 'world/similarity'",
        ),
    ],
)
def test_what_would_do_nothing_is_refused_in_a_sentence(chinese, changes, said):
    with pytest.raises(SpecError, match=said):
        planned(**changes)


@pytest.mark.parametrize("size", ["0/class", "16/classes", "/class", "x/class", "1.5/class"])
def test_a_size_for_each_class_is_a_count(size):
    from mae_bench.planning.study import load_study

    with pytest.raises(
        SpecError, match=r"train_sizes.* or a text such as '16/class' or 'all', got"
    ):
        load_study("quickstart", [f"train_sizes=[{size}]"])


def test_sizes_for_each_class_are_sizes_of_their_own():
    sizes = ["4/class", 40, "all"]
    assert [cell.train_size for cell in planned(train_sizes=sizes).cells[:3]] == sizes
