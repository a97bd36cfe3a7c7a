"""Recurrent encoders behind the backbone's surface: the controls of attention.

``AutoConfig`` and ``AutoModel`` know them once this module is imported, which `load_backbone`
does: elsewhere write ``import mae_bench.backbones.recurrent_model`` before
``AutoModel.from_pretrained(folder)``.
Legend: B rows, S tokens a row, T real tokens of all rows, D hidden size.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput

from mae_bench.errors import SpecError

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"bilstm": nn.LSTM, "gru": nn.GRU}
_Rows = Any  # a tensor [B, S, D], or a PackedSequence of [T, D]


class RecurrentConfig(PreTrainedConfig):
    """The sizes of a recurrent encoder; ``cell`` is a key of `CELLS`."""

    model_type = "mae_bench_recurrent"

    cell: str = "bilstm"
    vocab_size: int = 2048
    hidden_size: int = 128
    num_hidden_layers: int = 2
    max_position_embeddings: int = 128
    dropout: float | int = 0.0
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None


class RecurrentModel(PreTrainedModel):
    """Layers of a bidirectional LSTM (Schuster & Paliwal 1997) or GRU (arXiv:1406.1078).

    Each direction has D / 2 units, so that a layer returns D. As in Wu et al. 2016,
    arXiv:1609.08144, a layer's input is added to its output. Two differences: the input is
    normed first, as in the Transformers beside it, and tokens get BERT's learned embedding of
    their position, so that removed tokens leave a gap. Tokens are read in the order of their
    positions. Padding is not read in either direction; padded positions return zeros.
    """

    config_class = RecurrentConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True  # without attention every kernel is the same

    def __init__(self, config: RecurrentConfig) -> None:
        """Initialise by the global generator."""
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens: nn.Module = nn.Embedding(config.vocab_size, width)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, width)
        self.embed_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, eps=config.layer_norm_eps) for _ in range(config.num_hidden_layers)
        )
        self.layers = nn.ModuleList(
            CELLS[config.cell](width, width // 2, batch_first=True, bidirectional=True)
            for _ in range(config.num_hidden_layers)
        )
        self.final_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embedding."""
        return self.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embedding."""
        self.embed_tokens = value

    def _init_weights(self, module: nn.Module) -> None:
        """Orthogonal recurrences, and an LSTM that remembers: a forget bias of 1.

        Source: Jozefowicz et al. 2015, proceedings.mlr.press/v37/jozefowicz15.
        """
        if not isinstance(module, nn.RNNBase):
            super()._init_weights(module)  # type: ignore[no-untyped-call]
            return
        for name, value in module.named_parameters():
            if name.startswith("weight_ih"):
                init.xavier_uniform_(value)
            elif name.startswith("weight_hh"):
                init.orthogonal_(value)
            else:
                start = torch.zeros_like(value)
                if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                    start[module.hidden_size : 2 * module.hidden_size] = 1.0
                init.copy_(value, start)

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool = False,
        **unused: object,
    ) -> BaseModelOutput:
        """Encode rows.

        Args:
            input_ids: [B, S] token ids.
            position_ids: [B, S] positions in the original row, in any order; None means 0..S-1.
            attention_mask: [B, S], 0 at padding; None where there is none. It may stand anywhere.
            inputs_embeds: [B, S, D] instead of ids.
            output_hidden_states: whether to return the embedding and every layer's output too.
            unused: what transformers' other encoders take.

        Raises:
            SpecError: a mask of pairs of tokens, which only attention can keep to.
        """
        if attention_mask is not None and attention_mask.dim() != 2:
            raise SpecError(
                f"arch '{self.config.cell}' reads every token in both directions; choose a "
                "Transformer for an objective that hides tokens from one another, as causal does"
            )
        embedded = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        positions = position_ids
        if positions is None:
            positions = torch.arange(embedded.shape[1], device=embedded.device)[None]
        hidden = self.dropout(self.embed_norm(embedded + self.embed_positions(positions)))
        back = None
        if position_ids is not None or attention_mask is not None:
            key = positions.expand(embedded.shape[:2])
            if attention_mask is not None:  # padding last, where a packed sequence cuts it off
                key = key + (attention_mask == 0) * self.config.max_position_embeddings
            order = torch.argsort(key, dim=1, stable=True)
            back = torch.argsort(order, dim=1)
            hidden = _ordered(hidden, order)
        packed, unpack = _packing(hidden, attention_mask)
        states = [_ordered(hidden, back)]
        for norm, layer in zip(self.norms, self.layers, strict=True):
            packed = self._layer(norm, layer, packed)
            if output_hidden_states:  # unpacking and reordering cost a copy each
                states.append(_ordered(unpack(packed), back))
        last = _ordered(unpack(_mapped(packed, self.final_norm)), back)
        every = (*states[:-1], last) if output_hidden_states else None
        return BaseModelOutput(last_hidden_state=last, hidden_states=every)

    def _layer(self, norm: nn.Module, layer: nn.Module, given: _Rows) -> _Rows:
        # torch's CPU cells would mix their fp32 state with bf16 gates; cuDNN's do not
        with torch.autocast("cpu", enabled=False):
            read, _ = layer(_mapped(given, norm))
        data = read.data if isinstance(read, PackedSequence) else read
        return _mapped(given, lambda own: own + self.dropout(data))


def _packing(hidden: Tensor, mask: Tensor | None) -> tuple[_Rows, Callable[[_Rows], Tensor]]:
    """Return rows [B, S, D] without their padding, which stands last, and the way back."""
    if mask is None:
        return hidden, lambda rows: rows
    lengths = mask.sum(1).clamp(min=1).cpu()
    packed = pack_padded_sequence(hidden, lengths, batch_first=True, enforce_sorted=False)
    size = hidden.shape[1]
    return packed, lambda rows: pad_packed_sequence(rows, batch_first=True, total_length=size)[0]


def _mapped(rows: _Rows, function: Callable[[Tensor], Tensor]) -> _Rows:
    """Apply what treats each token alone."""
    if not isinstance(rows, PackedSequence):
        return function(rows)
    return PackedSequence(
        function(rows.data), rows.batch_sizes, rows.sorted_indices, rows.unsorted_indices
    )


def _ordered(rows: Tensor, order: Tensor | None) -> Tensor:
    """Return rows [B, S, D] in another order of their tokens."""
    return rows if order is None else rows.gather(1, order[..., None].expand_as(rows))


AutoConfig.register(RecurrentConfig.model_type, RecurrentConfig, exist_ok=True)
AutoModel.register(RecurrentConfig, RecurrentModel, exist_ok=True)
