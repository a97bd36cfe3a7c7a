"""Seconds of a training step, beside what the cost formula says of it.

A step is all of it: corruption, forward and backward passes, clipping, optimizer. Contestants
take turns, so that a machine that slows down slows all of them. On a CPU the clock is that of the
process, with one thread: it does not run while others have the core.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mae_bench.contract.fixtures import Fixture, rows
from mae_bench.costs import StepShape
from mae_bench.draws import Block, Draws
from mae_bench.model.attention import to_device
from mae_bench.model.generators import kept_generators
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.progress import Progress
from mae_bench.specs import Precision, PretrainRecipe
from mae_bench.speeds import SpeedCell, SpeedShape, SpeedSpec
from mae_bench.training.optim import make_optimizer
from mae_bench.training.precision import autocast

WARM_UP_STEPS = 2
STEPS_A_ROUND = 2  # of which the faster counts
RECIPE = PretrainRecipe()


@dataclass(frozen=True)
class Contestant:
    """An objective with options, under a label."""

    label: str
    objective: str
    options: Mapping[str, object]


class Stepper:
    """One objective, ready to step on random rows."""

    def __init__(
        self, who: Contestant, shape: SpeedShape, folder: Path, device: str, precision: Precision
    ) -> None:
        """Build objective and optimizer; ``folder`` is where a teacher may lie."""
        made = Fixture(who.objective, dict(who.options), folder).make(
            spec=shape.backbone, vocab_size=shape.vocab_size, row_length=shape.row_length
        )
        self.objective = to_device(made, device).train()
        self.device, self.precision = device, precision
        self.block = rows(
            count=shape.batch_rows, length=shape.row_length, vocab_size=shape.vocab_size
        )
        self.block = Block(self.block.ids.to(device))
        self.numbers = torch.arange(shape.batch_rows, device=device)
        self.trained = [p for p in self.objective.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(
            self.objective.named_parameters(),
            lr=RECIPE.peak_lr,
            weight_decay=RECIPE.weight_decay,
            betas=(RECIPE.beta1, RECIPE.beta2),
            eps=RECIPE.eps,
        )
        self.number = 0
        for _ in range(WARM_UP_STEPS):
            self._step(0.0)

    def seconds(self, progress: float) -> float:
        """Return the seconds of the faster of a round's steps, at a share of the budget."""
        return min(self._timed(progress) for _ in range(STEPS_A_ROUND))

    def _timed(self, progress: float) -> float:
        if self.device == "cpu":
            started = time.process_time()
            self._step(progress)
            return time.process_time() - started
        torch.cuda.synchronize()
        started = time.perf_counter()
        self._step(progress)
        torch.cuda.synchronize()
        return time.perf_counter() - started

    def _step(self, progress: float) -> None:
        self.number += 1
        view = self.objective.corrupt(self.block, Draws(0, self.number, self.numbers, progress))
        with autocast(self.device, self.precision):
            loss = self.objective(view).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, RECIPE.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.objective.after_step()


def take_turns(
    contestants: Sequence[Contestant],
    shape: SpeedShape,
    *,
    rounds: int,
    device: str,
    precision: Precision = "fp32",
) -> dict[str, tuple[float, ...]]:
    """Return seconds of a step by label, one for each round.

    The rounds are spread over the budget: what an objective does may move with it. The number
    of torch's threads is one on a CPU while this runs.
    """
    threads = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder, kept_generators():
            steppers = {
                who.label: Stepper(who, shape, Path(folder), device, precision)
                for who in contestants
            }
            seconds_of: dict[str, list[float]] = {label: [] for label in steppers}
            for number in range(rounds):
                for label, stepper in steppers.items():
                    seconds_of[label].append(stepper.seconds((number + 0.5) / rounds))
    finally:
        torch.set_num_threads(threads)
    return {label: tuple(seconds) for label, seconds in seconds_of.items()}


def flops_of(who: Contestant, shape: SpeedShape) -> float:
    """Return the operations of a step, by the formula."""
    sizes = StepShape(shape.backbone, shape.batch_rows, shape.row_length, shape.vocab_size)
    options = parse_options(who.objective, who.options)
    return OBJECTIVES.get(who.objective).flops_per_step(options, sizes).total


def control_of(spec: SpeedSpec) -> Contestant:
    """Return the mlm that a mae is compared with: every hidden token becomes [MASK]."""
    return Contestant("mlm", "mlm", {"mask_ratio": spec.control_ratio})


def mae_of(mask_ratio: float, decoder_layers: int) -> Contestant:
    """Return a mae."""
    options = {"mask_ratio": mask_ratio, "decoder_layers": decoder_layers}
    return Contestant(f"mae {mask_ratio:g}, {decoder_layers}", "mae", options)


def priced(spec: SpeedSpec, shape: SpeedShape) -> list[SpeedCell]:
    """Return every cell of a shape by the formula, not timed."""
    control = flops_of(control_of(spec), shape)
    return [
        SpeedCell(
            shape.label,
            ratio,
            layers,
            shape.backbone.layers,
            flops_of(mae_of(ratio, layers), shape),
            control,
        )
        for layers in spec.decoder_layers
        for ratio in spec.mask_ratios
    ]


def published_cells(spec: SpeedSpec) -> list[SpeedCell]:
    """Return what the formula says at the shape of each reference."""
    cells = []
    for reference in spec.references:
        ours = flops_of(mae_of(reference.mask_ratio, reference.decoder_layers), reference.shape)
        theirs = flops_of(control_of(spec), reference.shape)
        layers = reference.decoder_layers
        depth = reference.shape.backbone.layers
        label = reference.shape.label
        cells.append(SpeedCell(label, reference.mask_ratio, layers, depth, ours, theirs))
    return cells


def measure(spec: SpeedSpec, device: str, progress: Progress) -> list[SpeedCell]:
    """Time every cell; one shape after another, its contestants in turns."""
    timed = []
    for done, shape in enumerate(spec.shapes):
        progress(done, len(spec.shapes), shape.label)
        cells = priced(spec, shape)
        ours = [mae_of(cell.mask_ratio, cell.decoder_layers) for cell in cells]
        times = take_turns(
            [control_of(spec), *ours],
            shape,
            rounds=spec.rounds,
            device=device,
            precision=spec.precision,
        )
        for who, cell in zip(ours, cells, strict=True):
            timed.append(
                SpeedCell(
                    **{
                        **cell.__dict__,
                        "seconds": times[who.label],
                        "control_seconds": times["mlm"],
                    }
                )
            )
    return timed
