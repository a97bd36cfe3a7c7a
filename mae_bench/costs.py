"""Whole costs: floating-point operations of a training step, and steps that a budget buys.

A multiply-add is two operations. Only matrix products count (norms, softmax and optimizer are
below 1% at every preset); a backward pass costs twice the forward. Each architecture
gives the cost of its layers. Tests hold both against torch's FlopCounterMode on the meta device.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from mae_bench.backbones import (
    Architecture,
    Sizes,
    architecture_of,
    architecture_of_config,
    content_of,
)
from mae_bench.errors import SpecError
from mae_bench.specs import BackboneSpec, Budget, FinetuneRecipe

TRAIN = 3  # forward and backward, in forward passes


@dataclass(frozen=True)
class Flops:
    """Operations of one pretraining step, by where they go."""

    encoder: float = 0.0
    decoder: float = 0.0
    head: float = 0.0
    teacher: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.encoder + self.decoder + self.head + self.teacher

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def scaled(self, factor: float) -> "Flops":
        """Return the cost of ``factor`` such steps."""
        return Flops(**{name: value * factor for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Stack:
    """A stack of layers, as far as its cost depends on it."""

    arch: Architecture
    sizes: Sizes

    @classmethod
    def of(
        cls, spec: BackboneSpec, *, layers: int | None = None, width: int | None = None
    ) -> "Stack":
        """Return a backbone's, or that of a decoder resized from it."""
        arch = architecture_of(spec)
        sizes = arch.sizes_of(spec, width)
        return cls(arch, replace(sizes, layers=layers or sizes.layers))

    @property
    def width(self) -> int:
        """Hidden size D."""
        return self.sizes.width

    def forward(self, rows: int, length: int) -> float:
        """Operations of one forward pass over rows of a length."""
        return self.arch.forward_flops(self.sizes, rows, length)


def stack_of_config(config: Any) -> Stack:
    """Return that of a loaded transformers encoder; one that is not registered counts as BERT's.

    Raises:
        KeyError: it names its sizes in another way.
    """
    content = content_of(config)
    arch = architecture_of_config(content)
    return Stack(arch, arch.read_sizes(content))


@dataclass(frozen=True)
class StepShape:
    """What a pretraining step is made of, besides the objective.

    ``outside_teacher`` holds the sizes of a teacher that is not an arm of the study.
    """

    backbone: BackboneSpec
    rows: int
    row_length: int
    vocab_size: int
    outside_teacher: Stack | None = None

    @property
    def tokens(self) -> int:
        """Corpus tokens a step, whatever the objective makes of them."""
        return self.rows * self.row_length

    def encoder(self, length: int | None = None, passes: int = TRAIN, rows: int = 0) -> float:
        """Operations of the backbone over rows of ``length`` visible tokens."""
        stack = Stack.of(self.backbone)
        return passes * stack.forward(rows or self.rows, length or self.row_length)

    def head(self, predicted: int, width: int | None = None, passes: int = TRAIN) -> float:
        """Operations of the vocabulary head at that many positions a step."""
        inside = self.backbone.width
        return float(passes * predicted * 2 * inside * ((width or inside) + self.vocab_size))


def steps_for(
    budget: Budget, flops_per_step: float, tokens_per_step: int, spent_flops: float = 0.0
) -> int | None:
    """Return the steps that a budget buys; None where it is measured in seconds.

    Args:
        budget: of the study.
        flops_per_step: of this objective.
        tokens_per_step: corpus tokens.
        spent_flops: what was paid before the first step, as for a teacher.

    Raises:
        SpecError: a budget that does not buy one step.
    """
    if budget.seconds is not None:
        return None
    if budget.steps is not None:
        return budget.steps
    if budget.tokens is not None:
        if budget.tokens < tokens_per_step:
            raise SpecError(
                f"pretrain.budget.tokens {budget.tokens:,} does not buy one step of "
                f"{tokens_per_step:,} tokens; raise it, or lower pretrain.batch_rows"
            )
        return budget.tokens // tokens_per_step
    assert budget.flops is not None
    if flops_per_step == 0:
        return 0
    steps = int((budget.flops - spent_flops) / flops_per_step)
    if steps < 1:
        raise SpecError(
            f"pretrain.budget.flops {budget.flops:.3g} does not buy one step, which costs "
            f"{flops_per_step:.3g}"
            + (
                f", beside {spent_flops:.3g} for the teacher; raise amortise_over"
                if spent_flops
                else "; raise the budget"
            )
        )
    return steps


def seconds_for(budget: Budget, spent_s: float = 0.0) -> float | None:
    """Return the seconds that a budget leaves for training; None where it is not measured so.

    Args:
        budget: of the study.
        spent_s: what was paid before the first step, as for a teacher.

    Raises:
        SpecError: nothing is left.
    """
    if budget.seconds is None:
        return None
    if spent_s >= budget.seconds:
        raise SpecError(
            f"pretrain.budget.seconds {budget.seconds:g} leaves no time to train: "
            f"{spent_s:.3g} are spent on the teacher; raise amortise_over"
        )
    return budget.seconds - spent_s


def training_passes(recipe: FinetuneRecipe) -> int:
    """Return what a step of a fine-tune costs, in forward passes of the encoder.

    A backward pass is two, for gradients of inputs and of weights; LoRA needs those of inputs
    alone, and a frozen encoder none.
    """
    if recipe.freeze == "encoder":
        return 1
    return TRAIN if recipe.lora is None else TRAIN - 1
