"""Kind `rank`: candidates, labels, the floor, and what is refused."""

import dataclasses

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from small_cases import small_task

from mae_bench.data.sources import Source
from mae_bench.errors import DataError, SpecError
from mae_bench.progress import silent
from mae_bench.tasks import build_task, kind_of, load_task
from mae_bench.tasks.kinds.rank import candidate_name

PASSAGES = dataclasses.replace(
    small_task("rank").task,
    name="passages",
    text_fields=("question",),
    label_field="context",
    label_names=(),
    source=Source("", "", "passages", "none", {"test": "test"}),
    is_test_only=True,
)


def build(folder, rows):
    (folder / "passages").mkdir()
    questions, contexts = zip(*rows, strict=True)
    table = pyarrow.table({"question": questions, "context": list(contexts)})
    pyarrow.parquet.write_table(table, folder / "passages" / "test.parquet")
    build_task(PASSAGES, folder / "task", folder, silent)
    return load_task(folder / "task")


def test_candidates_are_the_distinct_relevant_texts_of_the_split(tmp_path):
    data = build(tmp_path, [("who", ["x", "y"]), ("what", ["y"]), ("where", ["z"])])
    kind = kind_of(data.task)
    assert kind.candidates(data.test) == {candidate_name(text): text for text in "xyz"}
    assert [label["relevant"] for label in data.test.labels] == [
        [candidate_name("x"), candidate_name("y")],
        [candidate_name("y")],
        [candidate_name("z")],
    ]
    assert len(data.train) == len(data.selection) == 0
    assert data.test.texts[0] == ["who", "what", "where"]


def test_by_cosine_ranks_the_nearest_first(tmp_path):
    data = build(tmp_path, [("a", "1"), ("b", "2"), ("c", "3")])
    vectors = {"a": (0, 1), "b": (1, 0), "c": (1, 1), "1": (0, 2), "2": (3, 0.1), "3": (1, 1)}
    ranked = kind_of(data.task).by_cosine(
        data.test, lambda texts: np.array([vectors[text] for text in texts], dtype=float)
    )
    names = [candidate_name(text) for text in ("1", "3", "2")]
    assert ranked[0] == [[name] for name in names]
    assert ranked[1] == [[name] for name in names[::-1]]


def test_intents_are_candidates_with_blanks_and_the_floor_counts_them():
    data = small_task("rank", label_names=("lost_card", "green", "blue", "red"))
    kind = kind_of(data.task)
    assert kind.candidates(data.test)["lost_card"] == "lost card"
    ranking = kind.floor(data.train, data.test)[0]
    counts = [
        sum(label["relevant"] == [group[0]] for label in data.train.labels) for group in ranking
    ]
    assert counts == sorted(counts, reverse=True) and ranking[-1] == ["lost_card"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("who", []), ("what", ["y"])], "empty list of relevant candidates; give each query"),
        ([("who", [" "]), ("what", ["y"])], "must be text with a sign in it, got ' '"),
    ],
)
def test_a_row_without_a_candidate_is_refused(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        build(tmp_path, rows)


def test_one_candidate_is_nothing_to_rank(tmp_path):
    data = build(tmp_path, [("who", "x"), ("what", "x")])
    with pytest.raises(DataError, match="has 1 candidate in this split, so that there is nothing"):
        kind_of(data.task).candidates(data.test)
    task = dataclasses.replace(small_task("rank").task, label_names=("only",))
    with pytest.raises(SpecError, match="has one candidate, so that there is nothing to rank"):
        kind_of(task).check()


@pytest.mark.parametrize("label", [3, -1, "pink", True, 1.5])
def test_a_label_that_is_no_candidate_is_refused(label):
    with pytest.raises(DataError, match="is none of the 3 candidates; give a number from 0 to 2"):
        kind_of(small_task("rank").task).read_label(label, "row 0")
