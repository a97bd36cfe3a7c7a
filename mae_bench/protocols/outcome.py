"""The outcome of a protocol: settings tried on the selection part, the best read on the test."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mae_bench.errors import DivergedError
from mae_bench.measures import measure_of
from mae_bench.protocols.scoring import compute_metric
from mae_bench.protocols.splits import Splits
from mae_bench.specs import CLEAN, EvaluateSpec, NoiseSpec
from mae_bench.tasks.base import Examples, Task
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.metrics import Values

FLAT = 1e-3  # of a metric; one example of a selection part, of at most 500, weighs more


@dataclass(frozen=True)
class Trial:
    """One setting tried on the selection part.

    Attributes:
        chosen: what was set.
        value: the primary metric; None where ``failure`` says why, or nothing was to be chosen.
        loss: mean loss, which breaks ties; 0 where a protocol has none.
        facts: anything else worth keeping, as whether a solver converged.
    """

    chosen: Mapping[str, float | str]
    value: float | None
    loss: float = 0.0
    failure: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return JSON-ready content."""
        content: dict[str, Any] = {"chosen": dict(self.chosen), "selection_value": self.value}
        if self.failure is not None:
            content["failure"] = self.failure
        return content | dict(self.facts)


@dataclass(frozen=True)
class Reading:
    """The test split read under one noise by the chosen model; ``collapse`` is empty if sound.

    Where several models were trained on draws of the training set, ``test`` holds the examples once
    for each, ``draw`` says of which of them a prediction is, ``metrics`` are means over draws, and
    ``spread`` is their standard deviation.
    """

    noise: NoiseSpec
    test: Examples
    predictions: Values
    metrics: Mapping[str, float]
    collapse: str
    draw: Values | None = None
    spread: Mapping[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return JSON-ready content, without the predictions."""
        content: dict[str, Any] = {
            "noise": self.noise.model_dump(mode="json"),
            "metrics": dict(self.metrics),
            "is_collapsed": bool(self.collapse),
            "collapse": self.collapse,
        }
        return content | ({"spread": dict(self.spread)} if self.spread else {})


@dataclass(frozen=True)
class ProtocolResult:
    """The outcome of a protocol.

    ``seconds`` and ``flops`` cover every trial, not the chosen one alone; ``flops`` is None for
    a protocol without an encoder, or an encoder whose sizes are unknown. ``n_test`` is 0 where
    the test split was not to be read. ``grid_edges`` is the value of the function of that name.
    ``skipped`` counts, by its reason, what the encoder could not read: of train, of selection, and
    of the test under each noise. ``train_flops`` is what the training at one setting took, where
    `EvaluateSpec.train_flops` bought it. ``solver`` is what solved a probe's linear models,
    ``compiled`` how a fine-tune's steps were run.
    ``num_together`` is how many trainings were one program at most, of a protocol that can do so;
    ``why_alone`` why it was one, where more were asked for.
    """

    n_train: int
    n_selection: int
    n_test: int
    best: Trial
    trials: tuple[Trial, ...]
    readings: tuple[Reading, ...]
    seconds: float
    flops: float | None
    grid_edges: Mapping[str, str] | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    train_flops: float | None = None
    solver: str | None = None
    compiled: str | None = None
    num_together: int | None = None
    why_alone: str = ""

    def record(self) -> dict[str, Any]:
        """Return the content of ``metrics.json``."""
        content = {
            "n_train": self.n_train,
            "n_selection": self.n_selection,
            "n_test": self.n_test,
            "chosen": dict(self.best.chosen),
            "grid_edges": None if self.grid_edges is None else dict(self.grid_edges),
            "selection_value": self.best.value,
            "trials": [trial.record() for trial in self.trials],
            "results": [reading.record() for reading in self.readings],
            "seconds": self.seconds,
            "flops": self.flops,
        }
        if self.train_flops is not None:
            content["train_flops"] = self.train_flops
        if self.solver is not None:
            content["solver"] = self.solver
        if self.compiled is not None:
            content["compiled"] = self.compiled
        if self.num_together is not None:
            content |= {"trained_together": self.num_together, "why_alone": self.why_alone}
        return content | ({"skipped": dict(self.skipped)} if self.skipped else {})


def measured(
    spec: EvaluateSpec,
    metrics: Mapping[str, float],
    *,
    started: float,
    num_rows: int,
    flops: float | None,
) -> ProtocolResult:
    """Return the result of a protocol that measures a pretraining and learns from no label.

    Args:
        spec: whether the test split is to be read at all.
        metrics: the measurements.
        started: `time.perf_counter` at the start of the protocol.
        num_rows: of the corpus that were read.
        flops: what reading them took; None where the encoder's sizes are unknown.
    """
    nothing = Examples([], (), np.empty(0))
    readings = () if spec.selection_only else (Reading(CLEAN, nothing, np.empty(0), metrics, ""),)
    nothing_chosen = Trial({}, None)
    return ProtocolResult(
        n_train=0,
        n_selection=0,
        n_test=num_rows if readings else 0,
        best=nothing_chosen,
        trials=(nothing_chosen,),
        readings=readings,
        seconds=time.perf_counter() - started,
        flops=flops,
    )


def score(task: Task, labels: Values, predictions: Values) -> float:
    """Return the primary metric of a task.

    Raises:
        PluginError, DataError: as `compute_metric`.
    """
    return compute_metric(task, task.metrics[0], labels, predictions)


def choose(task: Task, trials: Sequence[Trial]) -> Trial:
    """Return the trial of the best primary metric; ties: the lower loss, then the earlier trial.

    A lone trial that did not fail needs no value: there is nothing to choose.

    Raises:
        DivergedError: no trial has a value.
    """
    if len(trials) == 1 and trials[0].failure is None:
        return trials[0]
    valued = [(trial, trial.value) for trial in trials if trial.value is not None]
    if not valued:
        reasons = "; ".join(f"{dict(trial.chosen)}: {trial.failure}" for trial in trials)
        raise DivergedError(f"every setting tried on the selection part diverged ({reasons})")
    sign = measure_of(task.metrics[0]).sign
    return min(valued, key=lambda pair: (-sign * pair[1], pair[0].loss))[0]


def grid_edges(task: Task, trials: Sequence[Trial], best: Trial) -> dict[str, str] | None:
    """Return the hyper-parameters chosen at an end of their grid: ``lowest`` or ``highest``.

    A better value may then lie beyond. It is no edge where the next value inside is as good to
    within `FLAT`: there the metric does not depend on it. None where no grid of numbers was tried.
    """
    edges: dict[str, str] = {}
    has_grid = False
    sign = measure_of(task.metrics[0]).sign
    for name, value in best.chosen.items():
        if isinstance(value, str):
            continue
        rest = {key: other for key, other in best.chosen.items() if key != name}
        line = sorted(
            (trial for trial in trials if dict(trial.chosen) | rest == dict(trial.chosen)),
            key=lambda trial: float(trial.chosen[name]),
        )
        if len(line) < 2:
            continue
        has_grid = True
        for end, inside, word in ((line[0], line[1], "lowest"), (line[-1], line[-2], "highest")):
            gain = None if inside.value is None else sign * ((best.value or 0.0) - inside.value)
            is_flat = gain is not None and gain < FLAT
            if end is best and not is_flat:
                edges[name] = word
    return edges if has_grid else None


def find_untrained(train_loss: float, constant_loss: float) -> str:
    """Return a sentence where a model ended no better on its training labels than a constant.

    Empty where all labels are the same, since there is nothing to learn.
    """
    if not 0 < constant_loss <= train_loss:
        return ""
    return (
        f"fine-tune untrained: training loss {train_loss:.3f}, of a constant prediction "
        f"{constant_loss:.3f}"
    )


def conclude(
    spec: EvaluateSpec,
    splits: Splits,
    trials: Sequence[Trial],
    predict: Callable[[Examples], Values],
    *,
    started: float,
    count_flops: Callable[[], float | None] = lambda: None,
    may_be_constant: bool = False,
    flaw: str = "",
    solver: str | None = None,
) -> ProtocolResult:
    """Return the result: the best trial, and the test split read once for each noise.

    Args:
        spec: whether the test split is to be read at all, and under which noises.
        splits: the parts of the task.
        trials: all that were tried.
        predict: the chosen model.
        started: `time.perf_counter` at the start of the protocol.
        count_flops: called after the last prediction.
        may_be_constant: whether a constant prediction is the design and no collapse.
        flaw: what was wrong with the training of the chosen model; empty if sound.
        solver: of a probe's linear models.
    """
    best = choose(splits.task, trials)
    kind = kind_of(splits.task)
    readings = []
    for noise in () if spec.selection_only else spec.test_noises:
        test = splits.test(noise)
        predictions = predict(test)
        metrics = {
            name: compute_metric(splits.task, name, test.labels, predictions)
            for name in splits.task.metrics
        }
        constant = "" if may_be_constant else kind.find_collapse(test.labels, predictions)
        collapse = "; ".join(text for text in (constant, flaw) if text)
        readings.append(Reading(noise, test, predictions, metrics, collapse))
    return ProtocolResult(
        n_train=len(splits.train.ids),
        n_selection=len(splits.selection.ids),
        n_test=len(readings[0].test.ids) if readings else 0,
        best=best,
        trials=tuple(trials),
        readings=tuple(readings),
        seconds=time.perf_counter() - started,
        flops=count_flops(),
        grid_edges=grid_edges(splits.task, trials, best),
        solver=solver,
    )
