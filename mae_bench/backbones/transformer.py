"""What Transformer encoders have in common: sizes by transformers' usual names, and costs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mae_bench.backbones.base import Architecture, Sizes


class Transformer(Architecture):
    """A Transformer encoder whose MLP has no gate.

    FLOPs of a layer: Kaplan et al. 2020, arXiv:2001.08361, appendix B, with attention's quadratic
    term kept.
    """

    mlp_matrices: ClassVar[int] = 2  # of [D, inner]; three with a gate

    def config(
        self, sizes: Sizes, *, vocab_size: int, dropout: float, special_ids: Mapping[str, int]
    ) -> Any:
        """Return transformers' own config of ``model_type``."""
        from transformers import AutoConfig

        self.register_model()
        return AutoConfig.for_model(
            self.model_type,
            vocab_size=vocab_size,
            **self.config_fields(sizes),
            **special_ids,
            **dict.fromkeys(self.dropout_names, dropout),
        )

    def config_fields(self, sizes: Sizes) -> dict[str, Any]:
        """Return what a config holds beside vocabulary and dropout: sizes by BERT's names."""
        return {
            "num_hidden_layers": sizes.layers,
            "hidden_size": sizes.width,
            "num_attention_heads": sizes.heads,
            "intermediate_size": sizes.inner,
            "max_position_embeddings": sizes.max_length,
        }

    def forward_flops(self, sizes: Sizes, rows: int, length: int) -> float:
        """Return the operations of projections, attention and MLP in every layer."""
        attention = 8 * sizes.width**2 + 4 * length * sizes.width
        mlp = 2 * self.mlp_matrices * sizes.width * sizes.inner
        return float(sizes.layers * rows * length * (attention + mlp))

    def inner(self, width: int, mlp_ratio: float) -> int:
        """Return the ratio times the width."""
        return round(width * mlp_ratio)

    def mlp_ratio(self, width: int, inner: int) -> float:
        """Return the inner width in hidden sizes."""
        return inner / width

    def read_sizes(self, config: Mapping[str, Any]) -> Sizes:
        """Read them under the names of BERT's config."""
        return Sizes(
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            heads=config["num_attention_heads"],
            inner=config["intermediate_size"],
            max_length=config["max_position_embeddings"],
        )
