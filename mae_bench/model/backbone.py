"""The shared encoder: any transformers encoder that takes explicit positions.

Legend: B rows, S tokens a row that the encoder sees, D hidden size.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from cachetools import LRUCache
from torch import Tensor, nn

from mae_bench.backbones import architecture_of, architecture_of_config, content_of
from mae_bench.data.tokenizer import CLS, PAD, SEP
from mae_bench.errors import SpecError
from mae_bench.file_stamps import file_stamps
from mae_bench.model.attention_mask import attention_mask
from mae_bench.model.dropouts import allow_dropout, dropout_holders, set_dropout_ratios
from mae_bench.model.encoder_folder import quiet_transformers, read_encoder
from mae_bench.model.generators import kept_generators
from mae_bench.model.older_transformers import follow_later
from mae_bench.seeding import seed_for
from mae_bench.specs import BackboneSpec

MAX_BYTES = 128 << 20  # of the encoders that a process keeps
SPECIAL_IDS = {"pad_token_id": PAD, "bos_token_id": CLS, "eos_token_id": SEP}


def build_config(
    spec: BackboneSpec,
    vocab_size: int,
    *,
    layers: int | None = None,
    width: int | None = None,
    heads: int | None = None,
) -> Any:
    """Return the transformers config of a stack; the keywords resize it for a decoder.

    Heads left out have the backbone's head size.
    """
    width = width or spec.width
    head_size = width // heads if heads else spec.width // spec.heads
    if width % head_size:
        raise SpecError(
            f"a width of {width} is not a multiple of the backbone's head size {head_size}"
        )
    arch = architecture_of(spec)
    sizes = arch.sizes_of(spec, width)
    sizes = replace(
        sizes,
        layers=layers or spec.layers,
        heads=width // head_size if arch.has_attention else 0,
    )
    return arch.config(
        sizes, vocab_size=vocab_size, dropout=spec.dropout_ratio, special_ids=SPECIAL_IDS
    )


def build_stack(config: Any) -> nn.Module:
    """Return a freshly initialised transformers encoder (by the global generator)."""
    quiet_transformers()
    return follow_later(architecture_of_config(content_of(config)).build(config))


class Backbone(nn.Module):
    """An encoder behind one surface.

    A config with ``is_causal_encoder`` makes it read from left to right wherever it is used.
    """

    def __init__(self, encoder: nn.Module) -> None:
        """Wrap a transformers encoder."""
        super().__init__()
        allow_dropout(encoder)
        self.encoder = follow_later(encoder)

    @property
    def config(self) -> Any:
        """The transformers config."""
        return self.encoder.config

    @property
    def width(self) -> int:
        """Hidden size D."""
        return int(self.config.hidden_size)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return int(self.config.vocab_size)

    @property
    def has_segments(self) -> bool:
        """Whether it has learned to tell the two texts of a pair apart, as BERT did."""
        return int(getattr(self.config, "type_vocab_size", 0)) > 1

    @property
    def embedding(self) -> nn.Embedding:
        """The input embedding, which vocabulary heads are tied to."""
        embedding: nn.Embedding = self.encoder.get_input_embeddings()  # type: ignore[operator]
        return embedding

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor | None = None,
        is_pad: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        is_causal: bool = False,
        is_unseen: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """Encode the tokens of each row that an objective chose to show.

        Args:
            input_ids: [B, S] token ids.
            positions: [B, S] positions in the original row; None means 0..S-1.
            is_pad: [B, S], True where a token is padding; None where there is none.
            inputs_embeds: [B, S, D] vectors to read instead of the tokens' embeddings.
            is_causal: whether a token attends only to itself and those before it.
            is_unseen: [B, S], True at tokens that no other attends to; None where there are none.
            segments: [B, S], 0 in the first text of a pair and 1 in the second, for an encoder
                that `has_segments`; None means 0.

        Returns:
            [B, S, D] hidden states of the last layer.
        """
        given = {  # only what is there: not every encoder takes all of it
            "inputs_embeds": inputs_embeds,
            "position_ids": positions,
            "token_type_ids": segments,
        }
        output = self.encoder(
            input_ids=input_ids if inputs_embeds is None else None,
            attention_mask=self._mask(input_ids, is_pad, is_causal, is_unseen),
            **{name: value for name, value in given.items() if value is not None},
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def layers(self, input_ids: Tensor, is_pad: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return [B, S, D] of the embedding and of each layer; the last is what `forward` gives."""
        mask = self._mask(input_ids, is_pad)
        output = self.encoder(input_ids=input_ids, attention_mask=mask, output_hidden_states=True)
        # which norms the last of the hidden states has gone through differs among encoders
        return (*output.hidden_states[:-1], output.last_hidden_state)

    def _mask(
        self,
        input_ids: Tensor,
        is_pad: Tensor | None,
        is_causal: bool = False,
        is_unseen: Tensor | None = None,
    ) -> Tensor | None:
        is_causal = is_causal or getattr(self.config, "is_causal_encoder", False)
        return attention_mask(input_ids, is_pad, is_causal=is_causal, is_unseen=is_unseen)

    def set_dropout(self, ratio: float) -> None:
        """Set every dropout: as if the encoder had been built with this ratio."""
        set_dropout_ratios(dict.fromkeys(dropout_holders(self), ratio))

    def set_layer_dropout(self, ratio: float) -> None:
        """Set the dropout layers alone: ModernBERT's are its embedding's and its MLPs', BERT's all.

        ModernBERT's attention holds its ratio as a number, and keeps it.
        """
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = ratio


def build_backbone(spec: BackboneSpec, vocab_size: int, seed: int) -> Backbone:
    """Return a backbone whose weights depend on the spec, the vocabulary and the seed only."""
    with kept_generators():
        torch.manual_seed(seed_for("init", seed=seed))
        return Backbone(build_stack(build_config(spec, vocab_size)))


def load_backbone(folder: Path | str, dropout: float | None = None) -> Backbone:
    """Return the encoder of a transformers folder or Hub id, safetensors weights only.

    A folder whose files are unchanged is read once; each call gets a copy of its own.

    Args:
        folder: with config.json and weights.
        dropout: rate of every dropout; None keeps those of the folder.

    Raises:
        SpecError: the folder holds no encoder that transformers can load.
    """
    kept = Path(folder)
    weights = sorted(kept.glob("*.safetensors*"))
    if not (kept / "config.json").is_file() or not weights:
        return Backbone(read_encoder(folder, dropout))
    key = (dropout, file_stamps([kept / "config.json", *weights]))
    if key not in _encoders:
        encoder = read_encoder(folder, dropout)
        if _num_bytes(encoder) > MAX_BYTES:
            return Backbone(encoder)
        # a copy: weights as they are read may be pages of the file, which may change
        _encoders[key] = copy.deepcopy(encoder)
    return Backbone(copy.deepcopy(_encoders[key]))


def _num_bytes(encoder: nn.Module) -> int:
    return sum(value.nbytes for value in encoder.state_dict().values())


_encoders: LRUCache[Any, nn.Module] = LRUCache(MAX_BYTES, getsizeof=_num_bytes)
