"""A small encoder on disk and small tasks, for the tests of the protocols."""

import dataclasses
import random
from functools import partial

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, ModernBertConfig, PreTrainedTokenizerFast

from mae_bench.data.words import join_words
from mae_bench.model.backbone import load_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.specs import CLEAN, BackboneSpec, EvaluateSpec, PretrainRecipe, PretrainSpec
from mae_bench.tasks.base import Examples, Task, TaskData
from mae_bench.tasks.kinds import objects

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FILLERS = ["the", "a", "of", "and", "to", "house", "river", "stone", "over", "under"]
SIGNS = ["red", "green", "blue"]
CLOZES = {
    "small_classify": {"prompt": "{text} over {mask}", "words": {sign: sign for sign in SIGNS}},
    "small_pair": {
        "prompt": "{text} and {mask} {text_b}",
        "words": {"other": "under the", "same": "over"},
    },
}
WORDS = FILLERS + SIGNS + [str(number) for number in range(10)]


def save_encoder(folder, *, seed=0, positions=64, dropout=0.0, is_broken=False, vocab_size=None):
    """Write a one-layer ModernBERT and a word tokenizer; return the folder."""
    vocabulary = {word: token_id for token_id, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    config = ModernBertConfig(
        vocab_size=vocab_size or len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        global_attn_every_n_layers=1,
        embedding_dropout=dropout,
        mlp_dropout=dropout,
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = AutoModel.from_config(config)
    if is_broken:
        with torch.no_grad():
            next(encoder.parameters()).fill_(float("nan"))
    encoder.save_pretrained(folder)
    return folder


def save_mlm(folder, *, seed=0, objective="mlm"):
    """Write an untrained objective on `save_encoder`'s encoder, as a pretraining does."""
    start = save_encoder(folder / "encoder", seed=seed)
    spec = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=64)
    made = OBJECTIVES.get(objective)(
        load_backbone(start), spec, parse_options(objective, {}), seed=seed
    )
    save_checkpoint(made, start, folder)
    written = PretrainSpec(
        backbone=spec, objective=objective, blocks="none", recipe=PretrainRecipe(), seed=seed
    )
    write_json(written.model_dump(mode="json"), folder / SPEC_FILE)
    return folder


def small_task(kind, *, train=48, selection=24, test=24, label_names=None):
    """Return a learnable task: the class is a colour; pairs are the same colour or not.

    Several labels are all colours of a text, of which it may have none; tags are the spans of
    colours and of numbers. The answer to any question is the colour of the context, if it has one;
    the right option is the one of the question's colour.
    """
    names = {
        "classify": tuple(SIGNS),
        "detect": ("other", "red"),
        "multilabel": tuple(SIGNS),
        "pair": ("other", "same"),
        "rank": tuple(SIGNS),
        "tag": ("O", "B-SIGN", "I-SIGN", "B-NUMBER", "I-NUMBER"),
    }.get(kind, ())
    of_one = ("classify", "detect", "multilabel", "rank", "tag")
    fields = ("text",) if kind in of_one else ("text_a", "text_b")
    metrics = {
        "choice": ("accuracy",),
        "detect": ("auroc", "recall_at_95"),
        "multilabel": ("micro_f1", "subset_accuracy"),
        "regress": ("spearman", "pearson"),
        "rank": ("mrr_at_10", "recall_at_1", "ndcg_at_10"),
        "span": ("answer_f1", "exact_match"),
        "tag": ("span_f1", "word_accuracy"),
    }.get(kind, ("accuracy", "f1"))
    task = Task(
        name=f"small_{kind}",
        kind=kind,
        text_fields=fields,
        label_field="label",
        label_names=label_names or names,
        metrics=metrics,
        source=None,
        licence="none",
        option_fields=("options",) if kind == "choice" else (),
    )
    parts = {"train": train, "selection": selection, "test": test}
    make = {"choice": _choices, "span": _questions}.get(kind, partial(_examples, kind))
    examples = {part: make(part, count) for part, count in parts.items()}
    return TaskData(task, **examples)


def _examples(kind, part, count):
    rng = random.Random(f"{kind} {part}")
    if kind in ("tag", "multilabel"):
        texts, labels = zip(*(_several(kind, rng) for _ in range(count)), strict=True)
        return Examples([f"{part}-{i}" for i in range(count)], (list(texts),), objects(labels))
    columns, labels = [[], []], []
    for _ in range(count):
        first, second = rng.choice(SIGNS), rng.choice(SIGNS)
        if rng.random() < 0.3:
            second = first
        columns[0].append(_text(rng, first))
        if kind == "classify":
            labels.append(SIGNS.index(first))
        elif kind == "detect":
            labels.append(int(first == "red"))
        elif kind == "rank":
            labels.append({"relevant": [first]})
        elif kind == "pair":
            columns[1].append(_text(rng, second))
            labels.append(int(first == second))
        else:
            number = rng.randrange(10)
            columns[1].append(_text(rng, str(number)))
            labels.append(50.0 + 10.0 * number)
    dtypes = {"rank": object, "regress": np.float32}
    texts = tuple(column for column in columns if column)
    values = np.array(labels, dtype=dtypes.get(kind, np.int64))
    return Examples([f"{part}-{i}" for i in range(count)], texts, values)


def _several(kind, rng):
    if kind == "multilabel":
        signs = [number for number in range(len(SIGNS)) if rng.random() < 0.4]
        words = [*rng.choices(FILLERS, k=rng.randint(1, 7)), *(SIGNS[number] for number in signs)]
        return " ".join(rng.sample(words, len(words))), signs
    words = rng.choices(WORDS, k=rng.randint(2, 9))
    tags = ["SIGN" if w in SIGNS else "NUMBER" if w.isdigit() else "" for w in words]
    before = ["", *tags]
    return join_words(words), [
        f"{'I' if name == last else 'B'}-{name}" if name else "O"
        for name, last in zip(tags, before, strict=False)
    ]


def _questions(part, count):
    rng = random.Random(f"span {part}")
    questions, contexts, labels = [], [], []
    for _ in range(count):
        questions.append(" ".join(rng.choices(FILLERS, k=rng.randint(1, 3))))
        sign = rng.choice(SIGNS) if rng.random() < 0.7 else rng.choice(FILLERS)
        contexts.append(_text(rng, sign))
        answers = [sign] if sign in SIGNS else []
        starts = [contexts[-1].index(sign) for sign in answers]
        labels.append({"text": answers, "answer_start": starts})
    names = [f"{part}-{i}" for i in range(count)]
    return Examples(names, (questions, contexts), objects(labels))


def _choices(part, count):
    """Of two and three options in turn, each as often right as the others."""
    rng = random.Random(f"choice {part}")
    columns = [[] for _ in range(5)]
    labels, counts = [], []
    for number in range(count):
        num_options = 2 + number % 2
        right = number // 2 % num_options
        signs = rng.sample(SIGNS, num_options)
        options = [_text(rng, sign) for sign in signs] + [""] * (3 - num_options)
        texts = ["the river" if number % 3 else "", _text(rng, signs[right]), *options]
        for column, text in zip(columns, texts, strict=True):
            column.append(text)
        labels.append(right)
        counts.append(2 + num_options)
    names = [f"{part}-{i}" for i in range(count)]
    return Examples(names, tuple(columns), np.array(labels), np.array(counts))


def as_predictions(labels):
    """Return predictions that are right: the labels, or of several right answers the first."""
    if not isinstance(labels[0], dict):
        return labels
    if "relevant" in labels[0]:
        return objects([[name] for name in label["relevant"]] for label in labels)
    return objects(label["text"][0] if label["text"] else "" for label in labels)


def plain(values):
    """Return values as lists and numbers, as they are the same before and after a file."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple | np.ndarray):
        return [plain(value) for value in values]
    return values


def _text(rng, sign):
    words = rng.choices(FILLERS, k=rng.randint(1, 7))
    words.insert(rng.randrange(len(words) + 1), sign)
    return " ".join(words)


def small_spec(protocol, data, **changes):
    """Return a spec whose training takes a fraction of a second."""
    recipe = changes.pop("recipe", {})
    if protocol == "finetune":
        recipe = {
            "learning_rates": (3e-3,),
            "max_added_rates": 0,
            "epochs": 1,
            "min_steps": 8,
            "batch_size": 16,
            "max_length": 32,
            "precision": "fp32",
        } | recipe
    if protocol in ("few_shot", "knn", "linear_probe", "word_probe", "zero_shot"):
        recipe = {"max_length": 32, "precision": "fp32"} | recipe
    if protocol == "few_shot":
        recipe = {"shots": 3, "draws": 3} | recipe
    if protocol == "zero_shot":
        recipe = {"clozes": CLOZES} | recipe
    fields = {
        "checkpoint": "abc",
        "protocol": protocol,
        "recipe": recipe,
        "task": data.task.name,
        "task_data": "def",
        "train_size": "all",
        "test_noises": (CLEAN,),
        "seed": 0,
    }
    return EvaluateSpec(**(fields | changes))


def with_test_labels(data, labels):
    """Return the same task with other test labels."""
    return dataclasses.replace(data, test=dataclasses.replace(data.test, labels=labels))
