"""A fine-tune that ends no better on its own labels than a constant is marked."""

import math

import numpy as np
import pytest
from small_cases import save_encoder, small_spec, small_task

from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.protocols.outcome import find_untrained
from mae_bench.tasks.kinds.classify import Classes
from mae_bench.tasks.kinds.regress import Numbers


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def tuned(encoder, kind, **recipe):
    data = small_task(kind, train=120)
    spec = small_spec("finetune", data, recipe={"min_steps": 60, **recipe})
    return finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def test_the_loss_of_a_constant():
    task = small_task("pair").task
    balanced = Classes(task, np.array([0, 1, 0, 1])).constant_losses
    assert balanced == pytest.approx([math.log(2)] * 4)
    skewed = Classes(task, np.array([0, 0, 0, 1])).constant_losses
    assert skewed == pytest.approx([-math.log(0.75)] * 3 + [-math.log(0.25)])
    values = small_task("regress").task
    assert Numbers(values, np.array([1.0, 5.0, 9.0])).constant_losses.mean() == pytest.approx(1.0)
    assert not Numbers(values, np.array([5.0, 5.0])).constant_losses.any()


def test_a_loss_at_or_above_it_is_flagged():
    for loss in (math.log(2), 0.8, 5.0):
        assert "fine-tune untrained" in find_untrained(loss, math.log(2))
    assert find_untrained(0.69, math.log(2)) == ""
    assert find_untrained(0.1, 0.0) == "", "labels that are all the same leave nothing to learn"


@pytest.mark.parametrize(("kind", "rate"), [("classify", 1e-9), ("regress", 1.0)])
def test_a_fine_tune_that_learned_nothing_is_collapsed(encoder, kind, rate):
    (stuck,) = tuned(encoder, kind, learning_rates=(rate,)).readings
    assert "fine-tune untrained" in stuck.collapse
    assert stuck.record()["is_collapsed"]
    learned = tuned(encoder, kind, learning_rates=(1e-2,), min_steps=150)
    assert learned.readings[0].collapse == ""
    assert learned.best.record()["train_loss"] < 0.9
