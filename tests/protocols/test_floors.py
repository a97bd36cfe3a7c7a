"""The floors: majority class and TF-IDF."""

import dataclasses

import numpy as np
import pytest
from small_cases import small_spec, small_task, with_test_labels

from mae_bench.errors import DataError
from mae_bench.progress import silent
from mae_bench.protocols.floors import TfidfFeatures, TfidfRecipe, run_majority, run_tfidf
from mae_bench.specs import NoiseSpec
from mae_bench.tasks import subset

TYPOS = NoiseSpec(name="typos", rate=0.9)


def floor(run, data, **changes):
    name = {run_majority: "majority", run_tfidf: "tfidf"}[run]
    spec = small_spec(name, data, checkpoint=None, **changes)
    return run(spec, checkpoint=None, task=data, device="cpu", progress=silent)


def with_train(data, **changes):
    return dataclasses.replace(data, train=dataclasses.replace(data.train, **changes))


def test_majority_is_that_of_the_training_subset():
    data = small_task("classify", train=40)
    labels = np.array([2] * 25 + [1] * 15)
    result = floor(run_majority, with_train(data, labels=labels))
    assert set(result.readings[0].predictions) == {2}
    assert result.readings[0].metrics["accuracy"] == np.mean(data.test.labels == 2)
    assert result.readings[0].collapse == "", "constant by design"
    assert result.best.value == np.mean(data.selection.labels == 2)
    assert result.flops is None


def test_majority_ties_go_to_the_smallest_class():
    labels = np.array([2, 1] * 20)
    result = floor(run_majority, with_train(small_task("classify", train=40), labels=labels))
    assert set(result.readings[0].predictions) == {1}


def test_majority_of_numbers_is_their_mean():
    data = small_task("regress")
    result = floor(run_majority, data)
    assert result.readings[0].predictions == pytest.approx(float(data.train.labels.mean()))
    assert result.readings[0].metrics["spearman"] == 0.0


def test_tfidf_learns_classes_that_one_word_decides():
    result = floor(run_tfidf, small_task("classify", train=200))
    assert result.readings[0].metrics["accuracy"] == 1.0
    assert set(result.best.chosen) == {"C"}
    assert len(result.trials) == len(TfidfRecipe().inverse_penalties)


GOOD = "\u597d\u725b\u7f8e\u6ee1\u559c\u4f73"  # signs of one class, of which each text has two
BAD = "\u574f\u5dee\u4e11\u6012\u6076\u52a3"
THAI_NO, THAI_YES = "\u0e44\u0e21\u0e48\u0e14\u0e35", "\u0e14\u0e35\u0e21\u0e32\u0e01"


@pytest.mark.parametrize(("one", "other"), [(BAD, GOOD), (THAI_NO, THAI_YES)])
def test_tfidf_reads_characters_where_words_have_no_blanks(one, other):
    """No two texts share a whole sentence, which is what a run of letters would be."""
    data = small_task("classify", train=90)
    rng = np.random.default_rng(0)

    def written(part):
        labels = np.arange(len(part.ids)) % 2
        texts = []
        for label in labels:
            noise = "".join(chr(0x4E00 + i) for i in rng.integers(0, 60, 12))
            sign = (one, other)[label]
            cue = sign if len(sign) < 6 else "".join(rng.permutation(list(sign))[:2])
            texts.append(noise[:5] + cue + noise[5:])
        return dataclasses.replace(part, texts=(texts,), labels=labels)

    parts = {name: written(getattr(data, name)) for name in ("train", "selection", "test")}
    result = floor(run_tfidf, dataclasses.replace(data, **parts))
    assert result.readings[0].metrics["accuracy"] > 0.9 and not result.readings[0].collapse


def test_tfidf_keeps_words_with_their_marks():
    train = small_task("classify").train
    texts = ["\u0939\u093f\u0928\u094d\u0926\u0940 \u0939\u0948", "cafe\u0301 it's"]
    examples = dataclasses.replace(train, ids=["0", "1"], texts=(texts,), labels=np.array([0, 1]))
    features = TfidfFeatures(examples, TfidfRecipe(max_ngram=1), has_cosine=False)
    assert features(examples).getnnz(axis=1).tolist() == [2, 4]


def test_tfidf_learns_from_pairs_and_numbers():
    pair = floor(run_tfidf, small_task("pair", train=400, test=100))
    assert pair.readings[0].metrics["accuracy"] > 0.8
    numbers = floor(run_tfidf, small_task("regress", train=400, test=100))
    assert numbers.readings[0].metrics["spearman"] > 0.8


def test_tfidf_reads_the_noise_of_the_test_split():
    clean, noisy = floor(
        run_tfidf, small_task("classify", train=200), test_noises=(NoiseSpec(), TYPOS)
    ).readings
    assert noisy.metrics["accuracy"] < clean.metrics["accuracy"]


def test_tfidf_words_come_from_the_training_subset_alone():
    data = small_task("classify")
    features = TfidfFeatures(data.train, TfidfRecipe(), has_cosine=False)
    unseen = dataclasses.replace(data.test, texts=(["zebra xylophone"] * len(data.test),))
    assert features(unseen).nnz == 0


def test_tfidf_features_of_a_pair():
    data = small_task("pair")
    recipe = TfidfRecipe()
    plain, longer = (TfidfFeatures(data.train, recipe, has_cosine=c) for c in (False, True))
    features = plain(data.test).toarray()
    a, b, gap, product = np.split(features, 4, axis=1)
    np.testing.assert_allclose(gap, np.abs(a - b))
    np.testing.assert_allclose(product, a * b)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1.0)
    np.testing.assert_allclose(longer(data.test).toarray()[:, -1], (a * b).sum(axis=1))


def test_test_labels_cannot_move_the_choice():
    data = small_task("classify", train=60)
    honest = floor(run_tfidf, data)
    for penalty in TfidfRecipe().inverse_penalties:
        alone = floor(run_tfidf, data, recipe={"inverse_penalties": (penalty,)})
        tempting = with_test_labels(data, alone.readings[0].predictions)
        assert floor(run_tfidf, tempting).trials == honest.trials
        assert floor(run_tfidf, tempting).best == honest.best


@pytest.mark.parametrize("run", [run_majority, run_tfidf])
def test_floors_train_on_the_shared_subset(run):
    data = small_task("regress", train=200)  # numbers show what classes would hide
    expected = subset(data.train, 20, groups=None, task=data.task.name, seed=3)
    result = floor(run, data, train_size=20, seed=3)
    same = floor(run, dataclasses.replace(data, train=expected), seed=3)
    assert result.n_train == 20
    np.testing.assert_allclose(
        result.readings[0].predictions, same.readings[0].predictions, rtol=1e-3
    )


def test_texts_without_any_word_are_an_error():
    data = small_task("classify", train=10)
    with pytest.raises(DataError, match="TF-IDF"):
        floor(run_tfidf, with_train(data, texts=(["", " "] * 5,)))


def test_one_class_is_an_error_that_says_what_to_do():
    data = small_task("classify", train=10)
    with pytest.raises(DataError, match=r"all have label 1; .* train size"):
        floor(run_tfidf, with_train(data, labels=np.ones(10, dtype=np.int64)))
