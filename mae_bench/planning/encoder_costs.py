"""What encoders cost that nobody pretrains here, by their own config as soon as it is at hand."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Protocol

from mae_bench.backbones import architecture_of_config
from mae_bench.costs import Stack
from mae_bench.data.encoder_files import OBJECTIVE, read_config, tensor_shapes
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import EvaluateSpec, PretrainSpec
from mae_bench.store.store import Store
from mae_bench.user_paths import user_path


class ForwardCost(Protocol):
    """What a forward pass costs."""

    def forward(self, rows: int, length: int) -> float:
        """Return the operations of one forward pass over rows of a length."""


@dataclass(frozen=True)
class WeightCost:
    """The cost of an encoder that is known by its weights alone: two operations each and token."""

    num_weights: int

    def forward(self, rows: int, length: int) -> float:
        """Return the operations of one forward pass over rows of a length."""
        return 2.0 * self.num_weights * rows * length


def cost_of_folder(folder: Path) -> ForwardCost:
    """Return the cost of the encoder in a folder, roughly where its architecture is not registered.

    Raises:
        SpecError: its config cannot be read.
    """
    if (stack := _stack_in(folder)) is not None:
        return stack
    vocab_size = read_config(folder).get("vocab_size")
    matrices = [
        shape
        for name, shape in tensor_shapes(folder).items()
        # an encoder's table of tokens is looked up, and a decoder beside it is not read
        if len(shape) > 1 and vocab_size not in shape and not name.startswith("decoder.")
    ]
    return WeightCost(sum(map(prod, matrices)))


def _stack_in(folder: Path) -> Stack | None:
    """Return the layers of the encoder in a folder; None where it names its sizes in a new way."""
    config = read_config(folder)
    arch = architecture_of_config(config)
    try:
        return Stack(arch, arch.read_sizes(config))
    except KeyError:
        return None


class EncoderCosts:
    """The encoders from outside that a plan evaluates or learns from."""

    def __init__(self, plan: Plan, store: Store) -> None:
        """Read nothing yet."""
        self._plan, self._store = plan, store
        self._costs: dict[Key, ForwardCost | None] = {}
        self._unknown_teachers: dict[str, None] = {}

    def of_evaluation(self, stage: Stage) -> ForwardCost | None:
        """Return the cost of an evaluation's encoder; None where that is not fetched yet."""
        spec = stage.spec
        assert isinstance(spec, EvaluateSpec)
        encoder, fetched = (_need(stage, kind) for kind in ("encoder", "teacher"))
        assert encoder is not None
        if encoder not in self._costs:
            folder = self._folder(spec.folder, fetched)
            self._costs[encoder] = None if folder is None else cost_of_folder(folder)
        return self._costs[encoder]

    def teacher_of(self, stage: Stage, arm: ResolvedArm) -> Stack | None:
        """Return the layers of a pretraining's teacher from outside, as its run will read them.

        None where it has no such teacher, or that is not fetched yet.
        """
        spec, teacher = stage.spec, arm.requires.teacher
        assert isinstance(spec, PretrainSpec)
        if teacher is None or ("pretrain", spec.teacher) in stage.needs:
            return None
        key = None if spec.teacher is None else ("teacher", spec.teacher)
        folder = self._folder(None if key else teacher, key)
        if folder is None:
            self._unknown_teachers[teacher] = None
        is_of_this_suite = folder is not None and (folder / OBJECTIVE).is_file()
        return None if folder is None or is_of_this_suite else _stack_in(folder)

    def is_assumed(self, arm: ResolvedArm) -> bool:
        """Whether an arm's teacher was asked for, and is not fetched yet."""
        return arm.requires.teacher in self._unknown_teachers

    @property
    def assumptions(self) -> list[str]:
        """A sentence for each encoder that was asked for and is not fetched yet."""
        labels = [self._plan.by_key[key].label for key, cost in self._costs.items() if cost is None]
        fetch = "not known before it is fetched; `mae-bench prepare` fetches it"
        return [
            *(f"nothing for the work of {label}, whose sizes are {fetch}" for label in labels),
            *(
                f"the sizes of the study's backbone for teacher {name}, whose own are {fetch}"
                for name in self._unknown_teachers
            ),
        ]

    def _folder(self, local: str | None, fetched: Key | None) -> Path | None:
        if local is not None:
            return user_path(local)
        is_there = fetched is not None and self._store.is_done(*fetched)
        return self._store.path(*fetched) if fetched and is_there else None


def _need(stage: Stage, kind: str) -> Key | None:
    """Return the first stage of a kind that another needs."""
    return next((key for key in stage.needs if key[0] == kind), None)


def encoder_of(stage: Stage) -> Key | None:
    """Return the stage of the encoder from outside that an evaluation reads."""
    return _need(stage, "encoder")
