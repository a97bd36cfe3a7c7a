"""The validation loss: unseen rows, masks of no training epoch, one mean over all predictions."""

import pytest
import torch
from small_blocks import BACKBONE, V, write_blocks

import mae_bench.pretraining.health as health
from mae_bench.data.blocks import load_blocks
from mae_bench.draws import Block, Draws
from mae_bench.masking import PAD_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.health import VALIDATION_EPOCH, validation_loss

MOVING = {"mask_ratio": {"start": 0.2, "end": 0.6}}


@pytest.fixture
def data(tmp_path):
    return load_blocks(write_blocks(tmp_path / "blocks"))


def make(name, options):
    spec = BACKBONE.model_copy(update={"dropout": 0.3})
    return OBJECTIVES.get(name)(
        build_backbone(spec, V, 0), spec, parse_options(name, options), seed=0
    )


@pytest.mark.parametrize(("name", "options"), [("mlm", {}), ("mae", {}), ("mlm", MOVING)])
@torch.no_grad()
def test_it_is_one_mean_over_the_predictions_of_all_batches(data, monkeypatch, name, options):
    monkeypatch.setattr(health, "BATCH_ROWS", 3)  # batches that predict unlike numbers of tokens
    objective = make(name, options).train()
    mean_loss = validation_loss(objective, data, 7, "cpu")
    objective.eval()
    ids = torch.from_numpy(data.validation.astype("int64"))
    numbers = torch.arange(len(ids))
    view = objective.corrupt(
        Block(ids, ids == PAD_ID), Draws(7, VALIDATION_EPOCH, numbers, progress=1.0)
    )
    output = objective(view)
    assert mean_loss == pytest.approx(float(output.loss), rel=1e-5)
    assert len(data.validation) > 3 and output.predicted > 8


def test_its_masks_are_those_of_no_training_epoch(data, monkeypatch):
    made = []
    monkeypatch.setattr(health, "Draws", lambda *a, **k: made.append(Draws(*a, **k)) or made[-1])
    validation_loss(make("mlm", MOVING), data, 7, "cpu")
    assert made and all(draws.epoch > 10**6 for draws in made)
    assert all(draws.progress == 1.0 and draws.seed == 7 for draws in made)
