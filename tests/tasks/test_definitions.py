"""Definitions of tasks whose data is not at hand, on tables with the fields that the Hub has."""

import dataclasses
import json
from collections import defaultdict

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data.sources import Source, fingerprint, read_split
from mae_bench.errors import DataError, UnknownNameError
from mae_bench.progress import silent
from mae_bench.tasks import TASKS, build_task, kind_of, load_task

HUB = [
    "qqp", "mnli/matched", "mnli/mismatched", "qnli", "snli", "xnli/sw", "pawsx/ja", "ocnli",
    "boolq", "multirc", "ag_news",
]  # fmt: skip


def label(task, index):
    """Return a label as the set holds it: a number, or true and false."""
    if task.name == "boolq":
        return bool(index % 2)
    return index % len(task.label_names) if task.label_names else 2.5


def write(task, folder, **changes):
    """Write every split of a task with a few rows of its own fields."""
    for split in task.source.splits:
        columns = {name: [f"{name} {i} of {split}" for i in range(12)] for name in task.text_fields}
        columns[task.label_field] = [label(task, i) for i in range(12)]
        path = folder / task.source.folder / f"{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns | changes), path)


def built(task, folder):
    build_task(task, folder / "out", folder, silent)
    return load_task(folder / "out"), json.loads((folder / "out/meta.json").read_text())


@pytest.mark.parametrize("name", HUB)
def test_a_table_with_the_fields_of_the_hub_is_read(tmp_path, name):
    task = TASKS.get(name)
    assert task.source.hub_id
    write(task, tmp_path)
    data, _ = built(task, tmp_path)
    assert len(data.test) == 12 and len(data.test.texts) == len(task.text_fields)
    assert set(data.test.labels.tolist()) == set(range(len(task.label_names)))


def test_pairs_without_a_gold_label_are_left_out_and_counted(tmp_path):
    task = TASKS.get("snli")
    write(task, tmp_path, label=[-1, 0, 1, 2] * 3)
    data, meta = built(task, tmp_path)
    assert len(data.test) == 9
    assert meta["skipped"]["without a label in test"] == 3
    with pytest.raises(DataError, match="-1 usually means"):
        built(dataclasses.replace(task, skipped_labels=()), tmp_path)


def test_labels_are_read_by_name_too(tmp_path):
    task = TASKS.get("atis/intent")
    names = list(task.label_names)[:12]
    write(task, tmp_path, intent=names)
    data, _ = built(task, tmp_path)
    assert [task.label_names[i] for i in data.test.labels] == names
    write(task, tmp_path, intent=["atis_flights"] * 12)
    with pytest.raises(DataError, match=r"label 'atis_flights' .*0 = atis_abbreviation"):
        built(task, tmp_path)


def test_numbers_that_the_hub_counts_in_another_order_are_read_by_name(monkeypatch):
    source = Source("o/n", "c" * 40, "x", "none", {"test": "test"}, hub_names=("kind",))
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["b", "a"])}
    )
    table = datasets.Dataset.from_dict({"text": ["x", "y"], "kind": [0, 1]}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: table)
    got = read_split(source, "test", None, texts=["text"], others=["kind"])
    assert got["kind"] == ["b", "a"]
    by_field = dataclasses.replace(source, hub_fields={"kind": "label"}, hub_names=("label",))
    assert read_split(by_field, "test", None, texts=["text"], others=["label"])["label"] == [
        "b", "a"
    ]  # fmt: skip
    assert fingerprint(source, None) != fingerprint(dataclasses.replace(source, hub_names=()), None)


def test_one_text_may_have_a_number():
    task = TASKS.get("vader/tweets")
    kind = kind_of(task)
    kind.check()
    assert kind.num_texts == 1 and kind_of(TASKS.get("stsb")).num_texts == 2
    three = dataclasses.replace(task, text_fields=("a", "b", "c"))
    with pytest.raises(Exception, match="must have 1 or 2 text fields, got 3"):
        kind_of(three).check()


def test_the_parts_of_a_source_are_named_after_a_slash():
    """Tasks that read one folder, or folders of one; collections name sets that are known alone."""
    by_source = defaultdict(list)
    for name, task in TASKS:
        if isinstance(task.source, Source):
            by_source[task.source.folder.partition("/")[0]].append(name)
    for source in set(by_source) - {"fewclue", "sts"}:
        whole, *parts = sorted(by_source[source], key=lambda name: "/" in name)
        assert all("/" in name for name in parts), source
        assert not parts or "/" in whole or {name.partition("/")[0] for name in parts} == {whole}


@pytest.mark.parametrize("name", [name for name in TASKS.names() if "/" in name])
def test_a_name_with_an_underscore_for_the_slash_gives_the_name_that_is_meant(name):
    with pytest.raises(UnknownNameError, match=rf"Did you mean '{name}'\?"):
        TASKS.get(name.replace("/", "_"))
