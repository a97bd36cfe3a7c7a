"""Examples under a noise: labels of another class, the task's language, noises that do nothing."""

import dataclasses

import numpy as np
import pytest
from small_cases import small_spec, small_task

from mae_bench.errors import DataError, SpecError
from mae_bench.protocols.splits import Splits
from mae_bench.specs import NoiseSpec

RATES = (0.1, 0.2, 0.4)


def splits(data, **changes):
    return Splits(small_spec("tfidf", data, **changes), data)


def mislabelled(data, rate, seed=0):
    noise = NoiseSpec(name="labels", rate=rate, where="train")
    return splits(data, train_noise=noise, seed=seed)


@pytest.fixture(scope="module")
def data():
    return small_task("classify", train=1500, selection=400)


def test_labels_to_learn_from_are_wrong_at_the_rate_and_nothing_else_changes(data):
    clean = splits(data)
    for rate in RATES:
        noisy = mislabelled(data, rate)
        for part in ("train", "selection"):
            before, after = getattr(clean, part), getattr(noisy, part)
            assert (before.ids, before.texts) == (after.ids, after.texts)
            assert before.labels.dtype == after.labels.dtype
        wrong = clean.train.labels != noisy.train.labels
        assert wrong.mean() == pytest.approx(rate, abs=0.03)
        moves = (noisy.train.labels - clean.train.labels)[wrong] % 3
        assert set(moves) == {1, 2} and (moves == 1).mean() == pytest.approx(0.5, abs=0.1)
        assert np.array_equal(noisy.test(NoiseSpec()).labels, data.test.labels)


def test_a_wrong_label_is_the_same_wrong_one_at_every_higher_rate_and_train_size(data):
    clean = splits(data).train
    low, high = (mislabelled(data, rate).train.labels for rate in (0.1, 0.2))
    is_wrong = low != clean.labels
    assert is_wrong.any() and np.array_equal(low[is_wrong], high[is_wrong])
    noise = NoiseSpec(name="labels", rate=0.2, where="train")
    few = splits(data, train_noise=noise, train_size=60).train
    by_id = dict(zip(clean.ids, high, strict=True))
    assert [by_id[name] for name in few.ids] == few.labels.tolist()
    assert not np.array_equal(mislabelled(data, 0.2, seed=1).train.labels, high)


def test_numbers_have_no_other_class():
    with pytest.raises(SpecError, match=r"noise 'labels' .* is of kind 'regress', whose examples"):
        mislabelled(small_task("regress"), 0.2)


def in_language(data, language, texts=None):
    task = dataclasses.replace(data.task, language=language)
    changes = {} if texts is None else {"test": dataclasses.replace(data.test, texts=(texts,))}
    return dataclasses.replace(data, task=task, **changes)


def test_typos_are_those_of_the_tasks_language(data):
    texts = ["tttt"] * len(data.test)
    noise = NoiseSpec(name="typos", rate=0.4)
    german, english = (
        "".join(splits(in_language(data, code, texts)).test(noise).texts[0])
        for code in ("de", "en")
    )
    assert "z" in german and "z" not in english and "y" in english


@pytest.mark.parametrize("texts", [["1234 5678"], ["人们说话"]])
def test_a_noise_that_does_nothing_to_the_texts_is_no_result(data, texts):
    other = in_language(data, "hau", texts * len(data.test))
    with pytest.raises(DataError, match=r"'lower_case' changes none of the 24 texts of the test"):
        splits(other).test(NoiseSpec(name="lower_case", rate=0.4))


def test_a_low_rate_may_leave_a_few_short_texts_as_they_are(data):
    other = in_language(data, "en", ["Ab"] * len(data.test))
    noise = NoiseSpec(name="typos", rate=0.0001)
    assert splits(other).test(noise).texts == (["Ab"] * len(data.test),)
