"""A metric that fails is named with its task, and so is a protocol that measures no number."""

import dataclasses

import numpy as np
import pytest
from registries import set_apart
from small_blocks import write_blocks
from small_cases import small_spec, small_task

from mae_bench.errors import DataError, PluginError
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS, Protocol, evaluate
from mae_bench.protocols.floors import run_majority
from mae_bench.protocols.outcome import ProtocolResult, Reading, Trial
from mae_bench.specs import CLEAN, EvaluateSpec, Frozen
from mae_bench.tasks.base import Examples
from mae_bench.tasks.metrics import METRICS, add_metric


def broken(labels, predictions, num_classes):
    raise ZeroDivisionError("no positive label")


FAILING = {
    "raised ZeroDivisionError: no positive label": broken,
    "returned nan, which is no finite number": lambda *_: float("nan"),
    "returned inf, which is no finite number": lambda *_: np.float32("inf"),
    "returned None, which is no number": lambda *_: None,
    "returned [1, 2], which is no number": lambda *_: [1, 2],
}


def majority(*metrics):
    data = small_task("classify", train=40)
    data = dataclasses.replace(data, task=dataclasses.replace(data.task, metrics=metrics))
    spec = small_spec("majority", data, checkpoint=None)
    return run_majority(spec, checkpoint=None, task=data, device="cpu", progress=silent)


@pytest.mark.parametrize(
    "metrics", [("theirs",), ("accuracy", "theirs")], ids=["chosen by", "read"]
)
@pytest.mark.parametrize("what", FAILING)
def test_a_failing_metric_of_another_package_is_named(monkeypatch, metrics, what):
    set_apart(monkeypatch)
    add_metric("theirs", better="higher")(FAILING[what])
    with pytest.raises(PluginError) as error:
        majority(*metrics)
    task = small_task("classify").task.name
    assert str(error.value).startswith(f"the metric 'theirs' of task '{task}' {what}; it comes")
    assert f"module {__name__} (" in str(error.value)
    assert str(error.value).endswith("or name another metric in the task's definition")


def test_a_failing_metric_of_this_package_is_named(monkeypatch):
    set_apart(monkeypatch)
    METRICS._parts["accuracy"] = lambda *_: float("nan")
    with pytest.raises(DataError, match=r"the metric 'accuracy' of task '.*' returned nan, which"):
        majority("accuracy")


def test_a_sound_metric_is_kept_to_the_bit(monkeypatch):
    set_apart(monkeypatch)
    add_metric("theirs", better="higher")(lambda *_: np.float64(0.1) + 0.2)
    assert majority("accuracy", "theirs").readings[0].metrics["theirs"] == 0.1 + 0.2


def test_a_protocol_that_measures_no_number_is_named(monkeypatch, tmp_path):
    set_apart(monkeypatch)
    nothing = Trial({}, None)
    none = Examples([], (), np.empty(0))

    def run(spec, **_):
        reading = Reading(CLEAN, none, np.empty(0), {"uniformity": float("nan")}, "")
        return ProtocolResult(0, 0, 4, nothing, (nothing,), (reading,), 0.0, None)

    PROTOCOLS.register("theirs")(Protocol("theirs", 1, Frozen, False, run, reads_corpus=True))
    spec = EvaluateSpec(
        checkpoint=None, protocol="theirs", task=None, task_data="x", train_size="all", seed=0
    )
    blocks = write_blocks(tmp_path / "blocks")
    with pytest.raises(PluginError, match="protocol 'theirs' on corpus measured uniformity as nan"):
        evaluate(
            spec, checkpoint=None, task=blocks, out=tmp_path / "out", device="cpu", progress=silent
        )
    assert not (tmp_path / "out").exists()
