"""What an objective is: a way to corrupt rows, a loss, and what a step of it costs.

An objective owns its heads, decoder and teacher. It owns no optimizer, loop, data or logging.
Legend: B rows, L positions a row, S tokens that the encoder sees, M predicted positions a row.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import ValidationError
from torch import Tensor, nn

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError, near_match
from mae_bench.masking import MASKINGS, RANDOM, Lexicon, least_hiding
from mae_bench.model.backbone import Backbone
from mae_bench.model.start import own_start
from mae_bench.registry import Registry
from mae_bench.sentences import first_place, sentence
from mae_bench.specs import BackboneSpec, Frozen


class Trial(Protocol):
    """The part of an Optuna trial that a search space uses."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a number."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Draw a whole number."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Draw one of the choices."""


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
    """

    input_ids: Tensor
    positions: Tensor
    is_pad: Tensor | None = None
    target_positions: Tensor | None = None
    target_ids: Tensor | None = None
    is_target: Tensor | None = None
    parts: Mapping[str, "View"] = field(default_factory=dict)


@dataclass(frozen=True)
class LossOutput:
    """A loss in nats per predicted unit, how many were predicted, and what else to show.

    Where ``predicted`` is 0 the loss says nothing: the step is left out and counted.
    """

    loss: Tensor
    predicted: int
    metrics: Mapping[str, Tensor] = field(default_factory=dict)


Declared = bool | tuple[str, Any]  # so, not so, or so under one value of an option


@dataclass(frozen=True)
class Predictor:
    """The objective as which a checkpoint predicts hidden tokens.

    Attributes:
        objective: its registered name; it has a `mask_ratio`, and no teacher.
        options: of it.
        prefix: of its tensors in the checkpoint's `state_to_save`.
    """

    objective: str
    options: dict[str, Any]
    prefix: str = ""


class Objective(nn.Module, ABC):
    """One way to pretrain the shared backbone.

    Subclasses set the class variables, a nested ``Options`` (frozen, strict), and four methods:
    ``build`` the parts beside the backbone, ``corrupt``, ``forward`` and ``flops_per_step``.

    Attributes:
        predicts_tokens: whether ``target_ids`` are the row's own tokens at ``target_positions``.
        shows_targets: whether the encoder sees by design the tokens that are predicted; True, or
            an option and its value under which it does. Undeclared, a target that shows is a leak.
        moves_tokens: whether tokens are shown by design at other positions than they have in the
            row; True, or an option and its value.
        version: part of the ids of an objective of another package; raise it where its numbers
            move. None stands for the version of its distribution.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    version: ClassVar[str | int | None] = None
    is_trained: ClassVar[bool] = True
    predicts_tokens: ClassVar[bool] = False
    shows_targets: ClassVar[Declared] = False
    moves_tokens: ClassVar[Declared] = False
    example: ClassVar[Mapping[str, Any]] = {}  # of options that have no default

    class Options(Frozen):
        """No options."""

    options: Any
    lexicon: Lexicon | None

    def __init__(
        self,
        backbone: Backbone,
        spec: BackboneSpec,
        options: Frozen,
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
    def flops_per_step(cls, options: Any, shape: StepShape) -> Flops:
        """Return what one training step costs, without building anything."""

    @classmethod
    def check(cls, options: Any, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where options do not fit the backbone or the rows."""

    @classmethod
    def least_tokens(cls, options: Any, row_length: int) -> int:
        """Return the tokens that a text must have for the loss to predict one of them.

        Of a schedule at its least ratio; 1 where nothing is hidden from a text.
        """
        ratio = getattr(options, "mask_ratio", None)
        if ratio is None:
            return 1
        return least_hiding(ratio, getattr(options, "masking", RANDOM), row_length)

    @classmethod
    def check_steps(cls, options: Any, steps: int) -> None:
        """Raise SpecError where so few training steps leave a part of the objective out."""

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, Any]:
        """Return options drawn by a trial; every objective gets the same number of trials."""
        return {}

    @classmethod
    def teacher_of(cls, options: Any) -> str | None:
        """Return the arm, folder or Hub id that must exist before this objective starts."""
        return None

    @classmethod
    def predictor(cls, options: Any) -> Predictor | None:
        """Return what to ask for hidden tokens, at any mask ratio; None where nothing predicts."""
        is_predicting = cls.is_trained and cls.predicts_tokens and cls.teacher_of(options) is None
        if is_predicting and "mask_ratio" in cls.Options.model_fields:
            return Predictor(cls.name, options.canonical())
        return None

    @classmethod
    def wants_soft_targets(cls, options: Any) -> bool:
        """Whether it reads the teacher's logits, and not its hidden states alone."""
        return False

    @classmethod
    def soft_head(cls, options: Any) -> str | None:
        """Return where `state_to_save` holds a head that can give soft targets, if there is one.

        That is a trained `VocabularyHead` over the encoder's output that names the token at its
        own place, in rows that the encoder reads as a plain mlm's does. A head that names the
        next token, classes, or what a decoder made gives none.
        """
        return None

    @classmethod
    def needs_lexicon(cls, options: Any) -> bool:
        """Whether ``self.lexicon`` must be there; by default where the masking scheme needs it."""
        masking = getattr(options, "masking", None)
        return masking is not None and MASKINGS.get(masking.scheme).needs_lexicon

    @classmethod
    def needs_ngrams(cls, options: Any) -> bool:
        """Whether the lexicon must hold the corpus' collocations."""
        masking = getattr(options, "masking", None)
        return masking is not None and MASKINGS.get(masking.scheme).needs_ngrams

    @classmethod
    def restarts_at(cls, options: Any) -> tuple[float, ...]:
        """Return the shares of the budget at which the optimizer forgets its moments."""
        return ()

    @classmethod
    def controls(cls, options: Any) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return the arms that tell why this one differs: objective and options by label."""
        return {}


OBJECTIVES: Registry[type[Objective]] = Registry("objective", "objectives")

__all__ = [
    "OBJECTIVES",
    "Block",
    "LossOutput",
    "Objective",
    "Predictor",
    "Trial",
    "View",
    "parse_options",
    "refuse_unread",
]


def parse_options(name: str, given: Mapping[str, Any]) -> Any:
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
        place = first_place(error, kind.Options)
        raise SpecError(
            f"objective '{name}': {sentence(error, kind.Options)}", str(place[-1]) if place else ""
        ) from error


def refuse_unread(options: Frozen, names: Iterable[str], where: str) -> None:
    """Raise ValueError for an option that is written where nothing reads it."""
    for name in names:
        if name in options.model_fields_set:
            raise ValueError(f"{name} {getattr(options, name)} has no effect {where}")
