"""Several classes a text: reading, loss, decoding, floor and probe, against plain Python."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from small_cases import save_encoder, small_spec, small_task

from mae_bench.errors import DataError
from mae_bench.progress import silent
from mae_bench.protocols import finetune, linear_probe
from mae_bench.protocols.floors import run_tfidf
from mae_bench.tasks import Examples, kind_of, subset
from mae_bench.tasks.kinds import objects


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def data():
    return small_task("multilabel")


def examples(labels):
    ids = [str(number) for number in range(len(labels))]
    return Examples(ids, (ids,), objects(labels))


def test_names_and_numbers_are_read_once_each_in_order(data):
    kind = kind_of(data.task)
    assert kind.read_label(["blue", "red", 2], "row 0") == [0, 2]
    assert kind.read_label([], "row 0") == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, r"label 1 in column 'label' of row 3 must be a list of classes, which may be empty"),
        (None, "label None .* must be a list"),
        (
            [3],
            r"class 3 .* of row 3 is not allowed; allowed are the 3 label_names red, green, blue",
        ),
        ([True], "class True .* not allowed"),
        (["gren"], r"class 'gren' .*Did you mean 'green'"),
    ],
)
def test_labels_that_are_not_allowed_are_named(data, value, message):
    with pytest.raises(DataError, match=message):
        kind_of(data.task).read_label(value, "row 3")


def test_loss_and_classes_are_those_of_plain_python(data):
    learner = kind_of(data.task).learner(data.train)
    outputs = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))

    class Texts:
        ids = torch.zeros(1)

    losses, chosen = [], []
    for row, labels in zip(outputs.tolist(), data.test.labels, strict=True):
        shares = [1 / (1 + math.exp(-output)) for output in row]
        for number, share in enumerate(shares):
            losses.append(-math.log(share if number in labels else 1 - share))
        chosen.append([number for number, share in enumerate(shares) if share >= 0.5])
    targets = learner.encode(data.test.labels, Texts)
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(losses), rel=1e-5)
    assert learner.decode(outputs, Texts).tolist() == chosen


def test_constant_losses_of_classes_that_all_or_none_have_are_finite(data):
    learner = kind_of(data.task).learner(examples([[0], [0, 1]]))
    assert learner.constant_losses == pytest.approx([math.log(2) / 3] * 2)


@pytest.mark.parametrize(
    ("train", "floor"), [([[0], [0, 1]], [0, 1]), ([[0], [], [1]], []), ([[2]], [2])]
)
def test_the_floor_is_what_half_of_the_texts_have(data, train, floor):
    predicted = kind_of(data.task).floor(examples(train), examples([[], []]))
    assert predicted.tolist() == [floor, floor]


def test_small_training_sets_hold_the_rarest_classes(data):
    labels = [[0]] * 90 + [[0, 1]] * 6 + [[2]] * 2 + [[]] * 2
    train, kind = examples(labels), kind_of(data.task)
    assert set(kind.groups(train.labels).tolist()) == {0, 1, 2, -1}
    few = subset(train, 8, groups=kind.groups(train.labels), task="t", seed=0)
    assert {number for classes in few.labels for number in classes} == {0, 1, 2}


def test_a_linear_model_is_one_for_each_class(data):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 4))
    labels = objects([0, *np.flatnonzero(row[:1] > 0.2) + 1] for row in features)
    labels = objects([int(number) for number in each] for each in labels)  # 2 never, 0 always
    kind = kind_of(data.task)
    ((predict, is_converged),) = kind.fit_linear(features, labels, (1.0,), 500)
    alone = LogisticRegression(C=1.0, max_iter=500).fit(features, [1 in each for each in labels])
    expected = [[0, 1] if has else [0] for has in alone.predict(features)]
    assert is_converged and predict(features).tolist() == expected


def test_examples_that_do_not_differ_cannot_be_fitted(data):
    with pytest.raises(DataError, match=r"all have the same classes; .* raise the train size"):
        next(iter(kind_of(data.task).fit_linear(np.ones((3, 2)), objects([[0]] * 3), (1.0,), 9)))


@pytest.mark.parametrize("name", ["finetune", "linear_probe", "tfidf"])
def test_each_protocol_learns_the_colours_of_a_text(name, encoder):
    data = small_task("multilabel", train=200)
    recipe = {"learning_rates": (1e-2,), "min_steps": 200} if name == "finetune" else {}
    run = {"finetune": finetune.run, "linear_probe": linear_probe.run, "tfidf": run_tfidf}[name]
    spec = small_spec(name, data, recipe=recipe)
    result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    (reading,) = result.readings
    assert reading.metrics["micro_f1"] > 0.9 and reading.collapse == ""


def test_a_model_that_says_nothing_has_collapsed(data):
    kind, nothing = kind_of(data.task), objects([] for _ in data.test.ids)
    assert kind.find_collapse(data.test.labels, nothing) == "constant prediction"
    few = dataclasses.replace(data.test, labels=nothing)
    assert kind.find_collapse(few.labels, nothing) == ""
