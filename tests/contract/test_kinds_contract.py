"""What every kind of task must keep: labels survive, loss and decoding agree, a floor is blind."""

import dataclasses
import json
import pkgutil

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import torch
from small_cases import as_predictions, save_encoder, small_spec, small_task

import mae_bench.tasks.kinds
from mae_bench.data.words import join_words, split_words
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.protocols.splits import Splits
from mae_bench.tasks import KINDS, Examples, kind_of
from mae_bench.tasks.kinds import FinetuneKind, LinearKind
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.scored import ScoredKind
from mae_bench.training.batching import load_tokenizer

NAMES = [name for name, kind in KINDS if not issubclass(kind, ScoredKind)]  # those learn nothing
TUNED = [name for name, kind in KINDS if issubclass(kind, FinetuneKind) and kind.has_head]
OF_FEATURES = ("knn", "linear_probe", "tfidf")
LINEAR = [name for name, kind in KINDS if issubclass(kind, LinearKind)]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(save_encoder(tmp_path_factory.mktemp("encoder")))


def learned(name, tokenizer):
    """Return a small task's training examples, their texts as a model reads them, a learner."""
    data = small_task(name)
    kind = kind_of(data.task)
    texts = kind.lay_out(tokenizer, data.train, max_length=32, vocab_size=99, device="cpu")
    return data.train, texts, kind.learner(data.train)


def fitted(outputs, loss):
    """Return outputs that make a loss small, by gradient descent from those given."""
    outputs = outputs.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([outputs], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(outputs)
        value.backward()
        return value

    optimizer.step(closure)
    return outputs.detach()


def test_every_file_is_a_registered_kind():
    package = mae_bench.tasks.kinds
    files = {module.name for module in pkgutil.iter_modules(package.__path__)} - {"base"}
    assert files - {"language_model", "minimal_pair"} == set(NAMES)
    assert files <= set(package.__all__)
    for name in files:
        assert KINDS.get(name).__module__ == f"{package.__name__}.{name}"


def test_an_unknown_kind_gets_a_near_match():
    task = dataclasses.replace(small_task("classify").task, kind="clasify")
    with pytest.raises(UnknownNameError, match=r"pair, rank.* Did you mean 'classify'"):
        kind_of(task)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "choice"])
def test_a_task_of_another_number_of_texts_is_refused(name):
    task = small_task(name).task
    kind_of(task).check()
    for fields in (("a",), ("a", "b"), ("a", "b", "c")):
        allowed = KINDS.get(name).allowed_texts or (len(task.text_fields),)
        if len(fields) not in allowed:
            with pytest.raises(SpecError, match=f"text fields?, got {len(fields)} .*text_fields"):
                kind_of(dataclasses.replace(task, text_fields=fields)).check()


@pytest.mark.parametrize(
    ("name", "label_names", "message"),
    [
        ("classify", ("only",), "at least two classes in label_names, got 1"),
        ("detect", ("a", "b", "c"), "two classes in label_names, the rest and what .* got 3"),
        ("pair", (), "at least two classes in label_names, got 0"),
        ("multilabel", (), "must name its classes in label_names, got none"),
        ("multilabel", ("a", "b", "a"), "got a, b, a; name each once"),
        ("tag", ("O",), "at least two different tags in label_names, got O; name each once"),
        ("tag", ("O", "B-X", "NOUN"), "scored by span_f1, but 'NOUN' in label_names writes no"),
        ("regress", ("low", "high"), "numbers for labels and no label_names, got low, high"),
        ("span", ("yes", "no"), "answers for labels and no label_names, got yes, no"),
        ("choice", tuple("ABCDEFGHIJK"), "at most 10 options, got 11 label_names"),
    ],
)
def test_label_names_that_do_not_fit_are_refused(name, label_names, message):
    task = dataclasses.replace(small_task(name).task, label_names=label_names)
    with pytest.raises(SpecError, match=message):
        kind_of(task).check()


@pytest.mark.parametrize("name", NAMES)
def test_labels_survive_parquet(name, tmp_path):
    data = small_task(name)
    kind = kind_of(data.task)
    labels = [kind.read_label(label, "row 0") for label in data.train.labels.tolist()]
    pyarrow.parquet.write_table(pyarrow.table({"label": labels}), tmp_path / "a.parquet")
    again = pyarrow.parquet.read_table(tmp_path / "a.parquet").column("label").to_pylist()
    labels_again = kind.array([kind.read_label(label, "row 0") for label in again])
    assert labels_again.dtype == data.train.labels.dtype and labels_again.shape == (
        len(data.train),
    )
    assert np.array_equal(labels_again, data.train.labels)
    pd.testing.assert_series_equal(pd.Series(labels_again), pd.Series(data.train.labels))
    assert json.dumps(kind.described)


@pytest.mark.parametrize("name", NAMES)
def test_a_floor_reads_the_training_labels_and_no_text(name):
    data = small_task(name)
    kind = kind_of(data.task)
    floor = kind.floor(data.train, data.test)
    blank = tuple([blanked(text, kind) for text in column] for column in data.test.texts)
    wrong = dataclasses.replace(data.test, texts=blank, labels=data.test.labels[::-1])
    assert len(floor) == len(data.test)
    assert kind.floor(data.train, wrong).tolist() == floor.tolist()
    right = as_predictions(data.train.labels).tolist()
    few = data.train.take(np.array([i for i, label in enumerate(right) if label == right[0]]))
    for predicted in kind.floor(few, data.test).tolist():
        if kind.has_words:
            assert len(set(predicted)) == 1
            assert right[0].count(predicted[0]) == max(map(right[0].count, right[0]))
        elif name == "rank":  # the relevant ones of train first, of candidates that are all ranked
            assert predicted[:1] == right[0]
        else:
            assert predicted == right[0]


def blanked(text, kind):
    return join_words("x" for _ in split_words(text)) if kind.has_words else ""


@pytest.mark.parametrize("name", NAMES)
def test_a_collapse_is_what_follows_no_text(name):
    data = small_task(name)
    kind, labels = kind_of(data.task), data.test.labels
    constant = kind.floor(data.train, data.test)
    assert kind.find_collapse(labels, constant) == "constant prediction"
    right = as_predictions(labels)
    assert kind.find_collapse(labels, right) == ""
    alike = constant if kind.has_words else labels[np.zeros(len(labels), dtype=int)]
    assert kind.find_collapse(alike, constant) == "", "nothing to tell"
    one_other = constant.copy()
    others = (label for label in right.tolist() if label not in constant.tolist())
    one_other[3] = next(one for one in others if not kind.has_words or set(one) - {"O"})
    assert kind.find_collapse(labels, one_other) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_small_training_set_holds_every_class_twice(name):
    data = small_task(name)
    num_classes = len(data.task.label_names)
    size = max(2 * num_classes, 2)
    for seed in range(4):
        train = Splits(small_spec("finetune", data, train_size=size, seed=seed), data).train
        assert len(train) == size
        if num_classes and name not in ("multilabel", "tag"):  # whose examples have several
            classes = kind_of(data.task).groups(train.labels)
            assert np.bincount(classes).tolist() == [2] * num_classes


@pytest.mark.parametrize("name", TUNED)
def test_what_the_loss_asks_for_is_decoded_to_the_labels(name, tokenizer):
    train, texts, learner = learned(name, tokenizer)
    targets = learner.encode(train.labels, texts)
    start = torch.zeros(len(texts), *learner.output_shape(texts.ids.shape[-1]))
    outputs = fitted(start, lambda outputs: learner.loss(outputs, targets))
    decoded = learner.decode(outputs, texts)
    right = as_predictions(train.labels).tolist()
    if name == "detect":  # whose predictions are log-odds
        decoded = (decoded > 0).astype(int)
    is_exact = isinstance(right[0], str | list)
    assert decoded.tolist() == (right if is_exact else pytest.approx(right, rel=1e-3))
    assert float(learner.loss(outputs, targets)) < 1e-3 < float(learner.loss(start, targets))


@pytest.mark.parametrize("name", [name for name in TUNED if name != "span"])
def test_the_loss_of_a_constant_is_that_of_the_best_one(name, tokenizer):
    train, texts, learner = learned(name, tokenizer)
    targets = learner.encode(train.labels, texts)
    shape = learner.output_shape(texts.ids.shape[-1])
    everywhere = [1] * (len(shape) if kind_of(small_task(name).task).has_words else 1)

    def loss(constant):
        return learner.loss(constant.expand(len(train), *shape), targets)

    free = shape[len(everywhere) - 1 :]
    best = float(loss(fitted(torch.zeros(*everywhere, *free), loss)))
    constants = learner.losses_of_constant(targets, texts)
    assert len(constants) == len(texts)
    assert best == pytest.approx(float(constants.mean()), rel=1e-3)


@pytest.mark.parametrize("name", TUNED)
def test_a_loss_is_the_mean_of_its_batch(name, tokenizer):
    train, texts, learner = learned(name, tokenizer)
    targets = learner.encode(train.labels, texts)
    generator = torch.Generator().manual_seed(0)
    shape = (len(texts), *learner.output_shape(texts.ids.shape[-1]))
    outputs = torch.randn(shape, generator=generator)
    each = [float(learner.loss(outputs[i : i + 1], targets[i : i + 1])) for i in range(len(texts))]
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("name", TUNED)
def test_a_head_depends_on_task_and_seed_alone(name, tokenizer):
    _, texts, learner = learned(name, tokenizer)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    heads = [learner.head(8, dropout=0.5, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), before)
    first, again, other = (torch.cat([p.flatten() for p in h.parameters()]) for h in heads)
    assert torch.equal(first, again) and not torch.equal(first, other)
    hidden = torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1))
    outputs = heads[0].eval()(hidden.bfloat16().float(), None)
    assert outputs.dtype == torch.float32
    of_a_text = learner.output_shape(6)[-(outputs.dim() - 1) :]  # an example may be several
    assert outputs.shape == (3, *of_a_text)
    is_pad = torch.arange(6) >= torch.tensor([6, 2, 1])[:, None]
    padded = heads[0](hidden, is_pad)
    spoilt = heads[0](hidden.masked_fill(is_pad.unsqueeze(-1), 1e6), is_pad)
    if padded.dim() == 3:  # of tokens: what stands at padding is never read
        padded, spoilt = padded[~is_pad], spoilt[~is_pad]
    torch.testing.assert_close(padded, spoilt)
    assert len(texts) == 48


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_come_in_the_order_of_their_penalties(name):
    data = small_task(name)
    kind = kind_of(data.task)
    features = np.random.default_rng(0).normal(size=(len(data.train), 60))
    models = list(kind.fit_linear(features, data.train.labels, (1e-9, 1.0), 1000))
    assert [is_converged for _, is_converged in models] == [True, True]
    weak, strong = (predict(features) for predict, _ in models)
    assert kind.find_collapse(data.train.labels, weak)
    score = METRICS.get(data.task.metrics[0])
    assert score(data.train.labels, strong, data.task.num_labels) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_some_protocol_and_every_floor_reads_it(name):
    fitting = {other for other, part in PROTOCOLS if part.fits(name) and not part.reads_corpus}
    of_kind = {
        "choice": {"finetune"},
        "detect": {"finetune", "linear_probe", "tfidf"},
        "classify": {*OF_FEATURES, "finetune", "few_shot", "zero_shot"},
        "multilabel": {"finetune", "linear_probe", "tfidf"},
        "pair": {*OF_FEATURES, "finetune", "few_shot", "zero_shot"},
        "rank": {"bm25", "finetune", "tfidf_cosine", "zero_shot"},
        "regress": {*OF_FEATURES, "finetune", "tfidf_cosine", "zero_shot"},
        "span": {"finetune"},
        "tag": {"finetune", "word_majority", "word_probe"},
    }
    assert fitting == {"majority", *of_kind[name]}
    with pytest.raises(UnknownNameError):
        PROTOCOLS.get("finetune").fits("no such kind")


def test_one_element_an_example_whatever_its_length():
    made = mae_bench.tasks.kinds.objects([[1, 2], [3, 4], []])
    assert made.shape == (3,) and made.tolist() == [[1, 2], [3, 4], []]
    examples = Examples(["a", "b", "c"], (["x", "y", "z"],), made)
    assert examples.take(np.array([2, 0])).labels.tolist() == [[], [1, 2]]
