"""Two tasks joined by a study, ``train -> test``: what is trained on, and what is refused."""

import dataclasses
import pickle

import numpy as np
import pytest
from registries import set_apart
from small_cases import save_encoder, small_spec
from test_tasks import SOURCE, TOY, write

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.runner.stages import Job, Settings, _task
from mae_bench.tasks import TASKS, add_task, build_task, kind_of, load_task, task_fingerprint
from mae_bench.tasks.own import task_of
from mae_bench.tasks.train_task import transfer_task

OTHER = dataclasses.replace(
    TOY, name="other", source=dataclasses.replace(SOURCE, folder="toy/other"), language="zh"
)
STUDY = {"name": "mine", "objectives": ["mlm"], "seeds": 1}
SHIFTS = (
    "vader/amazon -> vader/tweets",
    "ud_pos/en -> ud_pos/fr",
    "masakhaner2/hau -> masakhaner2/yor",
    "rotten_tomatoes -> sst2",
    "stsb -> sts13",
    "cmrc2018 -> xquad/zh",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a data folder with two sets of the same labels, registered for one test."""
    set_apart(monkeypatch)
    add_task(TOY)
    add_task(OTHER)
    (tmp_path / "toy/other").mkdir(parents=True)
    for part, of in (("", "house"), ("other/", "river")):
        texts = [f"the {of} {i}" for i in range(60)]
        write(tmp_path, f"{part}train", sentence=texts, label=[i % 2 for i in range(60)])
        tests = [f"a {of} {i}" for i in range(9)] + ["the house 7"]
        write(tmp_path, f"{part}test", sentence=tests, label=[0, 1] * 5)
    return tmp_path


def built(task, folder):
    build_task(task, folder / f"out {task.name}", folder, silent)
    return load_task(folder / f"out {task.name}")


def test_it_trains_and_chooses_on_the_first_and_tests_on_the_second(folder):
    task = transfer_task("toy -> other")
    kind_of(task).check()
    data = built(task, folder)
    learned = {*data.train.texts[0], *data.selection.texts[0]}
    assert learned == {f"the house {i}" for i in range(60)} - {"the house 7"}
    assert data.test.texts[0][:2] == ["a river 0", "a river 1"] and len(data.test) == 10
    assert (task.language, task.trained_as, task.tested_as) == ("zh", "toy", "other")
    ids = {task_fingerprint(transfer_task(n), folder) for n in ("toy -> other", "other -> toy")}
    assert len(ids | {task_fingerprint(TASKS.get(n), folder) for n in ("toy", "other")}) == 4


def test_its_model_is_that_of_the_task_that_is_trained_on(folder, tmp_path):
    encoder = save_encoder(tmp_path / "encoder")
    results = []
    for task in (TOY, transfer_task("toy -> other")):
        data = built(task, folder)
        spec = small_spec("finetune", data, train_size=20)
        result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
        results.append((result.best.value, result.best.facts))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", SHIFTS)
def test_published_sets_can_be_joined(name):
    task = transfer_task(name)
    kind_of(task).check()
    train, _, test = name.partition(" -> ")
    assert task.name == name and task.source == TASKS.get(test).source
    assert task.train_task == train and not task.is_test_only


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sst2->subj", "written 'train -> test', got 'sst2->subj'; name two different"),
        ("sst2 -> sst2", "name two different tasks"),
        ("sst2 -> subj -> imdb", "name two different tasks"),
        (" -> sst2", "name two different tasks"),
        (
            "sst2 -> imdb",
            r"labels are classify \(neg, pos\), those of 'sst2' classify \(negative, ",
        ),
        ("sst2 -> mrpc", "cannot train on 'sst2': its kind and labels are pair"),
        (
            "banking77 -> clinc_oos",
            r"of 151\), .* of 77\); 'accept_reservations' is a label of 'ban",
        ),
        ("vader/amazon -> stsb", "'vader/amazon' has 1 text an example, 'stsb' 2"),
        ("sts13 -> stsb", "'sts13' has a test alone and nothing to train on"),
        ("xquad/zh -> xquad/en", "trains on 'xquad/zh', which itself trains on 'squad'"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_the_difference(name, message):
    with pytest.raises(SpecError, match=message):
        kind_of(transfer_task(name)).check()


def test_unknown_names_and_the_studys_own_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'sst2'"):
        transfer_task("sst22 -> subj")
    own = {"name": "mine", "data": "t.csv", "kind": "classify", "text": "a", "label": "b"}
    study = study_of(STUDY | {"tasks": [own, "sst2 -> mine"]}, tmp_path)
    with pytest.raises(SpecError, match="joins 'mine', which is defined in the study; give one"):
        task_of(study, "sst2 -> mine")


def test_a_study_names_it_in_tasks_claims_and_tuning():
    name = "world/topic -> world/sentiment"
    with pytest.raises(SpecError, match="cannot train on 'world/topic'"):
        make_plan(study_of(STUDY | {"tasks": [name]}), None)
    claim = {"sentence": "s", "treatment": "mlm", "control": "random_init", "task": SHIFTS[1]}
    asked = STUDY | {"tasks": [*SHIFTS[:2], "sst2"], "claims": [claim]}
    plan = make_plan(study_of(asked), None)
    assert {cell.task for cell in plan.cells} == {*SHIFTS[:2], "sst2"}
    stages = {stage.spec["task"]: stage.spec for stage in plan.stages if stage.kind == "task"}
    assert not any("definition" in spec for spec in stages.values())


def test_noise_of_training_is_refused_where_that_is_in_another_language():
    noise = {"typos": {"rate": 0.1, "where": "both"}}
    asked = STUDY | {"tasks": ["vader/amazon -> vader/tweets"], "noise": [noise]}
    assert make_plan(study_of(asked), None)
    with pytest.raises(SpecError, match=r"where: both acts as in .* \(fr\), but .* trains .* 'en'"):
        make_plan(study_of(asked | {"tasks": ["ud_pos/en -> ud_pos/fr"]}), None)
    on_test = [{"typos": {"rate": 0.1, "where": "test"}}]
    assert make_plan(
        study_of(asked | {"tasks": ["ud_pos/en -> ud_pos/fr"], "noise": on_test}), None
    )


def test_a_worker_gets_both_tasks_whole(folder):
    plan = make_plan(study_of(STUDY | {"tasks": ["toy -> other"]}), folder)
    (stage,) = [stage for stage in plan.stages if stage.kind == "task"]
    stage = pickle.loads(pickle.dumps(stage))
    _task(Job(stage, None, Settings(data_dir=folder), folder / "built", silent))
    assert load_task(folder / "built").task.name == "toy -> other"


def test_the_world_is_read_by_the_name_after_the_arrow(tmp_path, monkeypatch):
    set_apart(monkeypatch)
    topic = TASKS.get("world/topic")
    add_task(dataclasses.replace(topic, name="others", source=SOURCE))
    build_task(
        dataclasses.replace(topic, name="others -> world/topic"), tmp_path / "a", None, silent
    )
    build_task(topic, tmp_path / "b", None, silent)
    first, second = (load_task(tmp_path / name).test for name in "ab")
    assert first.texts == second.texts and np.array_equal(first.labels, second.labels)
