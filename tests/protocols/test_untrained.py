"""zero_shot, knn and few_shot against what they do, written out one text at a time."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from small_cases import CLOZES, SIGNS, save_encoder, save_mlm, small_spec, small_task

from mae_bench.draws import Block, Draws
from mae_bench.errors import DataError, SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.pretraining.rebuild import rebuild_scorer
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.protocols.cloze import ClozeReader
from mae_bench.protocols.few_shot import draw_shots
from mae_bench.protocols.knn import grid
from mae_bench.protocols.splits import Splits
from mae_bench.specs import ZeroShotRecipe
from mae_bench.training.batching import load_tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_mlm(tmp_path_factory.mktemp("mlm"))


def run(name, encoder, data, recipe=None, **changes):
    spec = small_spec(name, data, recipe=recipe or {}, **changes)
    return PROTOCOLS.get(name).run(
        spec, checkpoint=encoder, task=data, device="cpu", progress=silent
    )


def vector(folder, text, pooling="mean"):
    backbone, tokenizer = load_backbone(folder).eval(), load_tokenizer(folder)
    with torch.inference_mode():
        hidden = backbone(torch.tensor([tokenizer(text)["input_ids"]]))[0].double().numpy()
    return {"mean": hidden.mean(axis=0), "cls": hidden[0], "last": hidden[-1]}[pooling]


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_similarity_is_the_cosine_of_pooled_vectors(encoder, pooling):
    data = small_task("regress", test=8)
    result = run("zero_shot", encoder, data, {"poolings": (pooling,)})
    expected = [
        cosine(vector(encoder, a, pooling), vector(encoder, b, pooling))
        for a, b in zip(*data.test.texts, strict=True)
    ]
    np.testing.assert_allclose(result.readings[0].predictions, expected, atol=1e-5)
    spearman = spearmanr(data.test.labels, expected).statistic
    assert result.readings[0].metrics["spearman"] == pytest.approx(spearman)


def test_training_texts_and_labels_move_nothing(encoder):
    data = small_task("rank")
    first = run("zero_shot", encoder, data)
    other = dataclasses.replace(data, train=data.train.take(np.arange(3)))
    again = run("zero_shot", encoder, other, train_size=2)
    assert first.readings[0].metrics == again.readings[0].metrics
    assert first.n_train == again.n_train == 0


@pytest.mark.parametrize("name", ["zero_shot", "tfidf_cosine"])
def test_a_task_of_a_test_alone_is_read_with_the_first_pooling(encoder, name):
    data = small_task("regress")
    nothing = np.array([], dtype=np.int64)
    data = dataclasses.replace(
        data,
        task=dataclasses.replace(data.task, is_test_only=True),
        train=data.train.take(nothing),
        selection=data.selection.take(nothing),
    )
    result = run(name, encoder, data)
    assert result.best.value is None and result.n_selection == 0
    assert result.record()["chosen"] == ({"pooling": "mean"} if name == "zero_shot" else {})
    assert result.n_test == 24


def test_a_gap_is_filled_by_what_the_head_expects_there(encoder):
    data = small_task("classify", selection=4, test=6)
    predictions = run("zero_shot", encoder, data).readings[0].predictions
    backbone, tokenizer = load_backbone(encoder).eval(), load_tokenizer(encoder)
    head = rebuild_scorer(encoder, "cpu")[0].head
    for text, predicted in zip(data.test.texts[0], predictions, strict=True):
        ids = tokenizer(f"{text} over [MASK]")["input_ids"]
        hidden = backbone(torch.tensor([ids]))[0, ids.index(tokenizer.mask_token_id)][None]
        losses = [
            float(head.loss(hidden, backbone.embedding.weight, torch.tensor([token]), 1))
            for token in tokenizer.convert_tokens_to_ids(SIGNS)
        ]
        assert predicted == int(np.argmin(losses))


def test_what_cannot_be_asked_is_refused(encoder, tmp_path):
    data = small_task("classify")
    with pytest.raises(SpecError, match="has no head that predicts hidden tokens; take an arm"):
        run("zero_shot", save_encoder(tmp_path), data)
    with pytest.raises(SpecError, match="needs a prompt with a gap for task 'small_classify'"):
        run("zero_shot", encoder, data, {"clozes": {}})
    words = {"small_classify": CLOZES["small_classify"] | {"words": {"red": "red"}}}
    with pytest.raises(SpecError, match="must give words for its labels red, green, blue, got red"):
        run("zero_shot", encoder, data, {"clozes": words})
    words = {"small_classify": {"prompt": "{text}", "words": {}}}
    with pytest.raises(SpecError, match="once each, as in"):
        run("zero_shot", encoder, data, {"clozes": words})


def test_of_a_long_prompt_the_text_is_cut_and_never_the_prompt(encoder):
    data = small_task("pair", test=4)
    cloze = {
        "prompt": "{text} and {mask} {text_b}",
        "words": {"other": "over", "same": "under the"},
    }

    def reader(**fields):
        clozes = {"small_pair": cloze | fields}
        return ClozeReader(encoder, ZeroShotRecipe(clozes=clozes, max_length=7), data.task, "cpu")

    own = reader()
    texts = tuple(texts[0] for texts in data.test.texts)
    for word in own._words:
        row, start = own._row(texts, word)
        assert len(row) == 5 + len(word) <= 7 and row[start : start + len(word)] == word
    with pytest.raises(
        SpecError, match=r"takes 6 tokens with its longest words \(2\), and max_len"
    ):
        reader(prompt="{text} and {mask} over {text_b}")
    with pytest.raises(SpecError, match=r"leaves no token for a text; shorten the prompt in"):
        reader(words={"other": "over", "same": "over " * 9})


def test_neighbours_vote_by_their_cosine(encoder):
    for kind in ("classify", "regress"):
        data = small_task(kind, test=6)
        recipe = {"poolings": ("mean",), "num_neighbours": (5,), "temperature": 0.1}
        predictions = run("knn", encoder, data, recipe).readings[0].predictions

        def features(texts):
            sides = [vector(encoder, text) for text in texts]
            if len(sides) == 1:
                return sides[0]
            u, v = sides
            return np.concatenate([u, v, np.abs(u - v), u * v])

        train = [features(texts) for texts in zip(*data.train.texts, strict=True)]
        for texts, predicted in zip(zip(*data.test.texts, strict=True), predictions, strict=True):
            near = np.array([cosine(features(texts), other) for other in train])
            nearest = np.argsort(-near)[:5]
            votes, labels = np.exp(near[nearest] / 0.1), data.train.labels[nearest]
            if kind == "classify":
                assert predicted == np.argmax([votes[labels == c].sum() for c in range(3)])
            else:
                assert predicted == pytest.approx(votes @ labels / votes.sum(), rel=1e-4)


def test_more_neighbours_than_examples_are_not_asked_for():
    assert grid((50, 1, 5), 10) == [1, 5]
    assert grid((50,), 10) == [10]


def test_shots_are_of_each_class_nested_and_of_another_draw_others():
    groups = np.repeat([0, 1, 2], [5, 40, 20])
    fields = {"names": ("no", "yes", "maybe"), "task": "t"}
    few, more = (draw_shots(groups, k, **fields, seed=0, draw=0) for k in (2, 5))
    assert np.bincount(groups[few]).tolist() == [2, 2, 2] and set(few) < set(more)
    assert set(more) != set(draw_shots(groups, 5, **fields, seed=0, draw=1))
    assert set(more) != set(draw_shots(groups, 5, **fields, seed=1, draw=0))
    with pytest.raises(DataError, match="task 't' has 5 of class 'no' to train on; lower"):
        draw_shots(groups, 6, **fields, seed=0, draw=0)


def test_few_shot_is_the_mean_of_a_classifier_on_each_draw(encoder):
    data = small_task("classify")
    result = run("few_shot", encoder, data, {"shots": 4, "draws": 2})
    train = Splits(small_spec("few_shot", data), data).train
    test = np.stack([vector(encoder, text) for text in data.test.texts[0]])
    accuracies = []
    for draw in range(2):
        fields = {"names": SIGNS, "task": "small_classify", "seed": 0}
        drawn = train.take(draw_shots(train.labels, 4, **fields, draw=draw))
        features = np.stack([vector(encoder, text) for text in drawn.texts[0]])
        mean = features.mean(axis=0)
        factor = np.sqrt(((features - mean) ** 2).mean())
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit((features - mean) / factor, drawn.labels)
        accuracies.append(np.mean(model.predict((test - mean) / factor) == data.test.labels))
    reading = result.readings[0]
    assert reading.metrics["accuracy"] == pytest.approx(np.mean(accuracies))
    assert reading.spread["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert result.n_train == 12 and len(reading.predictions) == 48


def test_a_size_a_class_sets_the_shots(encoder):
    data = small_task("classify")
    spec = small_spec("few_shot", data).model_copy(update={"train_size": "2/class"})
    result = PROTOCOLS.get("few_shot").run(
        spec, checkpoint=encoder, task=data, device="cpu", progress=silent
    )
    assert result.n_train == 6 and result.best.chosen == {"shots": 2}


@pytest.mark.parametrize("objective", ["mlm", "mae"])
def test_words_of_several_tokens_count_by_the_mean_of_theirs(objective, tmp_path):
    """Read one text and label at a time, the objective's own loss is the score turned round."""
    data = small_task("pair", test=5)
    encoder = save_mlm(tmp_path, objective=objective)
    recipe = ZeroShotRecipe(clozes=CLOZES, max_length=32, precision="fp32")
    reader = ClozeReader(encoder, recipe, data.task, "cpu")
    scores = reader.scores(data.test)
    tokenizer = load_tokenizer(encoder)
    for row, (first, second) in enumerate(zip(*data.test.texts, strict=True)):
        for label, words in enumerate(("under the", "over")):
            ids = tokenizer(f"{first} and {words} {second}")["input_ids"]
            start = len(tokenizer(f"{first} and")["input_ids"]) - 1
            at = tuple(range(start, start + len(words.split())))
            asked, _ = rebuild_scorer(encoder, "cpu")
            draws = Draws(0, 0, torch.zeros(1, dtype=torch.int64), hidden=torch.tensor([at]))
            with torch.inference_mode():
                output = asked(asked.corrupt(Block(torch.tensor([ids])), draws))
            assert scores[row, label] == pytest.approx(-float(output.loss), abs=1e-5)
