"""A whole comparison."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mae_bench.specs.base import Count, Frozen, InWords, Name, TrainSize
from mae_bench.specs.claims import Claim, Reference
from mae_bench.specs.evaluation import (
    CLEAN,
    CORPUS,
    FinetuneRecipe,
    NoiseSpec,
    ProbeRecipe,
    RepresentationRecipe,
)
from mae_bench.specs.pretraining import BackboneSpec, Budget, CorpusSpec, PretrainRecipe

PEAK_LR = "pretrain.peak_lr"  # key of a tuned rate among an arm's tuned options


class ArmSpec(Frozen):
    """One side of the fight: an objective with its options, under a label.

    ``peak_lr`` is the peak rate of its pretraining where tuning chose one; None is the study's.
    """

    objective: str
    options: dict[str, Any] = {}
    label: Annotated[str, InWords("a text", implied="the objective, with listed options")]
    peak_lr: Annotated[float, Field(gt=0)] | None = None


class TuningSpec(Frozen):
    """Equal tuning for every objective: the same trials, budget, tasks and seeds of trials.

    Attributes:
        trials: of each arm.
        sampler: of options; ``random`` also tells what fewer trials would have found.
        budget: of the pretraining of one trial.
        tasks: whose selection parts decide; none for those of the study.
        protocol: that evaluates a trial.
        train_size: labels of a trial.
        seed: of the draws, and of all that is random in a trial.
        peak_lr_factor: the peak rate of pretraining is drawn from the study's divided by this
            to the study's times this; 1 keeps the study's.
    """

    trials: Count = 8
    sampler: Literal["random", "tpe"] = "random"
    budget: Budget = Budget(tokens=500_000)
    tasks: tuple[str, ...] = ()
    protocol: str = "finetune"
    train_size: TrainSize = 200
    seed: int = 0
    peak_lr_factor: Annotated[float, Field(ge=1)] = 4.0


class Study(Frozen):
    """A whole comparison, as read from YAML.

    ``expectation`` says how long it takes where, and which effects its seeds can see.
    """

    name: Name
    description: str = ""
    backbone: BackboneSpec = BackboneSpec()
    corpus: CorpusSpec = CorpusSpec()
    corpus_tokens: Annotated[
        tuple[Count | None, ...], InWords("a list of corpus sizes, each of which every arm reads")
    ] = ()
    pretrain: PretrainRecipe = PretrainRecipe()
    objectives: Annotated[tuple[ArmSpec, ...], Field(min_length=1)]
    controls: bool = False
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    protocols: Annotated[tuple[str, ...], Field(min_length=1)] = ("finetune",)
    train_sizes: Annotated[tuple[TrainSize, ...], Field(min_length=1)] = ("all",)
    noise: Annotated[tuple[NoiseSpec, ...], Field(min_length=1)] = (CLEAN,)
    seeds: Annotated[
        tuple[int, ...], Field(min_length=1), InWords("a count or a list of whole numbers")
    ] = (0, 1, 2, 3, 4, 5)
    repeats: Literal["pretraining", "finetuning"] = "pretraining"
    finetune: FinetuneRecipe = FinetuneRecipe()
    linear_probe: ProbeRecipe = ProbeRecipe()
    representation: RepresentationRecipe = RepresentationRecipe()
    recipes: Annotated[
        dict[str, dict[str, Any]], InWords("a mapping from protocols to options of their recipes")
    ] = {}
    control: str | None = None
    claims: tuple[Claim, ...] = ()
    references: tuple[Reference, ...] = ()
    expectation: str = ""
    tuning: TuningSpec | None = None

    @property
    def real_tasks(self) -> tuple[str, ...]:
        """The tasks without ``corpus``, which a study may list where nothing but that is read."""
        return tuple(task for task in self.tasks if task != CORPUS)
