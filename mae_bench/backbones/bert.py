"""BERT: learned positions, norms behind each sublayer, an MLP without a gate."""

from typing import Any, ClassVar

from mae_bench.backbones.base import BACKBONES, Sizes
from mae_bench.backbones.transformer import Transformer


class Bert(Transformer):
    """BERT without its pooler and its segments."""

    summary = "BERT: learned positions, post-norm"
    source = "Devlin et al. 2019, arXiv:1810.04805"
    model_type = "bert"
    dropout_names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    projections = ("query", "key", "value")
    model_options: ClassVar[dict[str, Any]] = {"add_pooling_layer": False}

    def config_fields(self, sizes: Sizes) -> dict[str, Any]:
        """Leave out the second segment: rows hold one document, so it would stay untrained."""
        return {**super().config_fields(sizes), "type_vocab_size": 1}


BACKBONES.register("bert")(Bert())
