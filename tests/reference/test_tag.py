"""Tags: reading, alignment, loss, decoding and the floor, each against slow plain Python."""

import collections
import dataclasses
import math

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from small_cases import save_encoder, small_spec, small_task

from mae_bench.data.sources import Source
from mae_bench.data.words import join_words, split_words
from mae_bench.errors import DataError
from mae_bench.model.backbone import load_backbone
from mae_bench.progress import silent
from mae_bench.protocols import finetune, word_floor, word_probe
from mae_bench.tasks import Examples, Task, build_task, kind_of, load_task
from mae_bench.tasks.kinds import objects
from mae_bench.training.batching import load_tokenizer

TASK = Task(
    name="entities",
    kind="tag",
    text_fields=("tokens",),
    label_field="ner_tags",
    label_names=("O", "B-PER", "I-PER", "S-PER"),
    metrics=("span_f1",),
    source=Source("", "", "entities", "ours", {"train": "train", "test": "test"}),
    licence="ours",
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def data():
    return small_task("tag")


def laid_out(encoder, data, max_length=32, part="test"):
    kind = kind_of(data.task)
    tokenizer = load_tokenizer(encoder)
    examples = getattr(data, part)
    texts = kind.lay_out(tokenizer, examples, max_length=max_length, vocab_size=99, device="cpu")
    return texts, kind.learner(data.train), examples


def drawn(texts, learner):
    shape = (len(texts), *learner.output_shape(texts.ids.shape[1]))
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("max_length", [32, 6])
def test_loss_and_tags_are_those_of_plain_python(encoder, data, max_length):
    """Each word is one token of this encoder, behind [CLS]; a window of 6 holds four words."""
    texts, learner, examples = laid_out(encoder, data, max_length)
    outputs = drawn(texts, learner)
    total, tags = 0.0, []
    for row, labels in enumerate(examples.labels):
        scores = outputs[row, 1 : max_length - 1].tolist()[: len(labels)]
        guessed = [learner.tags[word.index(max(word))] for word in scores]
        tags.append(guessed + ["O"] * (len(labels) - len(guessed)))
        for word, label in zip(scores, labels, strict=False):
            total += math.log(sum(map(math.exp, word))) - word[learner.tags.index(label)]
    words_each = np.mean([len(labels) for labels in data.train.labels])
    targets = learner.encode(examples.labels, texts)
    loss = float(learner.loss(outputs, targets))
    assert loss == pytest.approx(total / len(examples) / words_each, rel=1e-5)
    assert learner.decode(outputs, texts).tolist() == tags
    assert any(len(labels) > 4 for labels in examples.labels)


def test_batches_of_shorter_texts_have_the_same_loss(encoder, data):
    texts, learner, examples = laid_out(encoder, data)
    outputs, targets = drawn(texts, learner), learner.encode(examples.labels, texts)
    short = np.flatnonzero(texts.lengths <= 6)
    cut = learner.loss(outputs[short, :6], targets[short])
    assert float(cut) == pytest.approx(float(learner.loss(outputs[short], targets[short])))


def test_a_text_without_words_costs_nothing(encoder, data):
    empty = Examples(["a", "b"], (["", join_words(["red"])],), objects([[], ["B-SIGN"]]))
    texts, learner, _ = laid_out(encoder, dataclasses.replace(data, test=empty))
    outputs, targets = drawn(texts, learner), learner.encode(empty.labels, texts)
    assert float(learner.loss(outputs[:1], targets[:1])) == 0.0
    assert learner.decode(outputs, texts).tolist()[0] == []


def test_the_best_constant_is_the_share_of_each_tag(data):
    learner = kind_of(data.task).learner(data.train)
    words = [tag for tags in data.train.labels for tag in tags]
    counts = collections.Counter(words)
    entropy = -sum(n / len(words) * math.log(n / len(words)) for n in counts.values())
    assert learner.constant_losses.mean() == pytest.approx(entropy)


def test_words_that_cannot_be_read_get_the_commonest_tag_where_none_is_outside(data):
    task = dataclasses.replace(data.task, label_names=("NOUN", "VERB"), metrics=("word_accuracy",))
    kind = kind_of(task)
    assert kind.unread(objects([["VERB", "NOUN"], ["VERB"]])) == "VERB"
    assert kind.tags == ("NOUN", "VERB")


def test_a_fine_tune_and_a_probe_learn_what_stands_in_a_word(encoder, data):
    data = small_task("tag", train=200)
    for protocol, recipe in (
        (finetune, {"learning_rates": (1e-2,), "min_steps": 150}),
        (word_probe, {}),
    ):
        spec = small_spec(protocol.__name__.rpartition(".")[2], data, recipe=recipe)
        result = protocol.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
        (reading,) = result.readings
        assert reading.metrics["word_accuracy"] > 0.8 and reading.collapse == ""
        assert [len(tags) for tags in reading.predictions] == list(map(len, data.test.labels))


def test_features_of_the_probe_are_the_vectors_of_the_words(encoder, data):
    spec = small_spec("word_probe", data, recipe={"max_length": 6})
    recipe = word_probe.read_recipe(spec, word_probe.WordProbeRecipe)
    reader = word_probe.WordReader(encoder, kind_of(data.task), recipe, "cpu")
    words = reader.read(data.test)
    backbone, tokenizer = load_backbone(encoder).eval(), load_tokenizer(encoder)
    expected, is_read = [], []
    for text in data.test.texts[0]:
        forms = split_words(text)
        ids = [2, *tokenizer.convert_tokens_to_ids(forms)[:4], 3]
        with torch.inference_mode():
            expected.append(backbone(torch.tensor([ids]))[0, 1:-1].numpy())
        is_read.append([index < 4 for index in range(len(forms))])
    np.testing.assert_allclose(words.vectors, np.concatenate(expected), atol=1e-5)
    assert [each.tolist() for each in words.is_read] == is_read


def test_a_probe_predicts_words_that_it_cannot_see(encoder, data):
    spec = small_spec("word_probe", data, recipe={"max_length": 6})
    result = word_probe.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    for tags, labels in zip(result.readings[0].predictions, data.test.labels, strict=True):
        assert len(tags) == len(labels) and set(tags[4:]) <= {"O"}


def test_one_tag_alone_cannot_be_probed(encoder, data):
    outside = objects(["O"] * len(tags) for tags in data.train.labels)
    train = dataclasses.replace(data.train, labels=outside)
    with pytest.raises(DataError, match=r"fewer than two tags on .* raise the train size"):
        word_probe.run(
            small_spec("word_probe", data),
            checkpoint=encoder,
            task=dataclasses.replace(data, train=train),
            device="cpu",
            progress=silent,
        )


def test_the_floor_of_words_is_the_commonest_tag_of_each_form():
    task = dataclasses.replace(TASK, label_names=("X", "Y"), metrics=("word_accuracy",))
    train = Examples(
        ["a", "b"],
        ([join_words(["a", "b"]), join_words(["a", "a"])],),
        objects([["X", "Y"], ["X", "Y"]]),
    )
    test = Examples(["c"], ([join_words(["a", "b", "new"])],), objects([["X", "Y", "Y"]]))
    data = dataclasses.replace(
        small_task("tag"), task=task, train=train, selection=train, test=test
    )
    spec = small_spec("word_majority", data, checkpoint=None)
    result = word_floor.run(spec, checkpoint=None, task=data, device="cpu", progress=silent)
    assert result.readings[0].predictions.tolist() == [["X", "Y", "X"]]


def write(folder, split, tokens, tags):
    (folder / "entities").mkdir(exist_ok=True)
    table = pyarrow.table({"tokens": tokens, "ner_tags": tags})
    pyarrow.parquet.write_table(table, folder / f"entities/{split}.parquet")


def built(folder, tokens, tags, task=TASK):
    write(folder, "train", tokens, tags)
    write(folder, "test", [["Ada"]], [tags[0][:1]])
    build_task(task, folder / "out", folder, silent)
    return load_task(folder / "out")


@pytest.mark.parametrize("tags", [[[3, 0], [1, 2]], [["S-PER", "O"], ["B-PER", "I-PER"]]])
def test_numbers_and_names_are_the_same_tags_and_spans_become_iob2(tmp_path, tags):
    data = built(tmp_path, [["Ada", "\u200b of"], ["Max", "Born"]], tags)
    tags_of = {
        tuple(split_words(text)): labels
        for part in (data.train, data.selection)
        for text, labels in zip(part.texts[0], part.labels, strict=True)
    }
    assert tags_of == {("Ada", "\u200b of"): ["B-PER", "O"], ("Max", "Born"): ["B-PER", "I-PER"]}


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        (
            [["a", "b"]],
            [[0]],
            r"row 0 of the train split of task 'entities' has 2 words and 1 tag;",
        ),
        ([["a"], ["b"]], [[0], [0, 0]], r"row 1 of .* has 1 word and 2 tags; every word needs"),
        ([["a"]], [[4]], r"tag 4 of word 0 in column 'ner_tags' of row 0 .*allowed.* O, B-PER, I-"),
        ([["a"]], [["B-PRE"]], r"tag 'B-PRE' of word 0 .*or their numbers\. Did you mean 'B-PER'"),
        (["a b"], [[0]], r"column 'tokens' of row 0 .* must be a list of words, got 'a b'; split"),
        ([["a\nb"]], [[0]], r"word 0 in column 'tokens' of row 0 .* holds a line break, got 'a"),
        ([["a"]], [["O"], None][1:], r"label None in column 'ner_tags' of row 0 .* list of tags"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path, tokens, tags, message):
    write(tmp_path, "train", tokens, tags)
    write(tmp_path, "test", [["x"]], [[0]])
    with pytest.raises(DataError, match=message):
        build_task(TASK, tmp_path / "out", tmp_path, silent)


@pytest.mark.parametrize("words", [[], [""], ["", ""], ["a", "", " b c"], ["\u2028", "\r"]])
def test_words_survive_as_one_text(words):
    assert split_words(join_words(words)) == words


def test_a_line_break_in_a_word_is_refused():
    with pytest.raises(ValueError, match="line break"):
        join_words(["a\n"])
