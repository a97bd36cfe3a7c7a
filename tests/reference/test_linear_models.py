"""Ridge and TF-IDF weights against their formulas."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest
from small_cases import small_task

from mae_bench.training.floors import TfidfFeatures, TfidfRecipe
from mae_bench.training.linear_fit import fit_linear


@pytest.mark.parametrize("inverse_penalty", [1e-3, 0.1, 1.0, 100.0])
def test_ridge_is_the_closed_form_at_an_alpha_of_one_over_c(inverse_penalty):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    model = fit_linear(small_task("regress").task, x, y, inverse_penalty, 100)
    centred = x - x.mean(0)
    gram = centred.T @ centred + np.eye(4) / inverse_penalty
    weights = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    np.testing.assert_allclose(model.coef_, weights, rtol=1e-6)
    np.testing.assert_allclose(model.predict(x), centred @ weights + y.mean(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_a_smaller_c_shrinks_the_weights_of_classes_and_numbers_alike(kind):
    task = small_task(kind).task
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    labels = x[:, 0] + 0.1 * rng.normal(size=40)
    if kind == "classify":
        labels = np.digitize(labels, [-0.5, 0.5])
    norms = [
        float(np.linalg.norm(fit_linear(task, x, labels, penalty, 1000).coef_))
        for penalty in (1e-4, 1e-2, 1.0)
    ]
    assert norms == sorted(norms) and norms[0] < 0.1 * norms[2]


def test_tfidf_weights_are_those_of_plain_python():
    """A word counts 1 + ln(times) and is weighed by its rarity; each text has length 1."""
    train = ["Red red red red house", "the house", "the the river", "river and stone stone"]
    data = small_task("classify", train=len(train))
    examples = dataclasses.replace(data.train, texts=(train,))
    features = TfidfFeatures(examples, TfidfRecipe(max_ngram=1), has_cosine=False)
    read = ["red red house The the the", "stone river", "the river river and"]
    found = features(dataclasses.replace(data.test.take(np.arange(len(read))), texts=(read,)))
    texts_with = Counter(word for text in train for word in set(text.lower().split()))
    for row, text in zip(found.toarray(), read, strict=True):
        wanted = np.array(
            [
                (1 + math.log(times)) * (1 + math.log((1 + len(train)) / (1 + texts_with[word])))
                for word, times in Counter(text.lower().split()).items()
            ]
        )
        wanted /= np.linalg.norm(wanted)
        np.testing.assert_allclose(np.sort(row[row > 0]), np.sort(wanted))


def test_tfidf_reads_neighbouring_words_together():
    data = small_task("classify", train=2)
    train = dataclasses.replace(data.train, texts=(["red house over stone", "stone over river"],))
    for longest, grams in ((1, 5), (2, 5 + 5), (3, 5 + 5 + 3)):
        features = TfidfFeatures(train, TfidfRecipe(max_ngram=longest), has_cosine=False)
        assert features(train).shape[1] == grams
