"""One collapse rule for all objectives: does the loss notice what the encoder reads?"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_blocks import BACKBONE, V, write_blocks

from mae_bench.data.blocks import load_blocks
from mae_bench.draws import Draws
from mae_bench.masking import PAD_ID, as_block, build_lexicon
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.pretraining.health import (
    Exchange,
    describe_plateau,
    exchange,
    validation_loss,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))
from objective_cases import CASES

FIRST = {name: options for name, options in reversed(CASES)}  # one of each objective, and more:
FURTHER = [
    ("mlm", {"loss_on": "all"}),
    ("mae", {"target": "ema_features"}),
    ("mae", {"target": "embeddings"}),
    ("rtd", {"share_embeddings": "all", "generator_width_ratio": 1.0}),
    ("distill", {"teacher": "mlm", "relation_weight": 1.0, "relation_heads": 4}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("health")
    write_blocks(folder / "blocks")
    save_checkpoint(make("mlm", seed=9), folder, folder / "teacher")
    write_json({"objective": "mlm", "options": {}}, folder / "teacher" / "spec.json")
    return folder


@pytest.fixture(scope="module")
def data(folder):
    return load_blocks(folder / "blocks")


def make(name, options=None, *, seed=0, folder=None, data=None):
    kind, parsed = OBJECTIVES.get(name), parse_options(name, options or {})
    lexicon = None
    if kind.requires(parsed).uses_lexicon:
        lexicon = build_lexicon(data.rows, data.vocab_size, folder)
    return kind(
        build_backbone(BACKBONE, V, seed), BACKBONE, parsed, seed=seed, lexicon=lexicon,
        teacher=folder / "teacher" if kind.requires(parsed).teacher else None,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "options"), [*FIRST.items(), *FURTHER])
def test_an_encoder_of_equal_vectors_is_flagged_for_every_objective(folder, data, name, options):
    objective = make(name, options, folder=folder, data=data)
    with torch.no_grad():
        for parameter in objective.backbone.parameters():
            parameter.zero_()
    losses = exchange(objective, data, 0, "cpu")
    assert losses.left > 0.99
    assert describe_plateau(None, losses).startswith("plateau")
    assert not objective.backbone._forward_pre_hooks


def test_an_untrained_mlm_is_flagged_and_one_that_reads_its_row_is_not(data):
    objective = make("mlm")
    assert describe_plateau(None, exchange(objective, data, 0, "cpu")).startswith("plateau")
    rows = torch.from_numpy(np.array(data.validation).astype(np.int64))
    optimizer = torch.optim.Adam(objective.parameters(), lr=1e-2)
    objective.train()
    for step in range(120):  # it may learn these very rows by heart
        view = objective.corrupt(as_block(rows), Draws(0, step, torch.arange(len(rows))))
        optimizer.zero_grad()
        objective(view).loss.backward()
        optimizer.step()
    assert describe_plateau(None, exchange(objective, data, 0, "cpu")) == ""


@pytest.mark.parametrize(
    "options", [{}, {"view": "spans"}], ids=["views in one call", "spans in one call"]
)
def test_the_two_views_of_a_text_are_parted(data, options):
    losses = exchange(make("simcse", options), data, 0, "cpu")
    assert losses.own < 0.8 * losses.unread
    losses = exchange(make("contrastive", {"view": "cutoff"}), data, 0, "cpu")
    assert losses.own < 0.8 * losses.unread, "views in two calls"


@pytest.mark.parametrize(
    ("start", "end", "beginning"),
    [
        (Exchange(4.0, 4.0), Exchange(2.0, 4.0), ""),
        (Exchange(4.0, 4.0), Exchange(3.95, 4.0), ""),
        (Exchange(4.0, 4.0), Exchange(3.97, 4.0), "plateau"),
        (Exchange(4.0, 4.0), Exchange(5.0, 4.0), "plateau"),
        (Exchange(2.0, 4.0), Exchange(1.99, 4.0), "hardly trained"),
        (Exchange(2.0, 4.0), Exchange(1.9, 4.0), ""),
        (None, Exchange(2.0, 4.0), ""),
        (None, Exchange(4.0, 4.0), "plateau"),
        (None, Exchange(0.0, 0.0), "plateau"),
        (None, None, ""),
    ],
)
def test_the_rule(start, end, beginning):
    assert describe_plateau(start, end).startswith(beginning)
    assert bool(describe_plateau(start, end)) == bool(beginning)


def test_frequencies_alone_are_no_reading_where_tokens_are_predicted(data):
    low = dataclasses.replace(data, unigram_entropy=0.5)
    assert exchange(make("mlm"), low, 0, "cpu").unread == 0.5
    assert exchange(make("simcse"), low, 0, "cpu").unread > 0.5


def test_the_reading_is_the_same_whatever_was_drawn_before(data):
    objective = make("contrastive", {"mlm_weight": 0.5})
    first = exchange(objective, data, 0, "cpu")
    torch.rand(5)
    assert exchange(objective, data, 0, "cpu") == first


def test_padding_of_validation_rows_is_padding_where_no_training_row_has_any(data, monkeypatch):
    assert (np.array(data.validation) == PAD_ID).any()
    unpadded = dataclasses.replace(data, has_pads=False)
    objective = make("mlm")
    seen = []
    corrupt = objective.corrupt
    monkeypatch.setattr(
        objective, "corrupt", lambda block, draws: seen.append(block) or corrupt(block, draws)
    )
    expected = validation_loss(objective, data, 0, "cpu")
    assert validation_loss(objective, unpadded, 0, "cpu") == expected
    assert all(torch.equal(block.is_pad, block.ids == PAD_ID) for block in seen)


def test_simcse_is_validated_on_views_that_differ(data):
    objective = make("simcse", {"dropout": 0.5})
    state = torch.get_rng_state()
    loss = validation_loss(objective, data, 0, "cpu")
    assert torch.equal(torch.get_rng_state(), state)
    assert not objective.backbone.training
    assert validation_loss(objective, data, 0, "cpu") == loss
    assert validation_loss(make("simcse", {"dropout": 1e-6}), data, 0, "cpu") < loss
