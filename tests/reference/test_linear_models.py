"""Ridge and TF-IDF weights against their formulas."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest
from small_cases import save_encoder, small_spec, small_task

from mae_bench.progress import silent
from mae_bench.protocols.floors import TfidfFeatures, TfidfRecipe
from mae_bench.protocols.linear_probe import Encoder, run
from mae_bench.specs import ProbeRecipe


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def probed(encoder, data, inverse_penalty):
    """Return the test predictions of a probe at one penalty."""
    recipe = {"poolings": ("mean",), "inverse_penalties": (inverse_penalty,)}
    spec = small_spec("linear_probe", data, recipe=recipe)
    result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    return result.readings[0].predictions


def features(encoder, *parts):
    """Return the probe's features of parts of a task, in units of the first one's deviations."""
    recipe = ProbeRecipe(max_length=32, precision="fp32", poolings=("mean",))
    reader = Encoder(encoder, recipe, "cpu")
    reader.encode(text for part in parts for column in part.texts for text in column)
    pooled = [reader.features(part, "mean") for part in parts]
    mean, deviation = pooled[0].mean(0), pooled[0].std(0)
    return [(each - mean) / deviation for each in pooled]


@pytest.mark.parametrize("inverse_penalty", [1e-3, 0.1, 10.0])
def test_a_probe_of_numbers_is_ridge_in_closed_form_at_an_alpha_of_one_over_c(
    encoder, inverse_penalty
):
    data = small_task("regress", train=200)
    train, test = features(encoder, data.train, data.test)
    labels = data.train.labels.astype(np.float64)
    gram = train.T @ train + np.eye(train.shape[1]) / inverse_penalty
    weights = np.linalg.solve(gram, train.T @ (labels - labels.mean()))
    wanted = test @ weights + labels.mean()
    np.testing.assert_allclose(probed(encoder, data, inverse_penalty), wanted, rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_the_smaller_c_the_less_a_prediction_follows_its_text(encoder, kind):
    data = small_task(kind, train=100)
    spreads = [float(np.std(probed(encoder, data, c))) for c in (1e-9, 1.0)]
    assert spreads[0] < 0.01 * spreads[1]


def test_tfidf_weights_are_those_of_plain_python():
    """A word counts 1 + ln(times) and is weighed by its rarity; each text has length 1."""
    train = ["Red red red red house", "the house", "the the river", "river and stone stone"]
    data = small_task("classify", train=len(train))
    examples = dataclasses.replace(data.train, texts=(train,))
    weigh = TfidfFeatures(examples, TfidfRecipe(max_ngram=1), has_cosine=False)
    read = ["red red house The the the", "stone river", "the river river and"]
    weights = weigh(dataclasses.replace(data.test.take(np.arange(len(read))), texts=(read,)))
    texts_with = Counter(word for text in train for word in set(text.lower().split()))
    for row, text in zip(weights.toarray(), read, strict=True):
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
        count = TfidfFeatures(train, TfidfRecipe(max_ngram=longest), has_cosine=False)
        assert count(train).shape[1] == grams
