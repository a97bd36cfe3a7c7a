"""Training subsets: prefixes of one order, whatever the classes and sizes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
