"""The values that say what is to be done: frozen, strict, and hashed into stage ids.

Nothing here imports torch. What a name means (an objective, a task) is checked by the
planner, which knows the registries.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mae_bench.errors import near_match

Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
TrainSize = Annotated[int, Field(ge=2)] | Ratio | Literal["all"]
Precision = Literal["auto", "fp32", "bf16"]


class Frozen(BaseModel):
    """A strict, immutable value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> dict[str, Any]:
        """Return JSON-ready content without defaults, so that a new option moves no old id."""
        return self.model_dump(mode="json", exclude_defaults=True)


def stage_id(kind: str, version: int, content: Any) -> str:
    """Return 16 hex digits that name a stage's result: its kind, version and content."""
    text = json.dumps([kind, version, content], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Budget(Frozen):
    """When a pretraining ends: exactly one of the four."""

    tokens: Count | None = None
    steps: Count | None = None
    flops: Annotated[float, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a budget names exactly one of tokens, steps, flops, seconds; got {given}"
            )
        return self


PRESETS: dict[str, tuple[int, int, int]] = {  # layers, hidden size, attention heads
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (4, 512, 8),
    "medium": (8, 512, 8),
    "compact": (12, 384, 6),
    "base": (12, 768, 12),
    "cpu": (6, 192, 3),
}


class BackboneSpec(Frozen):
    """The encoder that every objective of a study shares.

    Sizes left out come from the preset (Turc et al. 2019, arXiv:1908.08962, for tiny to base).

    Attributes:
        preset: a key of `PRESETS`.
        arch: a Transformer, or layers of a bidirectional LSTM or GRU as a control of attention;
            these have no MLP, and ``num_heads`` and ``mlp_ratio`` mean nothing to them.
        checkpoint: folder, or ``owner/name@commit`` on the Hub, of an encoder to go on from
            instead of initial weights. A folder's sizes are read from its config.json; those of
            a Hub encoder are written beside it, since a plan never reads the network. Its
            tokenizer must have the study's tokens, as it has where `TokenizerSpec.origin` is the
            same encoder. ``random_init`` is then this encoder as it is, and what it took to make
            it is charged to no arm.
    """

    preset: str = "tiny"
    arch: Literal["modernbert", "bert", "bilstm", "gru"] = "modernbert"
    num_layers: Count | None = None
    hidden_size: Count | None = None
    num_heads: Count | None = None
    mlp_ratio: Annotated[float, Field(gt=0)] = 4.0
    max_length: Count = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    checkpoint: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if self.preset not in PRESETS:
            raise ValueError(
                f"unknown preset '{self.preset}'; known: {', '.join(PRESETS)}."
                + near_match(self.preset, PRESETS)
            )
        if self.width % self.heads:
            raise ValueError(
                f"hidden_size {self.width} must be a multiple of num_heads {self.heads}"
            )
        if self.is_recurrent and self.width % 2:
            raise ValueError(
                f"hidden_size {self.width} must be even for arch '{self.arch}', which gives each "
                "direction half of it"
            )
        return self

    @property
    def is_recurrent(self) -> bool:
        """Whether the layers are bidirectional recurrences, without attention or MLP."""
        return self.arch in ("bilstm", "gru")

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.num_layers or PRESETS[self.preset][0]

    @property
    def width(self) -> int:
        """Hidden size D."""
        return self.hidden_size or PRESETS[self.preset][1]

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.num_heads or PRESETS[self.preset][2]

    @property
    def inner(self) -> int:
        """Inner width of the MLP; two thirds as wide where it is gated, to cost the same."""
        if self.is_recurrent:
            return 0
        if self.arch == "bert":
            return round(self.width * self.mlp_ratio)
        return max(32, round(self.width * self.mlp_ratio * 2 / 3 / 32) * 32)


class TokenizerSpec(Frozen):
    """A subword tokenizer: trained on the corpus, or an encoder's own.

    Attributes:
        kind: of one that is trained.
        vocab_size: of one that is trained; it may find fewer tokens.
        origin: ``from`` in a study: folder, or ``owner/name@commit`` on the Hub, of an encoder
            whose tokenizer is taken as it is. Only the ids of its tokens change: special ones
            have the same five in all studies.
    """

    kind: Literal["bpe", "wordpiece"] = "bpe"
    vocab_size: Annotated[int, Field(ge=300, le=65535)] = 2048
    origin: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = sorted(self.model_fields_set & {"kind", "vocab_size"})
        if self.origin is not None and given:
            raise ValueError(
                f"'from' takes the tokenizer of '{self.origin}' as it is, got {' and '.join(given)}"
                " beside it, which train one; leave out one or the other"
            )
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write what a study may hold: ``from`` alone, or what trains a tokenizer."""
        content: dict[str, Any] = handler(self)
        content.pop("origin", None)
        return content if self.origin is None else {"from": self.origin}


class CorpusSpec(Frozen):
    """Text to pretrain on, cut into rows of one length.

    Attributes:
        sources: named corpora, or paths of text, JSONL or parquet files and folders.
        tokens: keep a prefix of this many tokens of a seeded permutation; None keeps all.
        row_length: tokens a row, with its [CLS] and [SEP].
        validation_ratio: share of documents, by content hash, that are never trained on.
    """

    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ("world",)
    tokens: Count | None = None
    tokenizer: TokenizerSpec = TokenizerSpec()
    row_length: Annotated[int, Field(ge=8)] = 64
    validation_ratio: Ratio = 0.02
    seed: int = 0


class PretrainRecipe(Frozen):
    """The one pretraining recipe of a study: AdamW, linear warm-up, linear decay to zero."""

    budget: Budget = Budget(tokens=2_000_000)
    batch_rows: Count = 32
    peak_lr: Annotated[float, Field(gt=0)] = 2e-3
    warmup_ratio: Share = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    beta1: Share = 0.9
    beta2: Share = 0.98
    eps: Annotated[float, Field(gt=0)] = 1e-6
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    precision: Precision = "auto"


class FinetuneRecipe(Frozen):
    """The one fine-tune recipe of a study; only the learning rate is chosen, from this grid.

    ``epochs`` is raised where a training set is so small that it would give fewer than
    ``min_steps`` updates (Mosbach et al. 2021, arXiv:2006.04884: too few steps look like
    instability). Batches hold texts of similar length, sorted within groups of
    ``bucket_batches`` batches. ``dropout`` is that of the head; the encoder keeps its own.
    """

    learning_rates: Annotated[tuple[Positive, ...], Field(min_length=1)] = (3e-4, 1e-3)
    epochs: Count = 3
    min_steps: Count = 60
    batch_size: Count = 32
    max_length: Count = 128
    warmup_ratio: Share = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: Annotated[float, Field(gt=0)] = 1e-6
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    bucket_batches: Count = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    precision: Precision = "auto"


class ProbeRecipe(Frozen):
    """The linear probe: frozen encoder, scikit-learn on pooled features."""

    poolings: Annotated[tuple[Literal["mean", "cls"], ...], Field(min_length=1)] = ("mean", "cls")
    inverse_penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.1, 1.0, 10.0)
    max_iter: Count = 1000
    max_length: Count = 128
    batch_size: Count = 64
    precision: Precision = "auto"


class RepresentationRecipe(Frozen):
    """A look inside a frozen encoder on rows of the corpus that were never trained on.

    Attributes:
        num_rows: validation rows that are read, evenly spaced.
        mask_ratio: share of the tokens that [MASK] replaces where masks are to be in the input.
        tau: share of the variance that ``rank_tau`` directions must hold.
        objective_ratios: mask ratios at which the objective itself predicts tokens.
    """

    num_rows: Count = 512
    mask_ratio: Ratio = 0.15
    tau: Ratio = 0.9
    objective_ratios: tuple[Ratio, ...] = (0.15, 0.5)
    batch_rows: Count = 64
    precision: Precision = "fp32"


class NoiseSpec(Frozen):
    """Noise on the text of a task, before tokenising."""

    name: str = "clean"
    rate: Share = 0.0
    where: Literal["test", "train", "both"] = "test"

    @property
    def label(self) -> str:
        """A short name for tables: ``clean`` or ``typos 10% (test)``."""
        return "clean" if self.name == "clean" else f"{self.name} {self.rate:.3g} ({self.where})"


CLEAN = NoiseSpec()
CORPUS = "corpus"  # stands for the task of protocols that read rows of the corpus instead of one


PEAK_LR = "pretrain.peak_lr"  # key of a tuned rate among an arm's tuned options


class ArmSpec(Frozen):
    """One side of the fight: an objective with its options, under a label.

    ``peak_lr`` is the peak rate of its pretraining where tuning chose one; None is the study's.
    """

    objective: str
    options: dict[str, Any] = {}
    label: str
    peak_lr: Annotated[float, Field(gt=0)] | None = None


class PretrainSpec(Frozen):
    """One pretraining run.

    ``blocks``, ``teacher``, ``ngrams`` and ``encoder``, which training starts from, are ids of
    earlier stages.
    """

    backbone: BackboneSpec
    objective: str
    options: dict[str, Any] = {}
    blocks: str
    recipe: PretrainRecipe
    seed: int
    teacher: str | None = None
    ngrams: str | None = None
    encoder: str | None = None


class EvaluateSpec(Frozen):
    """One protocol on one task at one size and seed; read on several versions of the test split.

    ``checkpoint`` is the id of a pretraining, or None for a floor that needs no encoder. Where
    ``task`` is `CORPUS`, ``task_data`` is the id of token rows.
    """

    checkpoint: str | None
    protocol: str
    recipe: dict[str, Any] = {}
    task: str
    task_data: str
    train_size: TrainSize
    train_noise: NoiseSpec = CLEAN
    test_noises: tuple[NoiseSpec, ...] = (CLEAN,)
    seed: int
    selection_only: bool = False


class Claim(Frozen):
    """A sentence that rows can support or refute, written down before the runs.

    ``task``, ``protocol``, ``train_size`` and ``noise`` narrow it; left out, the claim is read
    on the mean over all of them, rows of the corpus apart. ``metric`` names another metric than
    the primary one. ``margin`` is in the units of the metric: for
    ``superiority`` the treatment must win by more than the margin, for ``non_inferiority`` lose
    by less, for ``equivalence`` stay within it on both sides.
    """

    sentence: str
    treatment: str
    control: str
    test: Literal["superiority", "non_inferiority", "equivalence"] = "superiority"
    margin: Annotated[float, Field(ge=0)] = 0.0
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    metric: str | None = None


Letter = Literal["R", "P", "S", "I", "A", "computed"]
LETTERS: dict[str, str] = {
    "R": "seen in an official repository",
    "P": "seen in a stored full text of the paper",
    "S": "secondary notes, or a reproduction by others",
    "I": "an issue thread",
    "A": "abstract or review only",
    "computed": "worked out by the cost formula",
}


class Comparison(Frozen):
    """Which arms a published difference is between, and where; as in a claim."""

    treatment: str
    control: str
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    metric: str | None = None


class Reference(Frozen):
    """A published difference, to be set beside the one that is measured here.

    Attributes:
        text: what was published, in a phrase.
        value: treatment minus control, in the units of the metric that was published; None where
            only the direction is known, which is then up.
        letter: how the number is known: a key of `LETTERS`.
        source: paper, table, repository.
        comparison: the nearest thing that this study measures.
    """

    text: str
    value: float | None = None
    letter: Letter
    source: str
    comparison: Comparison


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

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    description: str = ""
    backbone: BackboneSpec = BackboneSpec()
    corpus: CorpusSpec = CorpusSpec()
    corpus_tokens: tuple[Count | None, ...] = ()
    pretrain: PretrainRecipe = PretrainRecipe()
    objectives: Annotated[tuple[ArmSpec, ...], Field(min_length=1)]
    controls: bool = False
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    protocols: Annotated[tuple[str, ...], Field(min_length=1)] = ("finetune",)
    train_sizes: Annotated[tuple[TrainSize, ...], Field(min_length=1)] = ("all",)
    noise: Annotated[tuple[NoiseSpec, ...], Field(min_length=1)] = (CLEAN,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2, 3, 4, 5)
    repeats: Literal["pretraining", "finetuning"] = "pretraining"
    finetune: FinetuneRecipe = FinetuneRecipe()
    linear_probe: ProbeRecipe = ProbeRecipe()
    representation: RepresentationRecipe = RepresentationRecipe()
    control: str | None = None
    claims: tuple[Claim, ...] = ()
    references: tuple[Reference, ...] = ()
    expectation: str = ""
    tuning: TuningSpec | None = None
