"""ELECTRA's encoder for mae-bench, as a package of its own would bring it."""

from typing import Any

from mae_bench.backbones import BACKBONES, Sizes, Transformer


class Electra(Transformer):
    """ELECTRA with token vectors as wide as its layers, and one segment."""

    summary = "ELECTRA: BERT's layers over token vectors of their own width"
    source = "Clark et al. 2020, arXiv:2003.10555"
    model_type = "electra"
    dropout_names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    projections = ("query", "key", "value")

    def config_fields(self, sizes: Sizes) -> dict[str, Any]:
        """Add ELECTRA's own sizes."""
        own = {"embedding_size": sizes.width, "type_vocab_size": 1}
        return {**super().config_fields(sizes), **own}


BACKBONES.register("electra")(Electra())
