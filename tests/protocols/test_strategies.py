"""Strategies of fine-tuning, each against its plain form."""

import copy
import dataclasses
import importlib.util
import math

import numpy as np
import pytest
import torch
from family_encoders import save_family
from small_cases import save_encoder, small_spec, small_task

from mae_bench.costs import training_passes
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, build_backbone, build_stack, load_backbone
from mae_bench.model.heads import PooledHead
from mae_bench.model.layers import read_layers, reinitialise
from mae_bench.model.text_pooling import build_pooling
from mae_bench.progress import silent
from mae_bench.protocols.finetune import run
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.protocols.strategies import (
    build_model,
    check_strategy,
    lr_factor,
    prepare,
)
from mae_bench.specs import BackboneSpec, FinetuneRecipe
from mae_bench.tasks import KINDS, kind_of
from mae_bench.training.batching import load_tokenizer, tokenize
from mae_bench.training.bert_adam import BertAdam
from mae_bench.training.optim import make_optimizer, set_lr

SIZES = {"num_layers": 3, "hidden_size": 16, "num_heads": 2, "max_length": 32}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"), dropout=0.1)


def backbone_of(arch):
    return build_backbone(BackboneSpec(arch=arch, **SIZES), 30, 0)


def tuner_of(encoder, data, **fields):
    recipe = FinetuneRecipe(max_length=32, precision="fp32", min_steps=4, epochs=1, **fields)
    backbone, tokenizer = load_backbone(encoder), load_tokenizer(encoder)
    kind = kind_of(data.task).under(recipe)
    learner = kind.learner(data.train)
    prepare(backbone, recipe, 0)
    head = learner.head(backbone.width, dropout=0.0, seed=0)
    model = build_model(backbone, head, recipe, None, task="t", seed=0)
    tuner = Finetuner(model, learner, recipe, task="t", seed=0, device="cpu")
    size = backbone.vocab_size
    texts = tokenize(tokenizer, data.train.texts, max_length=32, vocab_size=size, device="cpu")
    return tuner, texts, learner.encode(data.train.labels, texts)


def weights(tuner, part):
    named = tuner.model.state_dict().items()
    return {name: value.clone() for name, value in named if name.startswith(part)}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("arch", ["modernbert", "bert", "gru"])
def test_the_rate_of_each_layer_is_that_above_it_times_the_decay(arch):
    backbone = backbone_of(arch)
    factor = lr_factor(backbone, 0.5)
    by_name = {
        name: factor(f"backbone.encoder.{name}") for name, _ in backbone.encoder.named_parameters()
    }
    expected = {}
    for name in by_name:
        numbers = [int(part) for part in name.split(".") if part.isdigit()]
        if numbers:
            expected[name] = 0.5 ** (3 - numbers[0])
        elif "embed" in name:
            expected[name] = 0.5**4
        else:
            expected[name] = 0.5  # what stands after the layers
    assert by_name == expected
    assert factor("head.linear.weight") == factor("chunk_pooling.score.weight") == 1.0
    assert lr_factor(backbone, 1.0)("backbone.encoder.anything") == 1.0


def test_groups_keep_their_factor_when_the_rate_is_set():
    named = [
        ("low", torch.nn.Parameter(torch.ones(2, 2))),
        ("high", torch.nn.Parameter(torch.ones(2))),
    ]
    optimizer = make_optimizer(
        named, lr=0.0, weight_decay=0.1, lr_factor=lambda name: {"low": 0.25, "high": 1.0}[name]
    )
    set_lr(optimizer, 0.4)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [
        (0.1, 0.1), (0.4, 0.0)
    ]  # fmt: skip


def test_layers_that_no_name_shows_are_refused():
    backbone = backbone_of("bert")
    backbone.encoder.encoder.layer = torch.nn.ModuleList()
    with pytest.raises(SpecError, match="cannot be told by the names"):
        read_layers(backbone.encoder)


@pytest.mark.parametrize("arch", ["modernbert", "bert", "gru"])
def test_the_top_layers_are_new_by_the_seed_and_those_below_stay(arch):
    old = backbone_of(arch)
    made = [copy.deepcopy(old) for _ in range(3)]
    before = torch.get_rng_state()
    for backbone, seed in zip(made, (1, 1, 2), strict=True):
        reinitialise(backbone, 2, seed)
    assert torch.equal(torch.get_rng_state(), before)
    first, again, other = (dict(each.encoder.named_parameters()) for each in made)
    layers = read_layers(old.encoder)
    moved = set()
    for name, value in old.encoder.named_parameters():
        assert torch.equal(first[name], again[name])
        if layers.of[name] < 1:
            assert torch.equal(first[name], value)
        elif value.ndim == 2:
            assert not torch.equal(first[name], value)
            assert not torch.equal(first[name], other[name])
            moved.add(layers.of[name])
    assert {1, 2} <= moved
    with pytest.raises(SpecError, match="at most the 3 layers"):
        reinitialise(old, 4, 0)


def test_the_head_is_trained_alone_before_all_is(encoder):
    data = small_task("classify")
    tuner, texts, targets = tuner_of(encoder, data, probe_steps=6)
    body, head = weights(tuner, "backbone"), weights(tuner, "head")
    assert list(tuner.probe(texts, targets)) == [1, 2, 3, 4, 5, 6]
    probed = weights(tuner, "head")
    assert same(weights(tuner, "backbone"), body)
    assert not same(probed, head)
    assert all(parameter.requires_grad for parameter in tuner.model.parameters())
    list(tuner.train(texts, targets, 0.0))  # a rate of nothing: it starts where the probe ended
    assert same(weights(tuner, "head"), probed)
    list(tuner.train(texts, targets, 1e-3))
    assert not same(weights(tuner, "backbone"), body)


def test_a_probe_is_the_training_of_a_linear_layer_on_fixed_vectors(encoder):
    data = small_task("classify", train=32)
    fields = {"probe_steps": 3, "batch_size": 32, "clip_norm": 1e9, "probe_lr": 0.01}
    tuner, texts, targets = tuner_of(encoder, data, **fields)
    linear = copy.deepcopy(tuner.model.head.linear)
    with torch.no_grad():
        vectors = []
        for row in range(len(texts)):
            ids = texts.ids[row : row + 1, : texts.lengths[row]]
            vectors.append(load_backbone(encoder).eval()(ids)[0].mean(dim=0))
    features = torch.stack(vectors)
    plain = torch.optim.AdamW(linear.parameters(), betas=(0.9, 0.999), eps=1e-6)
    plain.param_groups[0]["weight_decay"] = 0.0
    for done in (1 / 6, 3 / 6, 5 / 6):
        factor = (1 - done) / 0.9
        for group in plain.param_groups:
            group["lr"] = 0.01 * factor
        with torch.no_grad():  # AdamW's decay, of the matrix alone
            linear.weight.mul_(1 - 0.01 * factor * 0.01)
        plain.zero_grad()
        torch.nn.functional.cross_entropy(linear(features), targets).backward()
        plain.step()
    list(tuner.probe(texts, targets))
    torch.testing.assert_close(tuner.model.head.linear.weight, linear.weight, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("freeze", ["embeddings", "encoder"])
def test_what_is_frozen_stays(encoder, freeze):
    tuner, texts, targets = tuner_of(encoder, small_task("classify"), freeze=freeze)
    before = weights(tuner, "backbone")
    list(tuner.train(texts, targets, 1e-2))
    after = weights(tuner, "backbone")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any("embeddings" in name for name in moved)
    assert bool(moved) == (freeze == "embeddings")


def test_lora_trains_its_updates_alone_and_starts_as_the_encoder(encoder):
    pytest.importorskip("peft")
    data = small_task("classify")
    plain, texts, _ = tuner_of(encoder, data)
    tuner, texts, targets = tuner_of(encoder, data, lora={"rank": 2, "targets": ("Wqkv",)})
    torch.testing.assert_close(tuner.predict(texts), plain.predict(texts))
    before = weights(tuner, "backbone")
    list(tuner.train(texts, targets, 1e-2))
    after = weights(tuner, "backbone")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all("lora_" in name for name in moved)
    assert all("Wqkv" in name for name in before if "lora_" in name)
    again, _, _ = tuner_of(encoder, data, lora={"rank": 2, "targets": ("Wqkv",)})
    assert same(weights(again, "backbone"), before)
    with pytest.raises(SpecError, match="no linear layer of the encoder is named 'query'"):
        tuner_of(encoder, data, lora={"targets": ("query",)})


def test_lora_without_peft_is_a_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"pip install 'mae-bench\[lora\]'"):
        check_strategy(FinetuneRecipe(lora={"rank": 2}), KINDS.get("classify"), "classify")


def test_costs_are_of_what_is_trained():
    assert training_passes(FinetuneRecipe()) == 3
    assert training_passes(FinetuneRecipe(lora={"rank": 2})) == 2
    assert training_passes(FinetuneRecipe(freeze="encoder")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"lora": {"rank": 2}, "freeze": "embeddings"},
        {"lora": {"rank": 2}, "reinit_layers": 1},
        {"freeze": "encoder", "layer_lr_decay": 0.9},
    ],
)
def test_options_that_cannot_both_act_are_refused(fields):
    with pytest.raises(ValueError, match="drop one"):
        FinetuneRecipe(**fields)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("regress", {"class_weights": "balanced"}, "class_weights 'balanced' means nothing"),
        ("pair", {"long_text": "tail"}, "two texts that are read together"),
        ("multilabel", {"class_weights": "balanced"}, "it fits kinds classify, pair:"),
        *((kind, {"pooling": "max"}, "it fits kinds") for kind in ("choice", "span", "tag")),
        *((kind, {"long_text": "chunks"}, "it fits") for kind in ("choice", "span", "tag")),
    ],
)
def test_options_that_mean_nothing_to_a_kind_are_refused(kind, fields, message):
    with pytest.raises(SpecError, match=message):
        check_strategy(FinetuneRecipe(**fields), KINDS.get(kind), kind)


def test_class_weights_are_those_of_scikit_learn_in_torchs_loss():
    from sklearn.utils.class_weight import compute_class_weight

    data = small_task("classify")
    labels = np.array([0] * 40 + [1] * 6 + [2] * 2)
    train = dataclasses.replace(data.train, labels=labels)
    recipe = FinetuneRecipe(class_weights="balanced")
    learner = kind_of(data.task).under(recipe).learner(train)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    outputs, targets = torch.randn(48, 3), torch.from_numpy(labels)
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(learner.loss(outputs, targets), loss(outputs, targets))
    # the best constant gives each class the same share: it cannot do better than log(3)
    assert learner.constant_losses == pytest.approx(math.log(3))
    even = learner.loss(torch.zeros(48, 3), targets)
    assert float(even) == pytest.approx(math.log(3), abs=1e-6)
    shares = torch.log(torch.tensor([40.0, 6.0, 2.0]) / 48).expand(48, 3)
    assert float(learner.loss(shares, targets)) > math.log(3)


def test_bert_adam_is_adam_without_its_correction():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(3, 2))
    value, mean, square = weight.detach().clone(), torch.zeros(3, 2), torch.zeros(3, 2)
    groups = [{"params": [weight], "weight_decay": 0.1}]
    optimizer = BertAdam(groups, lr=0.01, betas=(0.9, 0.99), eps=1e-6)
    for _ in range(5):
        gradient = torch.randn(3, 2)
        weight.grad = gradient.clone()
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        value = value - 0.01 * (mean / (square.sqrt() + 1e-6) + 0.1 * value)
    torch.testing.assert_close(weight.detach(), value)


@pytest.mark.parametrize("name", ["cls", "last", "max", "attention"])
def test_poolings_read_real_tokens_alone(name):
    torch.manual_seed(0)
    hidden = torch.randn(3, 5, 4)
    lengths = [5, 3, 1]
    is_pad = torch.arange(5) >= torch.tensor(lengths)[:, None]
    pooling = build_pooling(name, 4, task="t", seed=0)
    got = pooling(hidden, is_pad)
    for row, length in enumerate(lengths):
        real = hidden[row, :length]
        if name == "attention":
            score = (real @ pooling.score.weight[0] + pooling.score.bias).exp()
            expected = (score[:, None] * real).sum(0) / score.sum()
        else:
            expected = {"cls": real[0], "last": real[-1], "max": real.amax(0)}[name]
        torch.testing.assert_close(got[row], expected)
        alone = pooling(hidden[row : row + 1, :length], None)[0]
        torch.testing.assert_close(alone, got[row])


def test_a_head_without_a_pooling_takes_the_mean():
    assert build_pooling("mean", 4, task="t", seed=0) is None
    head = PooledHead(4, 2, dropout=0.0, task="t", seed=0)
    hidden = torch.randn(2, 3, 4)
    torch.testing.assert_close(head.pool(hidden, None), hidden.mean(dim=1))
    assert list(head.state_dict()) == ["linear.weight", "linear.bias"]


@pytest.mark.parametrize("long_text", ["tail", "head_tail", "chunks"])
@pytest.mark.parametrize("kind", ["classify", "detect", "multilabel"])
def test_a_fine_tune_reads_long_texts_in_parts(encoder, kind, long_text):
    data = small_task(kind)
    recipe = {"max_length": 5, "long_text": long_text, "chunk_pooling": "attention"}
    results = [
        run(
            small_spec("finetune", data, recipe=fields),
            checkpoint=encoder, task=data, device="cpu", progress=silent,
        )
        for fields in (recipe, recipe, {"max_length": 5})
    ]  # fmt: skip
    assert results[0].trials == results[1].trials != results[2].trials
    assert math.isfinite(results[0].trials[0].loss)


def test_new_layers_are_drawn_as_the_architecture_draws_them():
    backbone = backbone_of("modernbert")
    fresh = Backbone(build_stack(backbone.config))
    assert [name for name, _ in fresh.named_parameters()] == [
        name for name, _ in backbone.named_parameters()
    ]


@pytest.mark.parametrize("kind", ["choice", "multilabel", "span", "tag"])
def test_strategies_of_the_encoder_fit_every_kind(encoder, kind):
    data = small_task(kind)
    plain, decayed, frozen = (
        run(
            small_spec("finetune", data, recipe=fields),
            checkpoint=encoder, task=data, device="cpu", progress=silent,
        )
        for fields in ({}, {"layer_lr_decay": 0.5, "probe_steps": 3}, {"freeze": "encoder"})
    )  # fmt: skip
    losses = [result.trials[0].loss for result in (plain, decayed, frozen)]
    assert len(set(losses)) == 3 and all(map(math.isfinite, losses))
    assert frozen.flops < plain.flops < decayed.flops


def test_cls_is_the_last_token_where_a_decoder_has_no_other(tmp_path):
    folder, data = save_family("llama", tmp_path), small_task("classify")
    results = [
        run(
            small_spec("finetune", data, recipe={"pooling": pooling}),
            checkpoint=folder, task=data, device="cpu", progress=silent,
        )
        for pooling in ("cls", "last", "mean")
    ]  # fmt: skip
    assert results[0].trials == results[1].trials != results[2].trials
