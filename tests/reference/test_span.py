"""Questions with windows: layout, targets and decoding against slow plain Python."""

import dataclasses
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from small_cases import as_predictions, save_encoder, small_spec, small_task
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from mae_bench.data.sources import Source
from mae_bench.errors import DataError, SpecError
from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.specs import FinetuneRecipe, NoiseSpec
from mae_bench.tasks import Examples, Task, build_task, kind_of, load_task
from mae_bench.tasks.kinds import objects
from mae_bench.training.batching import load_tokenizer

TASK = Task(
    name="asked",
    kind="span",
    text_fields=("question", "context"),
    label_field="answers",
    label_names=(),
    metrics=("answer_f1", "exact_match"),
    source=Source("", "", "asked", "none", {"train": "train", "test": "test"}),
    licence="none",
)
KIND = kind_of(TASK)


def answers(*pairs):
    return {"text": [text for text, _ in pairs], "answer_start": [at for _, at in pairs]}


def fast(tokenizer, **special):
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]"} | special
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def byte_level():
    """Return a tokenizer of single bytes without special tokens around a text, as GPT-2's."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: i for i, sign in enumerate(["[PAD]", "[UNK]", *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return fast(tokenizer)


def uncased():
    """Return a WordPiece that strips case and accents, as BERT's, with Chinese characters apart."""
    signs = [*"abcdefghijklmnopqrstuvwxyz0123456789.,?", "年", "月", "##e", "##s", "cafe"]
    vocabulary = {sign: i for i, sign in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *signs])}
    vocabulary |= {f"##{sign}": len(vocabulary) + i for i, sign in enumerate("abcdfghijklmnopqrtu")}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return fast(tokenizer, cls_token="[CLS]", sep_token="[SEP]")


def metaspace():
    """Return a unigram with blanks as marks and two separators in a pair, as XLM-R's."""
    signs = "▁abcdefghijklmnopqrstuvwxyzéÉC0123456789.,?年月"
    pieces = [("[PAD]", 0.0), ("[UNK]", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    pieces += [(sign, -2.0) for sign in signs] + [("▁the", -1.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=1))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 2), ("</s>", 3)],
    )
    return fast(tokenizer, cls_token="<s>", sep_token="</s>")


TOKENIZERS = [byte_level, uncased, metaspace]
CONTEXT = "The  café Célèbre opened in 1963年5月, the ﬁrst of its kind. [SEP] Emoji 🎉 end."
ANSWERS = ["café Célèbre", "1963年5月", "1963", "kind", "The", "end.", "🎉"]


def one(question, context, *pairs):
    return Examples(["a"], ([question], [context]), objects([answers(*pairs)]))


def laid_out(tokenizer, examples, max_length=32, stride_ratio=0.5):
    kind = KIND.under(FinetuneRecipe(stride_ratio=stride_ratio))
    texts = kind.lay_out(
        tokenizer, examples, max_length=max_length, vocab_size=10_000, device="cpu"
    )
    return kind, texts


@pytest.mark.parametrize("make", TOKENIZERS)
@pytest.mark.parametrize("max_length", [30, 60, 400])
def test_windows_are_the_whole_context_and_nothing_is_cut_from_the_question(make, max_length):
    tokenizer = make()
    question = "when opened it?"
    _, texts = laid_out(tokenizer, one(question, CONTEXT), max_length)
    pair = tokenizer(question, CONTEXT, split_special_tokens=True)
    sides = pair.sequence_ids(0)
    ids = pair["input_ids"]
    begin = sides.index(1)
    context = [i for i, side in zip(ids, sides, strict=True) if side == 1]
    room = max_length - (len(ids) - len(context))
    covered = set()
    for row, length in enumerate(texts.lengths):
        window = texts.ids[row, :length].tolist()
        first, count = int(texts.first_tokens[row]), int(texts.num_held[row])
        assert window == ids[:begin] + context[first : first + count] + ids[begin + len(context) :]
        assert count <= room and length <= max_length
        covered |= set(range(first, first + count))
    assert covered == set(range(len(context)))
    assert (len(texts) == 1) == (len(context) <= room)
    steps = np.diff(texts.first_tokens)
    assert (steps == round(0.5 * room)).all()


@pytest.mark.parametrize("make", TOKENIZERS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_survives_its_tokens(make, answer):
    """What the loss asks for is decoded to the characters of the context."""
    at = CONTEXT.index(answer)
    examples = one("when?", CONTEXT, (answer, at))
    kind, texts = laid_out(make(), examples, 400)
    learner = kind.learner(examples)
    learner.max_characters += 2  # whole tokens may be longer than the answer
    targets = learner.encode(examples.labels, texts)
    start, end, first, last = targets[0].tolist()
    assert 0 < first <= start <= end <= last
    outputs = torch.zeros(1, texts.ids.shape[1], 2)
    outputs[0, start, 0] = outputs[0, end, 1] = 5.0
    (decoded,) = learner.decode(outputs, texts)
    assert answer in decoded and len(decoded) <= len(answer) + 2


def slow_best(outputs, texts, longest, can_be_none):
    """Decode by trying every start and end."""
    characters = [texts.offsets[owner] for owner in texts.owners]
    best, none = {}, {}
    for row, owner in enumerate(texts.owners.tolist()):
        begin, first = int(texts.context_starts[row]), int(texts.first_tokens[row])
        score = float(outputs[row, 0, 0] + outputs[row, 0, 1])
        none[owner] = min(none.get(owner, np.inf), score)
        for i in range(int(texts.num_held[row])):
            for j in range(i, int(texts.num_held[row])):
                start = int(characters[row][first + i, 0])
                end = int(characters[row][first + j, 1])
                value = float(outputs[row, begin + i, 0] + outputs[row, begin + j, 1])
                if end - start <= longest and value > best.get(owner, (-np.inf, ""))[0]:
                    best[owner] = value, texts.contexts[owner][start:end].strip()
    decoded = []
    for owner in range(len(texts.contexts)):
        value, text = best.get(owner, (-np.inf, ""))
        decoded.append("" if can_be_none and none.get(owner, np.inf) > value else text)
    return decoded


@pytest.mark.parametrize("can_be_none", [True, False])
@pytest.mark.parametrize("longest", [4, 11, 60])
def test_decoding_is_that_of_every_start_and_end(longest, can_be_none):
    questions = ["when?", "who was it, who?", "x"]
    contexts = [CONTEXT, "the end of the first of 1963.", ""]
    labels = [answers(("end", 4)) for _ in contexts]
    labels[2] = answers() if can_be_none else labels[1]
    examples = Examples(list("abc"), (questions, contexts), objects(labels))
    kind, texts = laid_out(uncased(), examples, 30)
    learner = kind.learner(examples)
    learner.max_characters = longest
    assert learner.can_be_none is can_be_none and len(texts) > 4
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        outputs = torch.randn(len(texts), texts.ids.shape[1], 2, generator=generator)
        outputs[:, 0] += 1.0
        decoded = learner.decode(outputs, texts).tolist()
        assert decoded == slow_best(outputs, texts, longest, can_be_none)


def test_the_loss_is_that_of_plain_python():
    examples = Examples(
        ["a", "b"],
        (["when?", "who?"], [CONTEXT, "the end"]),
        objects([answers(("1963", CONTEXT.index("1963"))), answers()]),
    )
    kind, texts = laid_out(uncased(), examples, 24)
    learner = kind.learner(examples)
    targets = learner.encode(examples.labels, texts)
    outputs = torch.randn(
        len(texts), texts.ids.shape[1], 2, generator=torch.Generator().manual_seed(1)
    )
    losses, constants = [], []
    num_none = sum(int(start) == 0 for start in targets[:, 0])
    for row, (start, end, first, last) in enumerate(targets.tolist()):
        is_none = start == 0
        count = last - first + 1
        share = num_none / len(texts)
        constants.append(-np.log(share if is_none else (1 - share) / count))
        for side, wanted in ((0, start), (1, end)):
            scores = [outputs[row, at, side].item() for at in (0, *range(first, last + 1))]
            here = outputs[row, wanted, side].item()
            losses.append(np.log(np.sum(np.exp(scores))) - here)
    assert 0 < num_none < len(texts)
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(losses), rel=1e-5)
    assert learner.losses_of_constant(targets, texts) == pytest.approx(constants)


def test_a_question_longer_than_the_window_is_counted_and_predicted_empty():
    examples = Examples(
        ["a", "b"],
        (["when " * 30, "when?"], ["the end", "the end"]),
        objects([answers(("end", 4))] * 2),
    )
    kind, texts = laid_out(uncased(), examples, 30)
    assert dict(kind.skipped) == {"questions longer than the window": 1}
    assert set(texts.owners.tolist()) == {1}
    outputs = torch.zeros(len(texts), texts.ids.shape[1], 2)
    assert kind.learner(examples).decode(outputs, texts)[0] == ""
    with pytest.raises(DataError, match=r"none of 1 questions leaves 8 tokens .*raise max_length"):
        laid_out(uncased(), examples.take(np.array([0])), 30)


def test_a_tokenizer_without_offsets_is_refused():
    slow = type("SlowTokenizer", (), {"is_fast": False})()
    with pytest.raises(SpecError, match=r"SlowTokenizer does not tell which characters"):
        laid_out(slow, one("when?", "the end"))


def write(folder, split, rows):
    (folder / "asked").mkdir(exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in ("question", "context", "answers")}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"asked/{split}.parquet")


def row(number, *pairs, part="train"):
    return {"question": f"{part} {number}", "context": "the end", "answers": answers(*pairs)}


def test_answers_that_are_not_in_their_context_are_counted_and_skipped(tmp_path):
    good = [row(i, ("end", 4)) for i in range(20)]
    bad = [row(20, ("end", 3)), row(21, ("end", 4), ("fin", 4)), row(22)]
    write(tmp_path, "train", [*good, *bad])
    write(tmp_path, "test", [row(0, ("the", 0), part="test"), row(1, ("The", 0), part="test")])
    said = []
    build_task(TASK, tmp_path / "out", tmp_path, lambda done, total, text: said.append(text))
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    reason = "answers that are not in their context at answer_start"
    assert meta["skipped"] == {f"{reason} in train": 2, f"{reason} in test": 1}
    assert f"skipped 2 {reason} in train, 1 {reason} in test" in said[-1]
    data = load_task(tmp_path / "out")
    assert data.test.ids == ["test-0"]
    labels = [*data.train.labels, *data.selection.labels]
    assert len(labels) == 22 and labels.count(answers()) == 1
    assert labels.count(answers(("end", 4))) == 21


@pytest.mark.parametrize(
    "label",
    [
        "end",
        None,
        {"text": ["end"]},
        {"text": ["end"], "answer_start": []},
        {"text": ["end"], "answer_start": [-1]},
        {"text": [" "], "answer_start": [0]},
        {"text": [3], "answer_start": [0]},
    ],
)
def test_a_label_that_is_no_answer_is_named(label):
    with pytest.raises(DataError, match=r"of row 3 is not allowed; allowed: .*answer_start"):
        KIND.read_example(("q", "the end"), label, "row 3")


def test_noise_falls_on_the_question_alone():
    data = small_task("span")
    noise = NoiseSpec(name="typos", rate=0.9, where="both")
    from mae_bench.protocols.splits import Splits

    splits = Splits(small_spec("finetune", data, train_noise=noise), data)
    test = splits.test(noise)
    assert test.texts[1] == data.test.texts[1] and test.texts[0] != data.test.texts[0]


def test_a_fine_tune_learns_where_answers_are(tmp_path):
    data = small_task("span", train=200)
    spec = small_spec("finetune", data, recipe={"learning_rates": (1e-2,), "min_steps": 100})
    encoder = save_encoder(tmp_path)
    result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    (reading,) = result.readings
    assert reading.metrics["exact_match"] > 0.9 and reading.collapse == ""
    assert reading.metrics["answer_f1"] >= reading.metrics["exact_match"]
    assert result.best.facts["train_loss"] < result.best.facts["constant_loss"]
    assert "" in reading.predictions and result.record().get("skipped") is None


def test_one_that_learned_nothing_is_marked(tmp_path):
    data = small_task("span")
    spec = small_spec("finetune", data, recipe={"learning_rates": (1e-9,)})
    result = finetune.run(
        spec, checkpoint=save_encoder(tmp_path), task=data, device="cpu", progress=silent
    )
    assert "fine-tune untrained" in result.readings[0].collapse


def test_only_empty_predictions_are_a_collapse():
    labels = small_task("span").test.labels
    assert KIND.find_collapse(labels, objects([""] * len(labels))) == "constant prediction"
    assert KIND.find_collapse(labels, as_predictions(labels)) == ""


def test_the_floor_is_the_commonest_answer_which_may_be_none():
    empty = small_task("span").test
    labels = [answers(), answers(("b", 0)), answers(("b", 0), ("b", 3)), answers(("a", 1))]
    train = Examples(list("abcd"), (["q"] * 4, ["c"] * 4), objects(labels))
    assert set(KIND.floor(train, empty)) == {"b"}
    train = dataclasses.replace(train, labels=objects([answers(), *labels[:2], labels[3]]))
    assert set(KIND.floor(train, empty)) == {""}


def test_windows_of_one_tokenizer_are_not_another_ones(tmp_path):
    first = load_tokenizer(save_encoder(tmp_path / "a"))
    examples = one("the house", "a river")
    counts = {len(laid_out(make, examples)[1].offsets[0]) for make in (first, byte_level())}
    assert counts == {2, len("a river")}
