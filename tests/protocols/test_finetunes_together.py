"""Learning rates and seeds that are trained as one program end as each does alone.

In fp32 on a CPU; operations are the same, sums are added in another order.
"""

import dataclasses

import pytest
import torch
from small_cases import save_encoder, small_spec, small_task

import mae_bench.protocols.finetunes_together as together
from mae_bench.progress import silent
from mae_bench.protocols.base import Evaluation
from mae_bench.protocols.finetune import run, run_together
from mae_bench.tasks import KINDS
from mae_bench.tasks.kinds import FinetuneKind
from mae_bench.training.stacked_adamw import Span, StackedAdamW

TUNED = [name for name, kind in KINDS if issubclass(kind, FinetuneKind)]
RATES = (1e-3, 3e-3, 1e-2)
RECIPE = {"learning_rates": RATES, "epochs": 3, "bucket_batches": 1}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return [save_encoder(folder / str(seed), seed=seed) for seed in (0, 1)]


def evaluations(encoders, kind, seeds, **changes):
    data = small_task(kind)
    recipe = RECIPE | changes.pop("recipe", {})
    specs = [small_spec("finetune", data, recipe=recipe, seed=s, **changes) for s in seeds]
    return [Evaluation(spec, encoders[spec.seed % 2], data, silent) for spec in specs]


def alone(each):
    return run(each.spec, checkpoint=each.checkpoint, task=each.task, device="cpu", progress=silent)


def same(group, single, rel=1e-4):
    assert len(group.trials) == len(single.trials)
    for own, other in zip(group.trials, single.trials, strict=True):
        assert own.chosen == other.chosen
        assert own.failure == other.failure
        assert own.value == pytest.approx(other.value, abs=1e-6)
        for fact, value in other.facts.items():
            assert own.facts[fact] == pytest.approx(value, rel=rel), fact
    assert group.best.chosen == single.best.chosen
    assert group.flops == single.flops
    assert group.train_flops == single.train_flops
    assert group.grid_edges == single.grid_edges
    for own, other in zip(group.readings, single.readings, strict=True):
        assert dict(own.metrics) == pytest.approx(dict(other.metrics), abs=1e-6)
        assert own.collapse == other.collapse


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
@pytest.mark.parametrize("kind", TUNED)
def test_each_ends_as_it_does_alone(kind, seeds, encoders):
    given = evaluations(encoders, kind, seeds, train_size=41)
    for group, each in zip(run_together(given, device="cpu"), given, strict=True):
        assert (group.num_together, group.why_alone) == (len(RATES) * len(seeds), "")
        same(group, alone(each))
