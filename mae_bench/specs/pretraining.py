"""What is pretrained: encoder, text, budget, recipe."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mae_bench.errors import near_match
from mae_bench.specs.base import Count, Frozen, InWords, Precision, Ratio, Share


class Budget(Frozen):
    """When a pretraining ends: exactly one of the four.

    Attributes:
        tokens: corpus tokens read: steps times ``batch_rows`` times ``corpus.row_length``.
        steps: optimizer steps.
        flops: floating-point operations by the cost formula of the objective; a teacher's
            pretraining is paid from it.
        seconds: time on the machine that runs it, so that another machine gives other numbers.
    """

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
        preset: sizes by name: tiny, mini, small, medium, compact, base or cpu.
        arch: a name that `mae-bench list backbones` shows: a Transformer, or layers of a
            bidirectional LSTM or GRU as a control of attention; these have no MLP, and
            ``num_heads`` and ``mlp_ratio`` mean nothing to them.
        num_layers: number of layers; left out, the preset's.
        hidden_size: width of the hidden states, a multiple of ``num_heads``; left out, the
            preset's.
        num_heads: attention heads; left out, the preset's.
        mlp_ratio: width of the MLP over ``hidden_size``; a gated MLP is two thirds as wide, to
            cost the same.
        max_length: longest input in tokens.
        checkpoint: folder, or ``owner/name@commit`` on the Hub, of an encoder to go on from
            instead of initial weights. A folder's sizes are read from its config.json; those of
            a Hub encoder are written beside it, since a plan never reads the network. Its
            tokenizer must have the study's tokens, as it has where `tokenizer.from` names the
            same encoder. ``random_init`` is then this encoder as it is, and what it took to make
            it is charged to no arm.
        dropout: of the encoder. Left out it is 0, or what the encoder of ``checkpoint`` has.
    """

    preset: Annotated[str, InWords(f"one of {', '.join(PRESETS)}")] = "tiny"
    arch: Annotated[str, InWords("a name that `mae-bench list backbones` shows")] = "modernbert"
    num_layers: Count | None = None
    hidden_size: Count | None = None
    num_heads: Count | None = None
    mlp_ratio: Annotated[float, Field(gt=0)] = 4.0
    max_length: Count = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
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
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_zero(cls, given: Any) -> Any:
        """Drop a dropout of 0 where leaving it out means 0, so that both have the same id."""
        is_default = (
            isinstance(given, dict)
            and isinstance(given.get("dropout"), int | float)
            and given["dropout"] == 0
            and given.get("checkpoint") is None
        )
        return {k: v for k, v in given.items() if k != "dropout"} if is_default else given

    @property
    def dropout_ratio(self) -> float:
        """Dropout of newly made layers: 0 unless the study sets it."""
        return self.dropout or 0.0

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


class TokenizerSpec(Frozen):
    """A subword tokenizer: trained on the corpus, or an encoder's own.

    Attributes:
        kind: algorithm of a tokenizer that is trained on the corpus.
        vocab_size: tokens of a trained tokenizer; a small corpus may give fewer.
        origin: ``from`` in a study: folder, or ``owner/name@commit`` on the Hub, of an encoder
            whose tokenizer is taken as it is. Only the ids of its tokens change: the special
            tokens have the same five ids in every study.
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
        tokens: how much text to keep: the first so many tokens of the documents in a seeded
            order; left out, all.
        tokenizer: the tokenizer.
        row_length: tokens a row, with its [CLS] and [SEP].
        validation_ratio: share of documents, by content hash, that are never trained on.
        seed: of the order of documents.
    """

    sources: Annotated[
        tuple[Annotated[str, Field(pattern=r"\S"), InWords("a corpus, a file or a folder")], ...],
        Field(min_length=1),
    ] = ("world",)
    tokens: Count | None = None
    tokenizer: TokenizerSpec = TokenizerSpec()
    row_length: Annotated[int, Field(ge=8, le=65536)] = 64
    validation_ratio: Ratio = 0.02
    seed: int = 0


class PretrainRecipe(Frozen):
    """The one pretraining recipe of a study: an optimizer, linear warm-up, linear decay to zero.

    Attributes:
        budget: when a pretraining ends.
        optimizer: ``muon`` is for matrices of layers (Jordan et al. 2024), with AdamW for the
            rest: embeddings, vectors, and what has a row for each token of the vocabulary.
        batch_rows: rows of the corpus in a step.
        peak_lr: learning rate at the end of the warm-up.
        warmup_ratio: share of the steps in which the rate rises.
        weight_decay: of matrices and embeddings; biases and norms have none.
        beta1: AdamW's decay of the mean gradient.
        beta2: AdamW's decay of the mean squared gradient.
        eps: added to AdamW's denominator.
        clip_norm: longest gradient; a longer one is scaled down to it.
        precision: ``auto`` is bf16 where the hardware computes it natively, else fp32.
    """

    budget: Budget = Budget(tokens=2_000_000)
    optimizer: Literal["adamw", "muon"] = "adamw"
    batch_rows: Count = 32
    peak_lr: Annotated[float, Field(gt=0)] = 2e-3
    warmup_ratio: Share = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    beta1: Share = 0.9
    beta2: Share = 0.98
    eps: Annotated[float, Field(gt=0)] = 1e-6
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    precision: Precision = "auto"


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
