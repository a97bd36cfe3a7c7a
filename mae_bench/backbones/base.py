"""Architectures of the encoder, by the name that a study writes in ``backbone.arch``.

Plans ask them for sizes and costs, so nothing here imports torch before a model is built.
Legend: B rows, S tokens a row, D hidden size.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.registry import Registry
from mae_bench.specs import BackboneSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Sizes:
    """The sizes of a stack of layers; ``heads`` and ``inner`` are 0 where it has none.

    Attributes:
        layers: number of layers.
        width: hidden size D.
        heads: of attention.
        inner: inner width of the MLP.
        max_length: positions of a row.
    """

    layers: int
    width: int
    heads: int
    inner: int
    max_length: int


class Architecture(ABC):
    """One kind of encoder: what a study and the models ask of it.

    Its model takes what transformers' encoders take (``input_ids`` or ``inputs_embeds``,
    ``position_ids``, ``attention_mask``, ``output_hidden_states``) and has
    ``get_input_embeddings``. `mae-bench check` holds an architecture to that.

    Attributes:
        summary: a phrase for `mae-bench list backbones`.
        source: the paper.
        model_type: of its transformers config, as config.json holds it.
        dropout_names: the fields of that config that hold a dropout ratio.
        layer_name: a regular expression for what stands before ``.0.`` in the parameters of the
            first layer; it matches every list that holds an entry for each layer.
        projections: child modules of an attention that make queries, keys and values: one for
            all three, or three in this order; empty where no objective can compare them.
        model_options: further arguments of ``AutoModel.from_config``.
        kernel: transformers' name of the attention kernel that it is built with.
        has_attention: whether a token can be kept from reading another.
        has_rotary_positions: whether positions rotate queries and keys, so that heads must have
            an even size.
        assumed_vocab_size: tokens of a published encoder of this kind, until one can be read.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    model_type: ClassVar[str]
    dropout_names: ClassVar[tuple[str, ...]]
    layer_name: ClassVar[str] = r"(?:.+\.)?layers?"
    projections: ClassVar[tuple[str, ...]] = ()
    model_options: ClassVar[Mapping[str, Any]] = {}
    kernel: ClassVar[str] = "sdpa"
    has_attention: ClassVar[bool] = True
    has_rotary_positions: ClassVar[bool] = False
    assumed_vocab_size: ClassVar[int] = 30_522

    @abstractmethod
    def config(
        self, sizes: Sizes, *, vocab_size: int, dropout: float, special_ids: Mapping[str, int]
    ) -> Any:
        """Return the transformers config of a stack.

        Args:
            sizes: of the stack.
            vocab_size: number of token ids.
            dropout: ratio everywhere.
            special_ids: the config's ``pad_token_id``, ``bos_token_id`` and ``eos_token_id``.
        """

    @abstractmethod
    def forward_flops(self, sizes: Sizes, rows: int, length: int) -> float:
        """Return the matrix products of one forward pass, in operations; a multiply-add is two."""

    @abstractmethod
    def inner(self, width: int, mlp_ratio: float) -> int:
        """Return the inner width of the MLP that a study's ``mlp_ratio`` asks for."""

    @abstractmethod
    def mlp_ratio(self, width: int, inner: int) -> float:
        """Return the ``mlp_ratio`` that gives exactly this inner width, where one does."""

    @abstractmethod
    def read_sizes(self, config: Mapping[str, Any]) -> Sizes:
        """Return the sizes that a config.json holds.

        Raises:
            KeyError: it lacks one.
        """

    def is_config(self, config: Mapping[str, Any]) -> bool:
        """Whether a config.json is of this architecture."""
        return config.get("model_type") == self.model_type

    def check(self, spec: BackboneSpec) -> None:  # noqa: B027 (most can have any)
        """Raise SpecError for sizes that it cannot have; ``got`` is the field to change."""

    def register_model(self) -> None:  # noqa: B027 (transformers knows its own)
        """Make transformers' AutoConfig and AutoModel know its classes, if they do not yet."""

    def build(self, config: Any) -> "nn.Module":
        """Return a model of a config, initialised by torch's global generator."""
        from transformers import AutoModel

        self.register_model()
        model: nn.Module = AutoModel.from_config(
            config, attn_implementation=self.kernel, **self.model_options
        )
        return model

    def sizes_of(self, spec: BackboneSpec, width: int | None = None) -> Sizes:
        """Return the sizes of a study's backbone; ``width`` resizes it with its head size."""
        width = width or spec.width
        return Sizes(
            layers=spec.layers,
            width=width,
            heads=width // (spec.width // spec.heads) if self.has_attention else 0,
            inner=self.inner(width, spec.mlp_ratio),
            max_length=spec.max_length,
        )


BACKBONES: Registry[Architecture] = Registry("backbone", "backbones")


def architecture_of(spec: BackboneSpec) -> Architecture:
    """Return the architecture of a study's backbone."""
    return BACKBONES.get(spec.arch)


def check_backbone(spec: BackboneSpec) -> None:
    """Check that the architecture is registered and can have the sizes of the spec.

    Raises:
        SpecError: with the path of the field in the study.
    """
    try:
        architecture_of(spec).check(spec)
    except UnknownNameError as error:
        raise UnknownNameError(f"backbone.arch: {error}", error.got, ("backbone", "arch")) from None
    except SpecError as error:
        raise SpecError(f"backbone: {error}", error.got, ("backbone", error.got)) from None


def names_with_attention() -> str:
    """Return the names of the architectures that have attention, for messages."""
    return " or ".join(name for name, arch in BACKBONES if arch.has_attention)


def names_with_projections() -> str:
    """Return the names of those whose queries, keys and values can be compared, for messages."""
    return " or ".join(name for name, arch in BACKBONES if arch.projections)
