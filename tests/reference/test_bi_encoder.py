"""Kind `rank` fine-tuned: its loss against the rule written out, its rows, and what it learns."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from small_cases import SIGNS, save_encoder, small_spec, small_task
from torch.nn import functional

from mae_bench.errors import SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.tasks import kind_of
from mae_bench.tasks.base import Examples
from mae_bench.tasks.bi_encoder import InBatch
from mae_bench.tasks.kinds import objects
from mae_bench.tasks.kinds.rank import candidate_name
from mae_bench.tasks.rankings import rankings
from mae_bench.training.batching import load_tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def run(encoder, data, recipe):
    spec = small_spec("finetune", data, recipe=recipe)
    return PROTOCOLS.get("finetune").run(
        spec, checkpoint=encoder, task=data, device="cpu", progress=silent
    )


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(
        sum(x * x for x in a) * sum(y * y for y in b)
    )


def plain_loss(query, own, wrong):
    """Cross-entropy of 20 times the cosines, as sentence-transformers scale them."""
    odds = [math.exp(20 * cosine(query, other)) for other in (own, *wrong)]
    return -math.log(odds[0] / sum(odds))


def several(texts_of):
    """Return a task of passages, and examples with several relevant texts each."""
    task = dataclasses.replace(small_task("rank").task, label_names=())
    most = max(map(len, texts_of.values()))
    columns = [[*texts, *[""] * (most - len(texts))] for texts in texts_of.values()]
    labels = [{"relevant": [candidate_name(text) for text in texts]} for texts in texts_of.values()]
    return task, Examples(
        list(texts_of),
        (list(texts_of), *map(list, zip(*columns, strict=True))),
        objects(labels),
        np.array([1 + len(texts) for texts in texts_of.values()]),
    )


SIGNS_IN_ORDER = ("red", "blue", "green")
RELEVANT = {"the house": ["red", "blue"], "a stone": ["blue"], "river": ["green"], "of": ["red"]}


def laid_out(encoder, form):
    task, examples = several(RELEVANT)
    kind, tokenizer = kind_of(task), load_tokenizer(encoder)
    texts = getattr(kind, form)(tokenizer, examples, max_length=8, vocab_size=99, device="cpu")
    learner = kind.learner(examples)
    return learner, texts, learner.encode(examples.labels, texts), tokenizer


def test_a_row_to_learn_from_is_a_query_and_one_relevant_candidate(encoder):
    _, texts, targets, tokenizer = laid_out(encoder, "lay_out_train")
    read = [
        tuple(tokenizer.decode(ids[1 : length - 1]) for ids, length in zip(*row, strict=True))
        for row in zip(texts.ids, texts.device_lengths, strict=True)
    ]
    assert read == [(query, text) for query, texts in RELEVANT.items() for text in texts]
    red, blue, green = (texts.names.index(candidate_name(text)) for text in SIGNS_IN_ORDER)
    assert targets.tolist() == [
        [red, blue],
        [blue, red],
        [blue, blue],
        [green, green],
        [red, red],
    ]


def test_every_candidate_is_read_once(encoder):
    _, texts, targets, tokenizer = laid_out(encoder, "lay_out")
    read = [
        tokenizer.decode(ids[1 : length - 1])
        for ids, length in zip(texts.ids, texts.lengths, strict=True)
    ]
    assert read == [*RELEVANT, *SIGNS_IN_ORDER]
    assert texts.num_queries == 4 and texts.owners.tolist() == [0, 0, 1, 2, 3]
    assert targets.tolist() == [[0, 1], [1, 0], [1, 1], [2, 2], [0, 0]]


def test_the_loss_is_that_of_the_batch_without_false_negatives(encoder):
    learner, _, targets, _ = laid_out(encoder, "lay_out_train")
    outputs = torch.randn(5, 2, 6, generator=torch.Generator().manual_seed(0))
    queries, candidates = (outputs[:, side].tolist() for side in (0, 1))
    # of pairs: house-red, house-blue, stone-blue, river-green, of-red
    wrong = ([3], [3], [0, 3, 4], [0, 1, 2, 4], [1, 2, 3])
    losses = [
        plain_loss(queries[row], candidates[row], [candidates[other] for other in others])
        for row, others in enumerate(wrong)
    ]
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_of_different_candidates_it_is_the_published_loss():
    queries, candidates = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(1))
    scores = 20 * functional.cosine_similarity(queries[:, None], candidates[None], dim=-1)
    published = functional.cross_entropy(scores, torch.arange(7))
    outputs = torch.stack([queries, candidates], dim=1)
    targets = torch.arange(7)[:, None]
    loss = InBatch(7).loss(outputs, targets)
    torch.testing.assert_close(loss, published)


def test_what_is_read_is_compared_with_every_candidate(encoder):
    learner, texts, targets, _ = laid_out(encoder, "lay_out")
    outputs = torch.randn(len(texts), 6, generator=torch.Generator().manual_seed(2))
    rows = outputs.tolist()
    red, blue, green = rows[4:]
    losses = [
        plain_loss(rows[0], red, [green]),
        plain_loss(rows[0], blue, [green]),
        plain_loss(rows[1], blue, [red, green]),
        plain_loss(rows[2], green, [red, blue]),
        plain_loss(rows[3], red, [blue, green]),
    ]
    loss = learner.reading_loss(outputs, targets, texts)
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)
    scores = np.array([[cosine(row, other) for other in rows[4:]] for row in rows[:4]])
    assert learner.decode(outputs, texts).tolist() == rankings(scores, texts.names)


def test_a_constant_costs_the_logarithm_of_what_is_left(encoder):
    learner, texts, targets, _ = laid_out(encoder, "lay_out_train")
    batches = [np.array([0, 2, 3]), np.array([4, 1]), np.array([2, 1])]
    losses = [float(learner.loss(torch.ones(len(b), 2, 3), targets[b])) for b in batches]
    assert learner.constant_loss(targets, texts, batches) == pytest.approx(np.mean(losses))
    assert losses[2] == 0, "one candidate twice leaves nothing to choose"


def in_other_words():
    """Return a task whose candidates share no word with its queries."""
    data = small_task("rank", train=100, label_names=("7", "8", "9"))
    number = dict(zip(SIGNS, data.task.label_names, strict=True))
    parts = {}
    for part in ("train", "selection", "test"):
        examples = getattr(data, part)
        labels = objects({"relevant": [number[label["relevant"][0]]]} for label in examples.labels)
        parts[part] = dataclasses.replace(examples, labels=labels)
    return dataclasses.replace(data, **parts)


def test_a_fine_tune_brings_queries_near_their_candidates(encoder):
    data = in_other_words()
    result = run(encoder, data, {"min_steps": 60})
    before = PROTOCOLS.get("zero_shot").run(
        small_spec("zero_shot", data),
        checkpoint=encoder,
        task=data,
        device="cpu",
        progress=silent,
    )
    assert result.readings[0].metrics["mrr_at_10"] > 0.95
    assert before.readings[0].metrics["mrr_at_10"] < 0.85
    assert result.readings[0].collapse == "" and result.flops > 0
    facts = result.best.facts
    assert facts["train_loss"] < facts["constant_loss"]


def test_an_untrained_one_is_marked(encoder):
    data = small_task("rank")
    with torch.no_grad():
        backbone = load_backbone(encoder)
        for name, parameter in backbone.encoder.named_parameters():
            if "tok_embeddings" in name:
                parameter.fill_(0.1)  # every word is the same word
    backbone.encoder.save_pretrained(alike := encoder.parent / "alike")
    load_tokenizer(encoder).save_pretrained(alike)
    result = run(alike, data, {"learning_rates": (1e-9,)})
    assert "fine-tune untrained" in result.readings[0].collapse


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"freeze": "encoder"}, "freeze 'encoder' trains the head alone, .* kind 'rank' have none"),
        ({"probe_steps": 5}, "probe_steps trains the head alone, and tasks of kind 'rank'"),
        ({"pooling": "cls"}, "pooling 'cls' means nothing to tasks of kind 'rank'"),
        ({"long_text": "tail"}, "long_text 'tail' means nothing to tasks of kind 'rank'"),
    ],
)
def test_what_asks_for_a_head_is_refused(encoder, recipe, message):
    with pytest.raises(SpecError, match=message):
        run(encoder, small_task("rank"), recipe)


def test_intents_are_candidates_even_where_nothing_asks_for_them(encoder):
    data = small_task("rank", label_names=(*SIGNS, "lost_card"))
    kind, tokenizer = kind_of(data.task), load_tokenizer(encoder)
    texts = kind.lay_out(tokenizer, data.test, max_length=8, vocab_size=99, device="cpu")
    assert len(texts) == len(data.test) + 4 and texts.names[-1] == "lost_card"
