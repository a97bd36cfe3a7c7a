"""How a checkpoint is read: recipes of the protocols, noise, and one evaluation."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mae_bench.specs.base import Count, Frozen, Positive, Precision, Ratio, Share, TrainSize

# C, and alpha = 1/C for ridge. The best ridge penalty of standardised features grows with their
# number (Hoerl et al. 1975: alpha = F * noise / signal), and pairs have four times the width.
PROBE_GRID = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
WORD_GRID = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)  # a text has many words to learn from
Pooling = Literal["mean", "cls", "last"]


LongText = Literal["head", "tail", "head_tail", "chunks"]


class LoraSpec(Frozen):
    """Low-rank updates of frozen matrices, the only part of the encoder that is trained.

    Source: Hu et al. 2022, arXiv:2106.09685.

    Attributes:
        rank: of each update.
        alpha: the update is scaled by alpha / rank.
        targets: ends of the names of the encoder's linear layers that get one; left out, all
            within its layers.
    """

    rank: Count = 8
    alpha: Count = 16
    targets: tuple[str, ...] = ()


class FinetuneRecipe(Frozen):
    """The one fine-tune recipe of a study; only the learning rate is chosen, from this grid.

    Where the best rate is at an edge of the grid, one more is tried beyond it, as far off as the
    grid's own step there, until the best lies inside or ``max_added_rates`` were added. A grid of
    one rate is no choice, and stays.

    ``epochs`` is raised where a training set is so small that it would give fewer than
    ``min_steps`` updates (Mosbach et al. 2021, arXiv:2006.04884: too few steps look like
    instability).

    Attributes:
        learning_rates: grid from which each arm's rate is chosen on the selection part.
        max_added_rates: most rates tried beyond an edge of the grid.
        epochs: passes over the training set.
        min_steps: fewest optimizer steps.
        batch_size: texts in a step.
        max_length: longest text in tokens; a longer one is cut.
        warmup_ratio: share of the steps in which the rate rises.
        weight_decay: of AdamW; biases and norms have none.
        beta1: AdamW's decay of the mean gradient.
        beta2: AdamW's decay of the mean squared gradient.
        eps: added to AdamW's denominator.
        clip_norm: longest gradient; a longer one is scaled down to it.
        bucket_batches: batches in a group within which texts are sorted by length.
        dropout: of the head; the encoder keeps its own.
        precision: ``auto`` is bf16 where the hardware computes it natively, else fp32.
        stride_ratio: of windows over the context of a question: how far the next one starts, as a
            share of the context's tokens in a window.
        max_answer_length: longest answer that is predicted, in characters, which mean the same
            whatever the tokenizer; left out, that of the training labels.
        bias_correction: whether AdamW divides by what its means lack at the start; false is
            BERT's own optimizer.
        probe_steps: steps in which the head alone is trained, before everything is.
        probe_lr: peak rate of those steps.
        layer_lr_decay: factor of the rate from each layer to the one below it; the head has the
            whole rate.
        reinit_layers: top layers that start from new weights.
        freeze: what stays as it was pretrained: nothing, all below the first layer, or all.
        lora: trains low-rank updates in place of the encoder; needs ``mae-bench[lora]``.
        class_weights: ``balanced`` weighs the loss of a class by the inverse of its share.
        pooling: how token vectors become one for a text, for labels of whole texts.
        long_text: what is read of a text above ``max_length``: its start, its end, both, or
            chunks that are encoded one by one.
        head_ratio: of ``head_tail``: the share that the start gets.
        chunk_overlap_ratio: share of a chunk that the next one repeats.
        max_chunks: most chunks of a text; what follows is cut.
        chunk_pooling: how the vectors of chunks become one.
    """

    learning_rates: Annotated[tuple[Positive, ...], Field(min_length=1)] = (3e-4, 1e-3, 3e-3)
    max_added_rates: Annotated[int, Field(ge=0, le=8)] = 2
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
    stride_ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_answer_length: Count | None = None
    bias_correction: bool = True
    probe_steps: Annotated[int, Field(ge=0)] = 0
    probe_lr: Positive = 1e-3
    layer_lr_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    reinit_layers: Annotated[int, Field(ge=0)] = 0
    freeze: Literal["none", "embeddings", "encoder"] = "none"
    lora: LoraSpec | None = None
    class_weights: Literal["none", "balanced"] = "none"
    pooling: Literal["mean", "cls", "last", "max", "attention"] = "mean"
    long_text: LongText = "head"
    head_ratio: Ratio = 0.25
    chunk_overlap_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.25
    max_chunks: Count = 8
    chunk_pooling: Literal["mean", "attention"] = "mean"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        others = self.freeze != "none" or self.layer_lr_decay != 1 or self.reinit_layers
        if self.lora is not None and others:
            raise ValueError(
                "lora trains nothing of the encoder but its updates, all at one rate, got it with "
                f"freeze '{self.freeze}', layer_lr_decay {self.layer_lr_decay:g} and "
                f"reinit_layers {self.reinit_layers}; drop one"
            )
        if self.freeze == "encoder" and (self.reinit_layers or self.layer_lr_decay != 1):
            raise ValueError(
                "freeze 'encoder' trains the head alone, so that reinit_layers and layer_lr_decay "
                "mean nothing to it; drop one"
            )
        return self


class ProbeRecipe(Frozen):
    """The linear probe: frozen encoder, scikit-learn on pooled features.

    Attributes:
        poolings: how token vectors become one for a text: their mean, that of [CLS], or the last;
            chosen on the selection part. ``cls`` means the last where a tokenizer puts no [CLS]
            first, as those of decoders: their first token has read nothing.
        inverse_penalties: grid of C of logistic regression; ridge regression gets alpha = 1/C.
        max_iter: most iterations of the solver.
        max_length: longest text in tokens; a longer one is cut.
        batch_size: texts that are encoded together.
        precision: of the encoder; ``auto`` is bf16 where the hardware computes it natively.
        long_text: what is read of a text above ``max_length``: its start, its end, both, or
            chunks whose vectors are averaged.
        head_ratio: of ``head_tail``: the share that the start gets.
        chunk_overlap_ratio: share of a chunk that the next one repeats.
        max_chunks: most chunks of a text; what follows is cut.
    """

    poolings: Annotated[tuple[Pooling, ...], Field(min_length=1)] = ("mean", "cls")
    inverse_penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = PROBE_GRID
    max_iter: Count = 1000
    max_length: Count = 128
    batch_size: Count = 64
    precision: Precision = "auto"
    long_text: LongText = "head"
    head_ratio: Ratio = 0.25
    chunk_overlap_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.25
    max_chunks: Count = 8


class WordProbeRecipe(Frozen):
    """The linear probe of words: frozen encoder, scikit-learn on the vectors of first tokens.

    Attributes:
        inverse_penalties: grid of C of logistic regression.
        max_iter: most iterations of the solver.
        max_length: longest text in tokens; words beyond are not read.
        batch_size: texts that are encoded together.
        precision: of the encoder; ``auto`` is bf16 where the hardware computes it natively.
    """

    inverse_penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = WORD_GRID
    max_iter: Count = 1000
    max_length: Count = 128
    batch_size: Count = 64
    precision: Precision = "auto"


class RepresentationRecipe(Frozen):
    """A look inside a frozen encoder on rows of the corpus that were never trained on.

    Attributes:
        num_rows: validation rows that are read, evenly spaced.
        mask_ratio: share of tokens that [MASK] replaces in the metrics of masked input.
        tau: share of the variance that the directions counted by ``rank_tau`` must hold.
        objective_ratios: mask ratios at which the objective itself predicts tokens.
        batch_rows: rows that are encoded together.
        precision: of the encoder.
    """

    num_rows: Count = 512
    mask_ratio: Ratio = 0.15
    tau: Ratio = 0.9
    objective_ratios: tuple[Ratio, ...] = (0.15, 0.5)
    batch_rows: Count = 64
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _distinct_percents(self) -> Self:
        names = [f"{100 * ratio:g}" for ratio in self.objective_ratios]
        if len(set(names)) < len(names):
            raise ValueError(
                "objective_ratios must differ in their percents, which name the metrics, got "
                f"{', '.join(names)}"
            )
        return self


class NoiseSpec(Frozen):
    """Noise on the text of a task, before tokenising, or on the labels to learn from.

    Attributes:
        name: ``clean`` for none, or a noise that ``mae-bench list noises`` shows.
        rate: share of the units that it changes: letters, words, or what
            ``mae-bench list noises`` says.
        where: which texts it changes.
    """

    name: str = "clean"
    rate: Share = 0.0
    where: Literal["test", "train", "both"] = "test"

    @model_validator(mode="after")
    def _clean(self) -> Self:
        if self.name == "clean" and self.rate:
            raise ValueError(f"noise 'clean' takes no rate, got {self.rate}; leave it out")
        return self

    @property
    def label(self) -> str:
        """A short name for tables: ``clean`` or ``typos 10% (test)``."""
        return "clean" if self.name == "clean" else f"{self.name} {self.rate:.3g} ({self.where})"


CLEAN = NoiseSpec()


CORPUS = "corpus"  # what rows name as the task where a protocol read the corpus and no task


class EvaluateSpec(Frozen):
    """One protocol on one task at one size and seed; read on several versions of the test split.

    ``checkpoint`` is the id of a pretraining or of an outside encoder, or None for a floor that
    needs none. ``folder`` is where an outside encoder lies, unless a stage fetches it: a path is
    only a name, and no part of ids. ``head_files`` identifies the objective's parts beside it,
    where it is a run of this suite and the protocol asks them. ``task`` is None for a protocol that
    reads the corpus; ``task_data`` is then the id of token rows. ``error_tables`` are the ids of
    the tables that its noises need, by their names. ``train_flops`` is what one training may take,
    in place of the steps that the recipe asks for.
    """

    checkpoint: str | None
    protocol: str
    recipe: dict[str, Any] = {}
    task: str | None
    task_data: str
    train_size: TrainSize
    train_noise: NoiseSpec = CLEAN
    test_noises: tuple[NoiseSpec, ...] = (CLEAN,)
    seed: int
    selection_only: bool = False
    folder: str | None = None
    head_files: str | None = None
    error_tables: dict[str, str] = {}
    train_flops: Positive | None = None

    def canonical(self) -> dict[str, Any]:
        """Return the content of ids, in which the corpus goes by its name in rows."""
        content = super().canonical()
        content.pop("folder", None)
        return content | {"task": self.task or CORPUS}
