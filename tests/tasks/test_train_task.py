"""Tasks that train on another task: what they share with it, and what is refused."""

import dataclasses

import pytest
from registries import set_apart
from small_cases import save_encoder, small_spec
from test_tasks import SOURCE, TOY, write

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.protocols.splits import Splits
from mae_bench.specs import NoiseSpec
from mae_bench.tasks import add_task, build_task, kind_of, load_task, task_fingerprint
from mae_bench.tasks.build import num_official, train_labels

OTHER = dataclasses.replace(
    TOY,
    name="other",
    source=dataclasses.replace(SOURCE, folder="toy/other", splits={"test": "test"}),
    train_task="toy",
    language="zh",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a data folder with both tasks, which are registered for one test."""
    set_apart(monkeypatch)
    add_task(TOY)
    add_task(OTHER)
    train = [f"red house {i}" for i in range(60)] + ["green stone", "blue river"]
    write(tmp_path, "train", sentence=train, label=[i % 2 for i in range(62)])
    write(tmp_path, "test", sentence=["the red", "a blue"] * 5, label=[0, 1] * 5)
    (tmp_path / "toy/other").mkdir()
    texts = ["green stone", *(f"stone over {i}" for i in range(9))]
    write(tmp_path, "other/test", sentence=texts, label=[0, 1] * 5)
    return tmp_path


def built(task, folder):
    build_task(task, folder / f"out {task.name}", folder, silent)
    return load_task(folder / f"out {task.name}")


def test_train_and_selection_are_the_others_and_the_test_its_own(folder):
    toy, other = built(TOY, folder), built(OTHER, folder)
    assert other.test.texts[0][0] == "green stone" and len(other.test) == 10
    assert set(toy.train.texts[0]) | set(toy.selection.texts[0]) - {"green stone"} >= set(
        other.train.texts[0]
    )
    lost = {*toy.train.texts[0], *toy.selection.texts[0]} - {
        *other.train.texts[0],
        *other.selection.texts[0],
    }
    assert lost == {"green stone"}, "a text of the test is not trained on"
    assert len(train_labels(OTHER, folder)) == len(other.train)
    assert num_official(OTHER, folder) == num_official(TOY, folder) == 62
    assert other.task.language == "zh"


def test_its_fingerprint_follows_both_sets(folder):
    alone = task_fingerprint(dataclasses.replace(OTHER, train_task=""), folder)
    before = task_fingerprint(OTHER, folder)
    assert alone != before
    write(folder, "train", sentence=["new"], label=[0])
    after = task_fingerprint(OTHER, folder)
    assert after != before
    write(folder, "other/test", sentence=["new"], label=[0])
    assert task_fingerprint(OTHER, folder) not in (before, after)


def test_the_same_seed_trains_the_same_model(folder, tmp_path):
    """Where the sets share nothing, a task and its transfer differ in the test alone."""
    write(folder, "other/test", sentence=[f"stone over {i}" for i in range(10)], label=[0, 1] * 5)
    encoder = save_encoder(tmp_path / "encoder")
    results = []
    for task in (TOY, OTHER):
        data = built(task, folder)
        spec = small_spec("finetune", data, train_size=20)
        splits = Splits(spec.model_copy(update={"train_noise": NoiseSpec(rate=0.0)}), data)
        result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
        results.append((splits.train.ids, result.best.value, result.best.facts))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_names": ("yes", "no")}, r"cannot train on 'toy': .*classify \(yes, no\)"),
        ({"kind": "pair", "text_fields": ("a", "b")}, r"pair \(no, yes\), those of 'toy' classify"),
        ({"train_task": "other"}, r"trains on 'other', which itself trains on 'toy'; name 'toy'"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(folder, change, message):
    with pytest.raises(SpecError, match=message):
        kind_of(dataclasses.replace(OTHER, name="third", **change)).check()


def test_an_unknown_train_task_gets_a_near_match(folder):
    with pytest.raises(UnknownNameError, match="Did you mean 'toy'"):
        kind_of(dataclasses.replace(OTHER, train_task="toys")).check()


def test_a_task_of_its_own_has_the_fingerprint_that_it_had(folder):
    """Fields that are unset move no id."""
    assert "train_task" not in task_fingerprint(TOY, folder)
    changed = dataclasses.replace(TOY, option_fields=("x",))
    assert task_fingerprint(changed, folder) != task_fingerprint(TOY, folder)
