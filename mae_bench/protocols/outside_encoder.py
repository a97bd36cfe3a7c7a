"""Reads an encoder from outside once, before anything is evaluated on it, and notes what it is.

What fails here would fail, or worse, quietly mislead, in every evaluation.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mae_bench.backbones import content_of, num_positions
from mae_bench.data.encoder_files import (
    check_encoder_files,
    encoder_digest,
    unread_modules,
    weight_bytes,
)
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, load_backbone
from mae_bench.training.batching import load_tokenizer, tokenize
from mae_bench.training.token_roles import own_poolings

FILE = "encoder.json"
TEXTS = (
    "A short text.",
    "A longer text, so that the short one beside it is padded: its vectors must not change.",
)
MAX_CHANGE = 1e-3  # of the largest vector's length; fp32 sums in another order move far less
NO_PAD = (
    "its tokenizer has no padding token, so rows are filled with another token's id, which the "
    "attention mask hides"
)


class OtherFilesError(SpecError):
    """The files of an encoder are not those that were planned with."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(
            f"the encoder in '{folder}' is not the one that was planned: its files are gone or "
            "have changed; run again to plan with what lies there now"
        )


def describe_encoder(folder: Path, out: Path) -> None:
    """Check an encoder and write what it is into ``out``.

    Raises:
        SpecError: it cannot be read, gives no vector for each token, has a tokenizer that does not
            belong to it, or lets padding change the vectors of a text.
    """
    check_encoder_files(folder)
    backbone, tokenizer = load_backbone(folder).eval(), load_tokenizer(folder)
    width = _width(backbone, folder)
    _check_vocabulary(tokenizer, backbone, folder)
    _check_padding(tokenizer, backbone, folder)
    notes = [] if tokenizer.pad_token_id is not None else [NO_PAD]
    if "cls" not in own_poolings(("cls",), tokenizer):
        notes.append(
            "its tokenizer puts no [CLS] first, so its last token stands where others have that"
        )
    if modules := unread_modules(folder):
        notes.append(
            f"its own {', '.join(modules)} after the encoder are left out: protocols pool alike"
        )
    facts = {
        "files": encoder_digest(folder),
        "architecture": str(backbone.config.model_type),
        "params_encoder": sum(p.numel() for p in backbone.parameters()),
        "width": width,
        "positions": num_positions(content_of(backbone.config)),
        "vocab_size": backbone.vocab_size,
        "weight_bytes": weight_bytes(folder),
        "notes": notes,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def require_files(folder: Path, files: str) -> Path:
    """Return the folder of an encoder that is still what was described.

    Raises:
        SpecError: it is gone, or other files lie there now.
    """
    if not folder.is_dir() or encoder_digest(folder) != files:
        raise OtherFilesError(folder)
    return folder


def _width(backbone: Backbone, folder: Path) -> int:
    """Return the width of the token vectors."""
    kind = getattr(backbone.config, "model_type", "model")
    sizes = {name: getattr(backbone.config, name, None) for name in ("hidden_size", "vocab_size")}
    lacking = [name for name, value in sizes.items() if not isinstance(value, int)]
    try:
        if lacking:
            raise AttributeError(f"its config has no {' and no '.join(lacking)}")
        with torch.inference_mode():
            hidden = backbone(torch.ones(1, 4, dtype=torch.long))
        if hidden.shape != (1, 4, backbone.width):
            raise ValueError(f"four tokens became vectors of shape {list(hidden.shape)}")
    except (AttributeError, TypeError, ValueError, RuntimeError, IndexError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise SpecError(
            f"the model '{folder}' (a '{kind}') gives no vector for each token of a text: "
            f"{first_line}; name an encoder or a decoder of text"
        ) from error
    return backbone.width


def _check_vocabulary(tokenizer: Any, backbone: Backbone, folder: Path) -> None:
    """Refuse a tokenizer with tokens of text that the encoder has no vector for."""
    special = set(tokenizer.all_special_ids)  # [PAD] or [MASK] may be added and never read
    ids = [id_ for id_ in tokenizer.get_vocab().values() if id_ not in special]
    highest, rows = max(ids, default=0), backbone.embedding.num_embeddings
    if highest >= rows:
        raise SpecError(
            f"the tokenizer in '{folder}' has token ids up to {highest}, and its encoder vectors "
            f"for {rows} tokens; the tokenizer belongs to another encoder, put the right one there"
        )


def _check_padding(tokenizer: Any, backbone: Backbone, folder: Path) -> None:
    """Refuse an encoder that reads a text otherwise where a longer one stands beside it."""
    positions = num_positions(content_of(backbone.config))
    rows = tokenize(
        tokenizer,
        [TEXTS],
        max_length=min(64, positions or 64),
        vocab_size=backbone.vocab_size,
        device="cpu",
    )
    with torch.inference_mode():
        both = backbone(*_arguments(rows.batch(np.arange(2))))
        alone = backbone(*_arguments(rows.batch(np.arange(1))))
    change = (both[:1, : alone.shape[1]] - alone).norm(dim=-1).max()
    if not bool(both.isfinite().all()):
        raise SpecError(f"the encoder '{folder}' gives vectors that are not finite; choose another")
    if float(change) > MAX_CHANGE * float(alone.norm(dim=-1).max()):
        raise SpecError(
            f"the encoder '{folder}' gives a text other vectors where a longer one stands beside "
            "it, although its padding is masked; its scores would depend on the batch, choose "
            "another encoder"
        )


def _arguments(
    batch: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor],
) -> tuple[torch.Tensor, None, torch.Tensor | None]:
    ids, is_pad, _ = batch
    return ids, None, is_pad
