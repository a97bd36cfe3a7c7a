"""PyTorch's own Transformer as a backbone: an encoder of another library, in one file.

The library's module stands behind the surface of transformers' encoders, so that checkpoints are
written and read as all others are. Legend: B rows, S tokens a row, D hidden size.
"""

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from mae_bench.backbones import BACKBONES, Transformer


class TorchConfig(PreTrainedConfig):
    """The sizes of a stack of `torch.nn.TransformerEncoderLayer`."""

    model_type = "their_torch"

    vocab_size: int = 2048
    hidden_size: int = 128
    num_hidden_layers: int = 2
    num_attention_heads: int = 2
    intermediate_size: int = 512
    max_position_embeddings: int = 128
    dropout: float | int = 0.0
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None


class TorchEncoder(PreTrainedModel):
    """Pre-norm layers over learned positions."""

    config_class = TorchConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config):
        super().__init__(config)
        self.tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.hidden_size, config.num_attention_heads, config.intermediate_size,
                config.dropout, batch_first=True, norm_first=True,
            )
            for _ in range(config.num_hidden_layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.hidden_size)
        self.num_heads = config.num_attention_heads
        self.post_init()

    def get_input_embeddings(self):
        return self.tokens

    def set_input_embeddings(self, value):
        self.tokens = value

    def forward(
        self, input_ids=None, position_ids=None, attention_mask=None, inputs_embeds=None,
        output_hidden_states=False, **unused,
    ):  # fmt: skip
        vectors = self.tokens(input_ids) if inputs_embeds is None else inputs_embeds
        positions = position_ids
        if positions is None:
            positions = torch.arange(vectors.shape[1], device=vectors.device)[None]
        hidden = vectors + self.position_embedding(positions)
        states = [hidden]
        for layer in self.layers:
            hidden = layer(hidden, **self._masks(attention_mask, hidden))
            states.append(hidden)
        last = self.norm(hidden)
        every = (*states[:-1], last) if output_hidden_states else None
        return BaseModelOutput(last_hidden_state=last, hidden_states=every)

    def _masks(self, mask: Tensor | None, hidden: Tensor) -> dict[str, Tensor | None]:
        """Return what a layer takes, of [B, S] with 1 at real tokens or of [*, 1, S, S] scores."""
        if mask is None:
            return {}
        if mask.dim() == 2:
            scores = torch.zeros(mask.shape, dtype=hidden.dtype, device=mask.device)
            return {"src_key_padding_mask": scores.masked_fill(mask == 0, float("-inf"))}
        scores = mask.to(hidden.dtype).expand(len(hidden), self.num_heads, -1, -1)
        return {"src_mask": scores.flatten(0, 1)}


AutoConfig.register(TorchConfig.model_type, TorchConfig, exist_ok=True)
AutoModel.register(TorchConfig, TorchEncoder, exist_ok=True)


class Torch(Transformer):
    """What a study asks of it; sizes have BERT's names, and the usual formula counts."""

    summary = "torch.nn.TransformerEncoderLayer, pre-norm, learned positions"
    source = "after Vaswani et al. 2017, arXiv:1706.03762"
    model_type = TorchConfig.model_type
    dropout_names = ("dropout",)


BACKBONES.register("their_torch")(Torch())
