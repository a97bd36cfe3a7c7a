"""The encoder that a process reads texts with, kept from one cell to the next, and its number."""

import itertools
from pathlib import Path

from cachetools import LRUCache

from mae_bench.file_stamps import file_stamps
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import Backbone, load_backbone

MAX_BYTES = 512 << 20  # a larger one would take memory from what a device trains beside it
HELD_BYTES = 256 << 20  # of vectors and texts, which the readers of texts and of words each hold
OVERHEAD = 400  # bytes that Python takes for a key and an array

# one, as a worker stays at one checkpoint
_kept: LRUCache[object, Backbone] = LRUCache(1)
_numbers: dict[object, int] = {}
_counter = itertools.count()


def stamps_of(checkpoint: Path | str) -> object | None:
    """Return what changes with a checkpoint's files; None where it is no folder."""
    folder = Path(checkpoint)
    if not folder.is_dir():
        return None
    return file_stamps(sorted(path for path in folder.iterdir() if path.is_file()))


def frozen_encoder(checkpoint: Path | str, device: str) -> Backbone:
    """Return the encoder of a checkpoint on a device, to be read and never changed.

    Raises:
        SpecError: the folder holds no encoder that transformers can load.
    """
    files = stamps_of(checkpoint)
    key = (files, device)
    backbone = None if files is None else _kept.get(key)
    if backbone is None:
        backbone = to_device(load_backbone(checkpoint), device).eval()
        num_bytes = sum(value.nbytes for value in backbone.state_dict().values())
        if files is not None and num_bytes <= MAX_BYTES:
            _kept[key] = backbone
    return backbone


def number_of(files: object | None, content: object) -> int:
    """Return a number that stands for an encoder and how it reads in the keys of what is held.

    Args:
        files: what `stamps_of` says of it; without them nothing is shared, and the number is new.
        content: all that its vectors depend on beside a text.
    """
    return next(_counter) if files is None else _numbers.setdefault(content, next(_counter))
