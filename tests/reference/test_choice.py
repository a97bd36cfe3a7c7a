"""Options to choose among: how rows are read, laid out, scored and refused."""

import dataclasses
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from small_cases import save_encoder, small_spec, small_task

from mae_bench.data.sources import Source
from mae_bench.errors import DataError, SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import TaskModel
from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.specs import FinetuneRecipe, NoiseSpec
from mae_bench.tasks import Task, build_task, kind_of, load_task
from mae_bench.training.batching import load_tokenizer
from mae_bench.training.operations import OperationCount

TASK = Task(
    name="chosen",
    kind="choice",
    text_fields=("context", "question"),
    option_fields=("options",),
    label_field="answer",
    label_names=(),
    metrics=("accuracy",),
    source=Source("", "", "chosen", "none", {"train": "train", "test": "test"}),
    licence="none",
)
COLUMNS = dataclasses.replace(TASK, option_fields=("one", "two", "three"))
LETTERS = dataclasses.replace(TASK, label_names=tuple("ABCD"))
INLINE = dataclasses.replace(
    TASK, text_fields=("sentence",), option_fields=(), label_names=("0", "1", "2", "3")
)
ALONE = dataclasses.replace(TASK, text_fields=(), option_fields=("one", "two"))


def read(task, texts, label):
    return kind_of(task).read_example(texts, label, "row 3")


@pytest.mark.parametrize(
    ("task", "texts", "label", "expected"),
    [
        (TASK, ("c", "q", ["x", "y ", "z"]), "y", (("c", "q", "x", "y", "z"), 1)),
        (TASK, (["l1", "l2"], "q", ["x", "y"]), 0, (("l1\nl2", "q", "x", "y"), 0)),
        (COLUMNS, ("c", "q", "x", "y", None), 1, (("c", "q", "x", "y"), 1)),
        (LETTERS, ("c", "q", ["x", "y"]), "B", (("c", "q", "x", "y"), 1)),
        (ALONE, ("x", "y"), 1, (("", "", "x", "y"), 1)),
        (
            INLINE,
            ("A: a passage\nwhich?\nA: x\nB: y: z\nC: w\n",),
            "2",
            (("A: a passage\nwhich?", "", "x", "y: z", "w"), 2),
        ),
        (TASK, ("c", "q", ["x", "y", "y"]), "x", (("c", "q", "x", "y", "y"), 0)),
        (TASK, ("c", "q", ["x", "y", "y"]), "y", None),
    ],
)
def test_rows_of_every_layout_are_read(task, texts, label, expected):
    assert read(task, texts, label) == expected


@pytest.mark.parametrize(
    ("task", "texts", "label", "message"),
    [
        (TASK, ("c", "q", ["x"]), "x", r"row 3 has 1 option; give 2 to 10 options"),
        (TASK, ("c", "q", list("abcdefghijk")), "a", r"row 3 has 11 options; give 2 to 10"),
        (INLINE, ("no option here",), "0", r"row 3 has 0 options"),
        (TASK, ("c", "q", ["x", "y"]), "z", r"label 'z' .* none of its 2 options; .*'x', 'y'"),
        (TASK, ("c", "q", ["x", "y"]), 2, r"label 2 .* allowed: 0 to 1"),
        (TASK, ("c", "q", ["x", "y"]), -1, r"label -1 .* none of its 2 options"),
        (LETTERS, ("c", "q", ["x", "y"]), "C", r"label 'C' .* allowed: A, B$"),
        (TASK, ("c", "q", ["x", " "]), "x", r"an option in options of row 3 must be text .*' '"),
        (TASK, ("c", "q", ["x", None]), "x", r"an option in options of row 3 .*got None"),
        (TASK, (None, "q", ["x", "y"]), "x", r"column 'context' of row 3 must be text, got None"),
    ],
)
def test_wrong_rows_are_named(task, texts, label, message):
    with pytest.raises(DataError, match=message):
        read(task, texts, label)


def test_a_task_without_columns_is_refused():
    task = dataclasses.replace(TASK, text_fields=(), option_fields=())
    with pytest.raises(SpecError, match=r"'chosen' .*names no column; .*option_fields"):
        kind_of(task).check()


def write(folder, split, rows):
    (folder / "chosen").mkdir(exist_ok=True)
    names = ("context", "question", "options", "answer")
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"chosen/{split}.parquet")


def test_numbers_of_options_survive_preparing(tmp_path):
    train = [(f"c{i}", "q", list("abcd")[: 2 + i % 3], "b") for i in range(30)]
    write(tmp_path, "train", [*train, ("c", "q", ["a", "a"], "a")])
    # the same options in another order are the same question
    write(tmp_path, "test", [("t", "q", ["x", "y"], "x"), ("c0", "q", ["b", "a"], "b")])
    build_task(TASK, tmp_path / "out", tmp_path, silent)
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert meta["skipped"] == {"examples whose right option stands there twice in train": 1}
    assert meta["removed"]["train_in_test"] == 1
    data = load_task(tmp_path / "out")
    assert data.test.num_texts is None and data.test.texts[2:] == (["x", "b"], ["y", "a"])
    for part in (data.train, data.selection):
        for at, name in enumerate(part.ids):
            count = 2 + int(name.removeprefix("train-")) % 3
            texts = [column[at] for column in part.texts]
            filled = texts[2:] + [""] * (4 - len(texts[2:]))
            assert filled == [*"abcd"[:count], *[""] * (4 - count)]
            assert part.num_texts[at] == 2 + count
    few = data.train.take(np.array([3, 0]))
    assert few.num_texts.tolist() == [data.train.num_texts[3], data.train.num_texts[0]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def laid_out(data, encoder):
    kind = kind_of(data.task)
    tokenizer = load_tokenizer(encoder)
    return (
        tokenizer,
        kind.lay_out(tokenizer, data.train, max_length=32, vocab_size=99, device="cpu"),
        kind.learner(data.train),
    )


def test_each_option_is_scored_as_if_alone(encoder):
    """Scores of batches of any size are those of each option's own row."""
    data = small_task("choice")
    tokenizer, texts, learner = laid_out(data, encoder)
    backbone = load_backbone(encoder)
    head = learner.head(backbone.width, dropout=0.0, seed=0)
    model = TaskModel(backbone, head, tokenizer.sep_token_id).eval()
    context, question, *options = data.train.texts
    for batch_size in (1, 7, 64):
        recipe = FinetuneRecipe(batch_size=batch_size, precision="fp32")
        outputs = Finetuner(model, learner, recipe, task="t", seed=0, device="cpu").predict(texts)
        assert outputs.shape == (48, 10, 1)
        for at in range(0, 48, 5):
            rows = [f"{question[at]} {column[at]}" for column in options if column[at]]
            for number, second in enumerate(rows):
                ids = torch.tensor([tokenizer(context[at], second)["input_ids"]])
                with torch.inference_mode():
                    (alone,) = model(ids, None)
                torch.testing.assert_close(outputs[at, number], alone, atol=1e-5, rtol=1e-4)


def test_loss_and_choice_are_those_of_plain_python(encoder):
    data = small_task("choice")
    _, texts, learner = laid_out(data, encoder)
    outputs = torch.randn(48, 3, 1, generator=torch.Generator().manual_seed(0))
    losses, chosen = [], []
    counts = data.train.num_texts - 2
    for at, right in enumerate(data.train.labels):
        scores = outputs[at, : counts[at], 0].tolist()
        losses.append(np.log(np.exp(scores).sum()) - scores[right])
        chosen.append(int(np.argmax(scores)))
    targets = learner.encode(data.train.labels, texts)
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(losses), rel=1e-6)
    assert learner.decode(outputs, texts).tolist() == chosen
    assert set(counts) == {2, 3}


def test_without_any_context_a_question_stands_alone(encoder):
    data = small_task("choice")
    blank = tuple([[""] * 48, *data.train.texts[1:]])
    data = dataclasses.replace(data, train=dataclasses.replace(data.train, texts=blank))
    tokenizer, texts, _ = laid_out(data, encoder)
    row = texts.ids[0, 0, : texts.device_lengths[0, 0]].tolist()
    assert row == tokenizer(f"{blank[1][0]} {blank[2][0]}")["input_ids"]


def test_the_floor_is_the_commonest_place_that_an_example_has():
    data = small_task("choice")
    three = np.flatnonzero((data.train.num_texts == 5) & (data.train.labels == 2))
    train = data.train.take(np.concatenate([three, np.flatnonzero(data.train.labels == 1)[:3]]))
    predictions = kind_of(data.task).floor(train, data.test)
    assert predictions.tolist() == [1, 2] * 12


def test_noise_leaves_the_number_of_options(encoder):
    data = small_task("choice")
    noise = NoiseSpec(name="typos", rate=0.9)
    spec = small_spec("finetune", data, test_noises=(noise,))
    result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    test = result.readings[0].test
    assert test.num_texts.tolist() == data.test.num_texts.tolist()
    assert all(was != now for was, now in zip(data.test.texts[1:4], test.texts[1:4], strict=True))
    assert (result.readings[0].predictions < test.num_texts - 2).all()


def test_operations_count_every_option(encoder):
    counts = [OperationCount(load_backbone(encoder).config) for _ in range(2)]
    counts[0].add_training((3, 4, 20))
    counts[1].add_training((12, 20))
    assert counts[0].total == counts[1].total > 0


def test_a_fine_tune_learns_to_choose(encoder):
    data = small_task("choice", train=240)
    spec = small_spec("finetune", data, recipe={"learning_rates": (1e-2,), "min_steps": 240})
    result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    (reading,) = result.readings
    assert reading.metrics["accuracy"] > 0.8 and reading.collapse == ""
    assert result.best.facts["train_loss"] < result.best.facts["constant_loss"]
