"""What an objective is: a way to corrupt rows, a loss, and what a step of it costs.

An objective owns its heads, decoder and teacher. It owns no optimizer, loop, data or logging.
Legend: B rows, L positions a row, S tokens that the encoder sees, M predicted positions a row.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic

from pydantic import ValidationError
from torch import Tensor, nn
from typing_extensions import TypeVar

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError, near_match
from mae_bench.masking import Lexicon
from mae_bench.model.backbone import Backbone
from mae_bench.model.means import Number
from mae_bench.model.start import own_start
from mae_bench.model.token_guess import TokenGuess
from mae_bench.objectives.requirements import (
    MOVED,
    Predictor,
    Provisions,
    Requirements,
    Scorer,
    requirements_of,
)
from mae_bench.objectives.trial import Trial as Trial
from mae_bench.registry import Registry
from mae_bench.sentences import first_key_path, sentence
from mae_bench.specs import BackboneSpec, Frozen

# Without a type argument, `Objective` is one whose options are not known.
OptionsT = TypeVar("OptionsT", bound=Frozen, default=Any)
Controls = Mapping[str, tuple[str, Mapping[str, object]]]  # objective and options by label


@dataclass(frozen=True)
class View:
    """What the encoder sees of a block, and what is to be predicted.

    Attributes:
        input_ids: [B', S] tokens shown to the encoder; B' is a multiple of B where an objective
            shows a row several times.
        positions: [B', S] their original positions.
        is_pad: [B', S], or None.
        target_positions: [B, M] original positions that are predicted, or None.
        target_ids: [B, M] what stood there.
        is_target: [B, M], False at filling; None where every entry counts.
        parts: views of further passes of the same step, by name.
        keeps_filling: whether filling and padding stay among what is predicted, without a say in
            the loss, so that shapes are the same for all rows; else they are taken out.
    """

    input_ids: Tensor
    positions: Tensor
    is_pad: Tensor | None = None
    target_positions: Tensor | None = None
    target_ids: Tensor | None = None
    is_target: Tensor | None = None
    parts: Mapping[str, "View"] = field(default_factory=dict)
    keeps_filling: bool = False


@dataclass(frozen=True)
class LossOutput:
    """A loss in nats per predicted unit, how many were predicted, and what else to show.

    Where ``predicted`` is 0 the loss means nothing: the step is skipped, and skips are counted. It
    is a tensor [] where the view `keeps_filling`.
    """

    loss: Tensor
    predicted: Number
    metrics: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module, ABC, Generic[OptionsT]):
    """One way to pretrain the shared backbone.

    Subclasses set the class variables, a nested ``Options`` (frozen, strict), and four methods:
    ``build`` the parts beside the backbone, ``corrupt``, ``forward`` and ``flops_per_step``. What
    else depends on the options is returned by ``requires``, ``provides`` and ``controls``.
    ``class Mine(Objective["Mine.Options"])`` gives ``self.options`` its type.

    Attributes:
        predicts_tokens: whether ``target_ids`` are the row's own tokens at ``target_positions``.
        version: part of the ids of an objective of another package; raise it where its numbers
            move. None stands for the version of its distribution.
        why_not_recorded: why a step is never recorded as a graph or compiled; empty where
            `forward` takes views that keep their filling, and nothing waits for the host.
        why_not_batched: why seeds of it are never trained as one program; empty where `forward`
            runs under ``torch.func.vmap`` on views that keep their filling, reads nothing of the
            objective but its parameters, buffers and options, and draws nothing but dropout.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    version: ClassVar[str | int | None] = None
    is_trained: ClassVar[bool] = True
    predicts_tokens: ClassVar[bool] = False
    example: ClassVar[Mapping[str, object]] = {}  # of options that have no default
    why_not_recorded: ClassVar[str] = "it does not say that padding may stay in its views"
    why_not_batched: ClassVar[str] = "it does not say that its forward pass runs under vmap"

    class Options(Frozen):
        """No options."""

    options: OptionsT
    lexicon: Lexicon | None

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Refuse a class written for an earlier Objective, whose answers nothing would ask for."""
        super().__init_subclass__(**kwargs)
        for old, new in MOVED.items():
            if old in vars(cls):
                raise SpecError(
                    f"objective class '{cls.__name__}' has '{old}', which nothing reads; return it "
                    f"as {new}, by dataclasses.replace of what super() returns"
                )

    def __init__(
        self,
        backbone: Backbone,
        spec: BackboneSpec,
        options: OptionsT,
        *,
        seed: int,
        teacher: Path | None = None,
        lexicon: Lexicon | None = None,
    ) -> None:
        """Attach to a backbone; parts are initialised from the stream ``head``."""
        super().__init__()
        self.backbone = backbone
        self.spec = spec
        self.options = options
        self.seed = seed
        self.lexicon = lexicon
        with self.own_start("pretraining"):
            self.build(teacher)

    def build(self, teacher: Path | None) -> None:
        """Make the heads, decoder or projector, each in `own_start`; load the teacher."""

    def own_start(self, part: str) -> AbstractContextManager[None]:
        """Return a context in which a part's weights depend on its name and the seed alone."""
        return own_start(self.seed, part)

    @abstractmethod
    def corrupt(self, block: Block, draws: Draws) -> View:
        """Return what the encoder sees: a pure function of its arguments and the options."""

    @abstractmethod
    def forward(self, view: View) -> LossOutput:
        """Return the loss of a view; in evaluation mode also the accuracy where there is one."""

    def guess_tokens(self, view: View) -> TokenGuess:
        """Return the predicted tokens of a view before a `VocabularyHead` makes their logits.

        In the order of the view's targets, row by row. Objectives that provide a scorer must have
        it, or `score_tokens` and, where they fill gaps, `token_logits` of their own.
        """
        raise NotImplementedError(f"objective '{self.name}' provides no scorer of tokens")

    def score_tokens(self, view: View) -> tuple[Tensor, Tensor]:
        """Return [N] the log-probability of each predicted token in nats, and if it is best."""
        return self.guess_tokens(view).scores()

    def token_logits(self, view: View) -> Tensor:
        """Return [N, V] the logits in float32 where each predicted token stands."""
        return self.guess_tokens(view).logits()

    def after_step(self) -> None:
        """Do what follows an optimizer step, as a moving average would."""

    def state_to_save(self) -> dict[str, Tensor]:
        """Return the tensors that stand beside the backbone in a checkpoint."""
        return {
            name: value
            for name, value in self.state_dict().items()
            if not {"backbone", "teacher"} & set(name.split("."))
        }

    @classmethod
    @abstractmethod
    def flops_per_step(cls, options: OptionsT, shape: StepShape) -> Flops:
        """Return what one training step costs, without building anything."""

    @classmethod
    def check(cls, options: OptionsT, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where options do not fit the backbone or the rows."""

    @classmethod
    def revision(cls, options: OptionsT, spec: BackboneSpec) -> int:
        """Return which revision of its numbers this is; above 1 it is part of the ids.

        For the objectives of this package, where a mended fault moves the numbers of some options
        or backbones only: the results of all others are used again. Another package raises
        ``version``.
        """
        return 1

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Return options drawn by a trial; every objective gets the same number of trials."""
        return {}

    @classmethod
    def requires(cls, options: OptionsT) -> Requirements:
        """Return what must be there before it trains, and what its training needs.

        By default `requirements_of`. Subclasses change fields of it.
        """
        return requirements_of(options)

    @classmethod
    def provides(cls, options: OptionsT) -> Provisions:
        """Return what its checkpoints can be asked for, and what its views show by design.

        By default itself as predictor of tokens, where it has a ``mask_ratio`` and no teacher.
        Subclasses change fields of it.
        """
        is_predictor = (
            cls.is_trained
            and cls.predicts_tokens
            and "mask_ratio" in cls.Options.model_fields
            and cls.requires(options).teacher is None
        )
        return Provisions(Predictor(cls.name, options.canonical()) if is_predictor else None)

    @classmethod
    def controls(cls, options: OptionsT) -> Controls:
        """Return arms that change one thing of this one each: objective and options by label."""
        return {}


OBJECTIVES: Registry[type[Objective]] = Registry("objective", "objectives")

__all__ = [
    "OBJECTIVES",
    "Block",
    "Controls",
    "LossOutput",
    "Objective",
    "Predictor",
    "Provisions",
    "Requirements",
    "Scorer",
    "Trial",
    "View",
    "parse_options",
    "refuse_unread",
]


def parse_options(name: str, given: Mapping[str, object]) -> Frozen:
    """Return the validated options of an objective.

    Raises:
        UnknownNameError: no such objective.
        SpecError: an unknown option, or a value that is not allowed; one sentence.
    """
    kind = OBJECTIVES.get(name)
    known = list(kind.Options.model_fields)
    for option in given:
        if option not in known:
            raise SpecError(
                f"objective '{name}' has no option '{option}'; "
                f"its options: {', '.join(known) or 'none'}." + near_match(option, known),
                option,
            )
    try:
        return kind.Options(**given)
    except ValidationError as error:
        key_path = first_key_path(error, kind.Options)
        raise SpecError(
            f"objective '{name}': {sentence(error, kind.Options)}",
            str(key_path[-1]) if key_path else "",
        ) from error


def refuse_unread(options: Frozen, names: Iterable[str], where: str) -> None:
    """Raise ValueError for an option that is written where nothing reads it."""
    for name in names:
        if name in options.model_fields_set:
            raise ValueError(f"{name} {getattr(options, name)} has no effect {where}")
