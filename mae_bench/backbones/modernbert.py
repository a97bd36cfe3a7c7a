"""ModernBERT: rotary positions, norms before each sublayer, a gated MLP."""

from collections.abc import Mapping
from typing import Any

from mae_bench.backbones.base import BACKBONES, Sizes
from mae_bench.backbones.transformer import Transformer

ROPE_THETA = 10_000.0  # RoFormer's, for rows of hundreds of tokens; ModernBERT's is for 8,192


class ModernBert(Transformer):
    """ModernBERT with full attention in every layer.

    Its local windows would be measured on the compacted row once tokens are removed.
    """

    summary = "ModernBERT with full attention: rotary positions, pre-norm, gated MLP"
    source = "Warner et al. 2024, arXiv:2412.13663"
    model_type = "modernbert"
    dropout_names = ("embedding_dropout", "attention_dropout", "mlp_dropout")
    projections = ("Wqkv",)
    has_rotary_positions = True
    assumed_vocab_size = 50_368
    mlp_matrices = 3

    def config(
        self, sizes: Sizes, *, vocab_size: int, dropout: float, special_ids: Mapping[str, int]
    ) -> Any:
        """Return a ModernBertConfig, which has two more ids."""
        more = {
            "cls_token_id": special_ids["bos_token_id"],
            "sep_token_id": special_ids["eos_token_id"],
        }
        return super().config(
            sizes, vocab_size=vocab_size, dropout=dropout, special_ids={**special_ids, **more}
        )

    def config_fields(self, sizes: Sizes) -> dict[str, Any]:
        """Add the kind of attention of every layer, and how positions rotate."""
        return {
            **super().config_fields(sizes),
            "layer_types": ["full_attention"] * sizes.layers,
            "rope_parameters": {  # transformers 5.0 wants both, whatever the layers are
                kind: {"rope_type": "default", "rope_theta": ROPE_THETA}
                for kind in ("full_attention", "sliding_attention")
            },
        }

    def inner(self, width: int, mlp_ratio: float) -> int:
        """Return two thirds of what an MLP without a gate has, to cost the same; in steps of 32."""
        return max(32, round(width * mlp_ratio * 2 / 3 / 32) * 32)

    def mlp_ratio(self, width: int, inner: int) -> float:
        """Return the ratio of an MLP without a gate that costs the same."""
        return inner / width * 1.5


BACKBONES.register("modernbert")(ModernBert())
