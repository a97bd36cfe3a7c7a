"""Training subsets: prefixes of one order, whatever the classes and sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mae_bench.errors import DataError
from mae_bench.tasks import Examples, subset

LABELS = st.lists(st.integers(0, 4), min_size=4, max_size=60)


def examples_of(labels, dtype=np.int64):
    names = [str(i) for i in range(len(labels))]
    return Examples(names, (names,), np.asarray(labels, dtype=dtype))


@given(LABELS, st.data(), st.integers(0, 3), st.sampled_from([np.int64, np.float32]))
def test_subsets_nest(labels, data, seed, dtype):
    examples = examples_of(labels, dtype)
    small, large = sorted(data.draw(st.tuples(*[st.integers(2, len(labels))] * 2)))
    groups = None if dtype is np.float32 else examples.labels
    one, two = (
        subset(examples, size, groups=groups, task="t", seed=seed) for size in (small, large)
    )
    assert two.ids[:small] == one.ids
    assert len(set(two.ids)) == large


@given(LABELS, st.integers(0, 3))
def test_all_is_everything_once(labels, seed):
    examples = examples_of(labels)
    everything = subset(examples, "all", groups=examples.labels, task="t", seed=seed)
    assert sorted(everything.ids) == sorted(examples.ids)


@given(LABELS, st.data(), st.integers(0, 3))
def test_every_class_is_there_twice_where_it_can_be(labels, data, seed):
    counts = np.bincount(labels)
    needed = int(np.minimum(counts, 2).sum())
    size = data.draw(st.integers(max(needed, 2), len(labels)))
    examples = examples_of(labels)
    drawn = subset(examples, size, groups=examples.labels, task="t", seed=seed)
    drawn_counts = np.bincount(drawn.labels, minlength=len(counts))
    assert (drawn_counts >= np.minimum(counts, 2)).all()


@given(LABELS, st.integers(0, 3), st.integers(1, 3), st.integers(0, 2))
def test_so_many_of_each_class_nest_and_keep_the_order(labels, seed, each, more):
    examples = examples_of(labels)
    counts = np.bincount(labels)[np.unique(labels)]
    drawn = {"groups": examples.labels, "task": "t", "seed": seed}
    if counts.min() < each + more:
        names = "abcde"
        rarest = names[np.unique(labels)[counts.argmin()]]
        wrong = (
            rf"more than task 't' has: .*{counts.min()} of class '{rarest}'.* {counts.min()}/class"
        )
        with pytest.raises(DataError, match=wrong):
            subset(examples, f"{each + more}/class", **drawn, names=names)
        return
    small, large, whole = (
        subset(examples, size, **drawn) for size in (f"{each}/class", f"{each + more}/class", "all")
    )
    assert np.bincount(small.labels)[np.unique(labels)].tolist() == [each] * len(counts)
    assert set(small.ids) <= set(large.ids)
    assert large.ids == [name for name in whole.ids if name in set(large.ids)]


def test_examples_without_classes_cannot_be_counted_by_class():
    examples = examples_of([0, 1, 2, 3], np.float32)
    with pytest.raises(DataError, match=r"train size 1/class .* task 't' has no classes"):
        subset(examples, "1/class", groups=None, task="t", seed=0)
