"""The folder of an encoder from outside: what it must hold, and what its content is known by.

Plans ask, so nothing here loads a model.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from mae_bench.errors import SpecError
from mae_bench.file_stamps import Stamp, file_stamps

CONFIG = "config.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
# Without one of them transformers makes up a tokenizer that knows five tokens.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "vocab.bpe")
# What a pretraining of this suite notes beside its encoder; the clock stands in some of it.
NOTES = ("cost.json", "curve.json", "spec.json", "done.json")
OBJECTIVE = "objective.safetensors"
POOLS_ITSELF = ("Transformer",)  # modules of sentence-transformers that protocols do read


def check_encoder_files(folder: Path) -> None:
    """Check that a folder holds an encoder in safetensors with a tokenizer of its own.

    Raises:
        SpecError: the first thing that it lacks.
    """
    names = [path.name for path in folder.iterdir()]
    if CONFIG not in names:
        inner = [name for name in names if (folder / name / CONFIG).is_file()]
        hint = f"name the folder inside it, {inner[0]}" if len(inner) == 1 else ""
        raise SpecError(
            f"'{folder}' holds no encoder: {CONFIG} is missing; "
            f"{hint or 'name a folder that save_pretrained wrote'}"
        )
    read_config(folder)
    if not _weights(folder):
        pickled = [name for name in names if name.endswith(PICKLES)]
        got = f"it has only {', '.join(sorted(pickled))}, which can run code" if pickled else ""
        raise SpecError(
            f"'{folder}' has no safetensors weights{': ' if got else ''}{got}; load the model once "
            "where you trust it and write it by save_pretrained, which makes model.safetensors"
        )
    if not any(any(folder.glob(pattern)) for pattern in VOCABULARIES):
        raise SpecError(
            f"the encoder '{folder}' has no tokenizer beside it: none of {', '.join(VOCABULARIES)} "
            "is there; write its tokenizer into the folder by save_pretrained"
        )


def read_config(folder: Path) -> dict[str, Any]:
    """Return the content of an encoder's config.json.

    Raises:
        SpecError: it cannot be read.
    """
    try:
        content = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError) as error:
        raise SpecError(
            f"'{folder}' holds no encoder: its {CONFIG} cannot be read "
            f"({type(error).__name__}: {error}); name a folder that save_pretrained wrote"
        ) from error
    if not isinstance(content, dict):
        raise SpecError(
            f"'{folder}' holds no encoder: its {CONFIG} must be a mapping, got "
            f"{type(content).__name__}; name a folder that save_pretrained wrote"
        )
    return content


def encoder_digest(folder: Path) -> str:
    """Return what identifies an encoder: the content of its config, weights and tokenizer.

    Files are read again only where they have changed.
    """
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.suffix in (".safetensors", ".json", ".txt", ".model", ".bpe")
        and path.name not in (*NOTES, OBJECTIVE)
    ]
    stamp = file_stamps(paths)
    if stamp not in _digests:
        total = hashlib.blake2b(digest_size=8)
        for path in paths:
            with path.open("rb") as file:
                total.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        _digests[stamp] = total.hexdigest()
    return _digests[stamp]


def weight_bytes(folder: Path) -> int:
    """Return the size of an encoder's weights."""
    return sum(path.stat().st_size for path in _weights(folder))


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an encoder's weights by name, without reading the weights."""
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for path in _weights(folder):
        with safe_open(path, framework="numpy") as file:
            shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    return shapes


def unread_modules(folder: Path) -> list[str]:
    """Return the modules of a sentence-transformers folder that no protocol reads.

    These are its own pooling, norm and projections: protocols pool every encoder alike.
    """
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        names = [str(module["type"]).rpartition(".")[2] for module in modules]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [name for name in names if name not in POOLS_ITSELF]


def _weights(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.safetensors")) if path.name != OBJECTIVE]


_digests: LRUCache[Stamp, str] = LRUCache(64)
