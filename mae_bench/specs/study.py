"""A whole comparison."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mae_bench.specs.base import Count, Frozen, InWords, Name, TrainSize
from mae_bench.specs.budget_split import BudgetSplit
from mae_bench.specs.claims import Claim, Reference
from mae_bench.specs.encoders import EncoderSpec
from mae_bench.specs.evaluation import (
    CLEAN,
    CORPUS,
    FinetuneRecipe,
    NoiseSpec,
    ProbeRecipe,
    RepresentationRecipe,
)
from mae_bench.specs.grid import Scalar
from mae_bench.specs.own_task import OwnTask
from mae_bench.specs.pretraining import BackboneSpec, Budget, CorpusSpec, PretrainRecipe

PEAK_LR = "pretrain.peak_lr"  # key of a tuned rate among an arm's tuned options
# whose fields may be given as lists
SECTIONS = ("backbone", "pretrain", "corpus", "finetune", "linear_probe", "representation")


class ArmSpec(Frozen):
    """One side of a comparison: an objective with its options, under a label.

    Attributes:
        objective: a name that ``mae-bench list objectives`` shows.
        options: of the objective; a list makes an arm of each value.
        label: the arm's name in claims and reports, which must be unique.
        peak_lr: the peak learning rate of this arm's pretraining, where tuning chose one; left
            out, the study's.
    """

    objective: str
    options: dict[str, Any] = {}
    label: Annotated[str, InWords("a text", implied="the objective, with listed options")]
    peak_lr: Annotated[float, Field(gt=0)] | None = None


class TuningSpec(Frozen):
    """Equal tuning for every objective: the same trials, budget, tasks and seeds of trials.

    Attributes:
        trials: trials of each arm.
        sampler: how options are drawn; ``random`` also shows what fewer trials would have found.
        budget: budget of the pretraining of one trial.
        tasks: tasks whose selection parts decide; left out, those of the study.
        protocol: protocol that evaluates a trial.
        train_size: labels that a trial trains on.
        seed: seed of the draws and of everything random in a trial.
        peak_lr_factor: peak rates are drawn between the study's divided by this and the study's
            times this; 1 keeps the study's.
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

    Attributes:
        name: the study's name, and that of its folder in the home.
        description: a sentence for lists and reports.
        backbone: the encoder that all arms share.
        corpus: the text that all arms read.
        corpus_tokens: sizes of the corpus, to see what more text is worth; every arm is pretrained
            on each. ``null``, which must stand alone, is all text.
        budget_split: one compute budget, to see how much of it a pretraining is worth: every arm is
            pretrained with each share and fine-tuned with the rest; left out, the two have budgets
            of their own.
        pretrain: the recipe of all pretrainings.
        objectives: the arms. An item is a name, or a name with its options. A study that names
            encoders may have none; then nothing is pretrained, and no corpus is read.
        encoders: arms that are not pretrained here. An item is a folder of any encoder that
            transformers loads, ``owner/name@commit`` on the Hub, or a mapping with a label.
        grid: fields with several values, by their dotted names; the whole study is run at every
            combination. A list in place of the one value of a field of ``backbone``, ``pretrain``,
            ``corpus``, ``finetune``, ``linear_probe`` or ``representation`` is kept here.
        zip: lists of fields that take their values together, the first of one with the first of
            the other, instead of in every combination; also options of one objective, as
            ``mae.mask_ratio``.
        exclude: combinations to leave out: values by field, a list for any of several. ``arm``
            leaves out a label there alone; ``mae.mask_ratio`` the arms with that option.
        controls: whether to add the arms that explain why an arm differs: parts of a mixture
            alone, and what an objective names itself, also where ``exclude`` left out such an arm.
        tasks: labelled tasks. An item is a name that ``mae-bench list tasks`` shows, two such names
            as ``train -> test`` to train on one and test on another, or a mapping that makes files
            of your own a task (the keys of ``own_tasks``).
        own_tasks: the mappings under ``tasks``, which are kept here; written there.
        protocols: how checkpoints are evaluated; ``mae-bench list protocols`` shows them.
        train_sizes: numbers of labels to train on: a count, a share below 1, ``16/class`` for so
            many of each class, or ``all``.
        noise: noises on the tasks' texts or labels. An item is a name, or a name with its rate.
        seeds: a count, or a list of whole numbers. Fewer than six decide nothing.
        finetune_seeds: evaluations of each checkpoint, a count or a list of whole numbers. Each
            draws its own labels, order, head and dropout, alike for all arms, and a seed's score is
            their mean; 0 draws what the seed itself does.
        repeats: what a seed repeats: the whole pretraining, or only the fine-tuning of one.
        finetune: the recipe of ``finetune``.
        linear_probe: the recipe of ``linear_probe``.
        representation: the recipe of ``representation``.
        recipes: what is set of any protocol's recipe, floors and those of other packages too;
            `finetune`, `linear_probe` and `representation` may stand here or under their own key.
        control: label of the arm that all others are compared with; left out, the first ``mlm``
            arm, else the first trained arm.
        claims: sentences that the rows can support or refute, written before the runs.
        references: published differences that the report shows beside the measured ones.
        expectation: how long it takes on which machine, and which effects its seeds can show.
        tuning: equal tuning of every arm; left out, options are those that the study names.
    """

    name: Name
    description: str = ""
    backbone: BackboneSpec = BackboneSpec()
    corpus: CorpusSpec = CorpusSpec()
    corpus_tokens: Annotated[
        tuple[Count | None, ...], InWords("a list of corpus sizes, each of which every arm reads")
    ] = ()
    budget_split: BudgetSplit | None = None
    pretrain: PretrainRecipe = PretrainRecipe()
    objectives: Annotated[
        tuple[ArmSpec, ...], InWords("a list of at least 1 item", implied="[] beside encoders")
    ] = ()
    encoders: Annotated[
        tuple[EncoderSpec, ...],
        InWords("a list of folders, Hub ids with their commits, or mappings of label and from"),
    ] = ()
    grid: Annotated[
        dict[str, tuple[Scalar, ...]],
        InWords("a mapping from fields, such as backbone.num_layers, to lists of values"),
    ] = {}
    zip: Annotated[
        tuple[tuple[str, ...], ...], InWords("a list of lists of fields that have several values")
    ] = ()
    exclude: Annotated[
        tuple[dict[str, Any], ...], InWords("a list of mappings from fields to values")
    ] = ()
    controls: bool = False
    tasks: Annotated[
        tuple[str, ...],
        Field(min_length=1),
        InWords("a list of at least 1 item (each a name, or a mapping for files of your own)"),
    ]
    own_tasks: tuple[OwnTask, ...] = ()
    protocols: Annotated[tuple[str, ...], Field(min_length=1)] = ("finetune",)
    train_sizes: Annotated[tuple[TrainSize, ...], Field(min_length=1)] = ("all",)
    noise: Annotated[
        tuple[NoiseSpec, ...],
        Field(min_length=1),
        InWords(
            "a list of at least 1 item (each a mapping of name, rate, where)", implied="[clean]"
        ),
    ] = (CLEAN,)
    seeds: Annotated[
        tuple[int, ...], Field(min_length=1), InWords("a count or a list of whole numbers")
    ] = (0, 1, 2, 3, 4, 5)
    finetune_seeds: Annotated[
        tuple[int, ...], Field(min_length=1), InWords("a count or a list of whole numbers")
    ] = (0,)
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

    @model_validator(mode="after")
    def _arms(self) -> Self:
        if not self.objectives and not self.encoders:
            is_empty = "objectives" in self.model_fields_set
            raise ValueError(
                f"objectives is {'empty' if is_empty else 'missing'}; name at least one, such as "
                "objectives: [mlm], or encoders that are not pretrained here"
            )
        return self

    @model_validator(mode="after")
    def _nested(self) -> Self:
        if self.repeats == "finetuning" and len(self.finetune_seeds) > 1:
            raise ValueError(
                "finetune_seeds repeats fine-tunes within each pretraining seed, got "
                f"{len(self.finetune_seeds)} of them beside repeats: finetuning, where seeds "
                "repeat the fine-tune of one pretraining; drop one of the two"
            )
        return self

    @property
    def real_tasks(self) -> tuple[str, ...]:
        """The tasks without ``corpus``, which a study may list where nothing but that is read."""
        return tuple(task for task in self.tasks if task != CORPUS)
