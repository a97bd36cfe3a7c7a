"""A moving average follows its encoder: after every step, wherever its objective stands."""

import pytest
import torch
from safetensors.torch import load_file
from small_blocks import BACKBONE, V, run_pretraining, write_blocks

from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import Budget

EMA = {"objective": "mae", "target": "ema_features", "ema_decay": 0.75}
OTHER = {"objective": "mlm"}
ALONE = ("mae", {name: value for name, value in EMA.items() if name != "objective"}, "average")


def mixed(*parts):
    return {"parts": {f"{index}": part for index, part in enumerate(parts)}}


def in_turn(*steps):
    share = 1 / len(steps)
    return {"steps": {f"{index}": {"share": share, **step} for index, step in enumerate(steps)}}


PLACES = [
    ALONE,
    ("mixture", mixed(EMA, OTHER), "parts.0.average"),
    ("mixture", mixed(OTHER, EMA), "parts.1.average"),
    ("mixture", mixed(OTHER, OTHER, EMA), "parts.2.average"),
    ("phases", in_turn(EMA, OTHER), "parts.0.average"),
    ("phases", in_turn(OTHER, EMA), "parts.1.average"),
]


@pytest.mark.parametrize(("name", "options", "where"), PLACES)
def test_it_follows_wherever_it_stands_among_other_parts(name, options, where):
    objective = OBJECTIVES.get(name)(
        build_backbone(BACKBONE, V, 0), BACKBONE, parse_options(name, options), seed=0
    )
    average = objective.get_submodule(where)
    wanted = average.embedding.weight.clone()
    for _ in range(2):
        with torch.no_grad():
            objective.backbone.embedding.weight.add_(1.0)
        objective.after_step()
        wanted = 0.75 * wanted + 0.25 * objective.backbone.embedding.weight
    torch.testing.assert_close(average.embedding.weight, wanted)


@pytest.mark.parametrize(("name", "options", "where"), PLACES)
def test_training_lets_it_follow_after_every_step(tmp_path, name, options, where):
    """After a step and another, it is the mean of the three encoders by powers of the decay."""
    write_blocks(tmp_path / "blocks")
    encoders = [
        load_file(out / "model.safetensors")
        for out in (
            run_pretraining(tmp_path, "random_init"),
            run_pretraining(
                tmp_path, name, options, name="one", warmup_ratio=0.0, budget=Budget(steps=2)
            ),
        )
    ]
    average = load_file(tmp_path / "one" / "objective.safetensors")
    start, end = (weights["embeddings.tok_embeddings.weight"] for weights in encoders)
    averaged = average[f"{where}.encoder.embeddings.tok_embeddings.weight"]
    # after two steps at least a quarter of the second step's change has arrived
    assert not torch.allclose(start, end)
    moved = ((averaged - start) * (end - start)).sum() / (end - start).square().sum()
    assert 0.25 < float(moved) < 0.75
