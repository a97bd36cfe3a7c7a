"""Building tasks from small files: splits, duplicates, label checks, subsets."""

import dataclasses
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data.sources import Source
from mae_bench.errors import DataError, StoreError
from mae_bench.progress import silent
from mae_bench.tasks import TASKS, Examples, Task, build_task, load_task, task_fingerprint
from mae_bench.tasks.subsets import subset as draw_subset

SOURCE = Source(
    hub_id="",
    revision="",
    folder="toy",
    licence="none",
    splits={"train": "train", "validation": "validation", "test": "test"},
)
TOY = Task(
    name="toy",
    kind="classify",
    text_fields=("sentence",),
    label_field="label",
    label_names=("no", "yes"),
    metrics=("accuracy",),
    source=SOURCE,
    licence="none",
)
PAIR = dataclasses.replace(TOY, kind="pair", text_fields=("one", "two"))
SCORE = dataclasses.replace(
    PAIR, kind="regress", label_names=(), metrics=("spearman",), label_range=(0.0, 5.0)
)


def write(folder, split, **columns):
    (folder / "toy").mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"toy/{split}.parquet")


def write_toy(folder, num_train=100, **changes):
    rows = {"train": num_train, "validation": 20, "test": 30}
    for split, count in rows.items():
        texts = [f"{split} text {i}" for i in range(count)]
        write(
            folder, split, **{"sentence": texts, "label": [i % 2 for i in range(count)], **changes}
        )


def built(task, folder):
    build_task(task, folder / "out", folder, silent)
    return load_task(folder / "out"), json.loads((folder / "out/meta.json").read_text())


def texts_of(examples):
    return set(zip(*examples.texts, strict=True))


def test_selection_is_carved_out_of_train(tmp_path):
    write_toy(tmp_path)
    data, meta = built(TOY, tmp_path)
    assert [len(data.train), len(data.selection), len(data.test)] == [90, 10, 30]
    assert meta["removed"]["selection_carved"] == 10
    assert all(name.startswith("train-") for name in data.selection.ids)
    assert data.train.labels.dtype == np.int64


def test_an_official_selection_split_is_used_whole(tmp_path):
    write_toy(tmp_path)
    data, _ = built(dataclasses.replace(TOY, selection_split="validation"), tmp_path)
    assert [len(data.train), len(data.selection), len(data.test)] == [100, 20, 30]
    assert all(name.startswith("validation-") for name in data.selection.ids)


def test_validation_can_be_the_test_split(tmp_path):
    write_toy(tmp_path)
    (tmp_path / "toy/test.parquet").unlink()
    data, _ = built(dataclasses.replace(TOY, test_split="validation"), tmp_path)
    assert len(data.test) == 20


def test_selection_has_at_most_500_rows(tmp_path):
    write_toy(tmp_path, num_train=6000)
    data, _ = built(TOY, tmp_path)
    assert len(data.selection) == 500


def test_the_carved_part_does_not_depend_on_the_order_of_rows(tmp_path):
    texts = [f"text {i}" for i in range(60)]
    chosen = []
    for order in (texts, texts[::-1]):
        write(tmp_path, "train", sentence=order, label=[0] * 60)
        write(tmp_path, "test", sentence=["t"], label=[1])
        chosen.append(texts_of(built(TOY, tmp_path)[0].selection))
    assert chosen[0] == chosen[1]


def test_texts_of_test_and_selection_leave_train(tmp_path):
    train = ["shared with test", "shared with test ", "shared with selection", "own", "mine"]
    write(tmp_path, "train", sentence=train, label=[0, 1, 0, 1, 0])
    write(tmp_path, "validation", sentence=["shared with selection", "both"] * 2, label=[0] * 4)
    write(tmp_path, "test", sentence=["shared with test", "both", "both"], label=[0, 1, 1])
    data, meta = built(dataclasses.replace(TOY, selection_split="validation"), tmp_path)
    assert texts_of(data.train) == {("own",), ("mine",)}
    assert data.selection.texts[0] == ["shared with selection"]
    assert len(data.test) == 3
    assert meta["removed"]["train_in_test"] == 2
    assert meta["removed"]["train_in_selection"] == 1
    assert meta["removed"]["selection_in_test"] == 2


def test_pairs_are_compared_as_pairs(tmp_path):
    write(tmp_path, "train", one=["a", "a", "c", "d"], two=["b", "x", "y", "z"], label=[0, 1, 0, 1])
    write(tmp_path, "test", one=["a"], two=["b"], label=[0])
    data, meta = built(PAIR, tmp_path)
    assert meta["removed"]["train_in_test"] == 1
    assert len(data.train) + len(data.selection) == 3
    assert len(data.test.texts) == 2


@pytest.mark.parametrize("task", [PAIR, SCORE], ids=["pair", "regress"])
def test_a_pair_turned_round_is_the_same_pair(tmp_path, task):
    splits = {
        "train": (["a", "c", " e", "g", "h", "i"], ["b", "d", "f", "g", "x", "y"]),
        "validation": (["d", "d", "k"], ["c", "c ", "j"]),
        "test": (["b", "j", "f"], ["a", "k", "e"]),
    }
    for split, (one, two) in splits.items():
        write(tmp_path, split, one=one, two=two, label=[0] * len(one))
    data, meta = built(dataclasses.replace(task, selection_split="validation"), tmp_path)
    assert meta["removed"]["train_in_test"] == 2 and meta["removed"]["selection_in_test"] == 1
    assert meta["removed"]["train_in_selection"] == 1
    assert texts_of(data.train) == {("g", "g"), ("h", "x"), ("i", "y")}
    assert len(data.selection) == 1 and len(data.test) == 3


def test_a_pair_in_both_orders_is_not_carved_apart(tmp_path):
    numbers = range(40)
    one, two = [f"a{i}" for i in numbers], [f"b{i}" for i in numbers]
    chosen = []
    for first, second in ((one + two, two + one), (two + one, one + two)):
        write(tmp_path, "train", one=first, two=second, label=[0] * 80)
        write(tmp_path, "test", one=["x"], two=["y"], label=[1])
        data, meta = built(PAIR, tmp_path)
        assert len(data.selection) == 4 and meta["removed"]["train_in_selection"] == 8
        pairs = {frozenset(pair) for pair in texts_of(data.train)}
        assert not pairs & {frozenset(pair) for pair in texts_of(data.selection)}
        chosen.append(texts_of(data.selection))
    assert chosen[0] == chosen[1]


def test_scores_are_float(tmp_path):
    for split in ("train", "test"):
        texts = [f"{split} {i}" for i in range(20)]
        write(tmp_path, split, one=texts, two=texts, label=[i / 4 for i in range(20)])
    data, _ = built(SCORE, tmp_path)
    assert data.train.labels.dtype == np.float32
    assert data.task.num_labels == 1


def test_a_missing_column_is_named(tmp_path):
    write(tmp_path, "train", body=["a"], label=[0])
    with pytest.raises(DataError, match=r"train\.parquet has no column 'sentence'.*body, label"):
        built(TOY, tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 2], r"label 2 in column 'label' of row 1 of the train split of task 'toy'"),
        ([0, 2], r"allowed: 0 = no, 1 = yes"),
        ([0, -1], r"label -1 .*labels are not public"),
        ([0.0, 0.5], r"label 0\.5 .*not allowed"),
        (["yes", "no"], r"label 'yes' .*row 0"),
        ([0, None], r"label None .*row 1"),
    ],
)
def test_a_label_that_is_not_allowed_is_named(tmp_path, labels, message):
    write_toy(tmp_path)
    write(tmp_path, "train", sentence=["a", "b"], label=labels)
    with pytest.raises(DataError, match=message):
        built(TOY, tmp_path)


@pytest.mark.parametrize("label", [5.5, -0.1, float("nan"), float("inf")])
def test_a_score_that_is_not_allowed_is_named(tmp_path, label):
    write(tmp_path, "train", one=["a"], two=["b"], label=[label])
    write(tmp_path, "test", one=["c"], two=["d"], label=[1.0])
    with pytest.raises(DataError, match=r"label .* of row 0 .*allowed: numbers from 0 to 5"):
        built(SCORE, tmp_path)


def test_a_text_that_is_none_is_named(tmp_path):
    write_toy(tmp_path)
    write(tmp_path, "test", sentence=["a", None], label=[0, 1])
    with pytest.raises(DataError, match=r"'sentence' of row 1 of the test split.*got None"):
        built(TOY, tmp_path)


def test_a_train_split_inside_test_is_an_error(tmp_path):
    write(tmp_path, "train", sentence=["a", "b"], label=[0, 1])
    write(tmp_path, "test", sentence=["a", "b"], label=[0, 1])
    with pytest.raises(DataError, match="train split of task 'toy' is empty: train had 2 rows"):
        built(TOY, tmp_path)


def test_a_damaged_folder_is_named(tmp_path):
    write_toy(tmp_path)
    built(TOY, tmp_path)
    (tmp_path / "out/test.parquet").unlink()
    with pytest.raises(StoreError, match=r"the task in .* is damaged.*prepare again"):
        load_task(tmp_path / "out")


def test_the_fingerprint_follows_definition_and_content(tmp_path):
    write_toy(tmp_path)
    before = task_fingerprint(TOY, tmp_path)
    assert task_fingerprint(dataclasses.replace(TOY, note="n", licence="l"), tmp_path) == before
    assert task_fingerprint(dataclasses.replace(TOY, metrics=("f1",)), tmp_path) != before
    assert task_fingerprint(dataclasses.replace(TOY, label_field="other"), tmp_path) != before
    write(tmp_path, "test", sentence=["new"], label=[0])
    assert task_fingerprint(TOY, tmp_path) != before


def test_the_fingerprint_follows_a_split_that_the_source_does_not_list(tmp_path):
    write_toy(tmp_path)
    task = dataclasses.replace(
        TOY, source=dataclasses.replace(SOURCE, splits={"train": "train"}), test_split="test"
    )
    before = task_fingerprint(task, tmp_path)
    texts = [f"test text {i}" for i in range(30)]
    write(tmp_path, "test", sentence=texts, label=[1] * 30)
    assert task_fingerprint(task, tmp_path) != before


def test_the_fingerprint_of_the_world_holds_its_version():
    from mae_bench.data.world import WORLD_VERSION

    assert task_fingerprint(TASKS.get("world/topic"), None).endswith(f"world:{WORLD_VERSION}")


def examples_of(labels):
    labels = np.asarray(labels)
    names = [f"train-{i}" for i in range(len(labels))]
    return Examples(names, ([f"text {i}" for i in range(len(labels))],), labels)


def subset(examples, size, **axes):
    """Draw where labels are classes."""
    return draw_subset(examples, size, groups=examples.labels, **axes)


def test_a_small_subset_has_every_class_twice():
    examples = examples_of([0] * 900 + [1] * 96 + [2] * 4)
    labels = subset(examples, 6, task="toy", seed=3).labels
    assert np.bincount(labels).tolist() == [2, 2, 2]


def test_a_larger_subset_keeps_the_shares():
    examples = examples_of([0] * 750 + [1] * 250)
    labels = subset(examples, 200, task="toy", seed=0).labels
    assert labels.mean() == pytest.approx(0.25, abs=0.015)


def test_a_share_is_a_count():
    examples = examples_of([0, 1] * 50)
    half = subset(examples, 0.5, task="toy", seed=0)
    assert half.ids == subset(examples, 50, task="toy", seed=0).ids
    assert len(subset(examples, 0.001, task="toy", seed=0)) == 2
    assert len(subset(examples, "all", task="toy", seed=0)) == 100


def test_texts_follow_their_labels():
    examples = examples_of([0, 1] * 20)
    small = subset(examples, 10, task="toy", seed=0)
    for name, text, label in zip(small.ids, small.texts[0], small.labels, strict=True):
        index = int(name.removeprefix("train-"))
        assert text == f"text {index}"
        assert label == examples.labels[index]


def test_seed_and_task_move_the_subset():
    examples = examples_of([0, 1] * 50)
    axes = [("a", 0), ("b", 0), ("a", 1)]
    assert len({tuple(subset(examples, 9, task=t, seed=s).ids) for t, s in axes}) == 3


def test_a_size_above_the_data_names_both():
    with pytest.raises(DataError, match="train size 11 is more than task 'toy' has: 10"):
        subset(examples_of([0, 1] * 5), 11, task="toy", seed=0)
