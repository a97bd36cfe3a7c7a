"""Encoders in transformers' format: of the Hub, named with their commit and fetched once; sizes."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from mae_bench.backbones import (
    BACKBONES,
    Architecture,
    Sizes,
    architecture_of,
    find_architecture,
)
from mae_bench.errors import DataError, SpecError
from mae_bench.specs import BackboneSpec

_HUB_ENCODER = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


def parse_hub_encoder(name: str) -> tuple[str, str] | None:
    """Return (Hub id, commit) of ``owner/name@commit``, or None where a name is not of that form.

    The commit is required: a result must not change because somebody else pushed.
    """
    match = _HUB_ENCODER.fullmatch(name)
    return (match[1], match[2]) if match else None


def fetch_encoder(hub_id: str, revision: str, out: Path) -> None:
    """Download an encoder's configuration, tokenizer and safetensors weights into ``out``.

    Raises:
        DataError: the Hub cannot be reached, or holds no such commit or no safetensors weights.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        # asked once: the download asks a Hub that is out of reach six times, in half a minute
        HfApi().model_info(hub_id, revision=revision)
        snapshot_download(hub_id, revision=revision, local_dir=out, allow_patterns=_WANTED)
    except (OSError, ValueError, RuntimeError, http_error) as error:
        first_line = str(error).partition("\n")[0]
        raise DataError(
            f"the encoder '{hub_id}' at {revision[:12]} could not be fetched from the Hub: "
            f"{first_line}; run the command again with network, or name a local folder"
        ) from error
    shutil.rmtree(out / ".cache", ignore_errors=True)  # the Hub library's own notes
    if not any(out.glob("*.safetensors")):
        raise DataError(
            f"the encoder '{hub_id}' at {revision[:12]} has no safetensors weights; "
            "other formats can run code when they are loaded, choose another encoder"
        )


def resolve_commit(hub_id: str) -> str:
    """Return the commit that an encoder of the Hub has now.

    Raises:
        DataError: the Hub cannot be reached, or has no such encoder.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        return str(HfApi().model_info(hub_id).sha)
    except (OSError, ValueError, RuntimeError, http_error) as error:
        first_line = str(error).partition("\n")[0]
        raise DataError(
            f"the commit of '{hub_id}' could not be asked of the Hub: {first_line}; write "
            f"{hub_id}@commit with all 40 digits of the commit, or name a local folder"
        ) from error


def sized_backbone(spec: BackboneSpec, folder: Path) -> BackboneSpec:
    """Return a backbone with the sizes of an encoder's config.json in place of its own.

    Raises:
        SpecError: no readable config.json, another architecture, or a size that the study wrote
            down and that is another.
    """
    name, arch, sizes = _read(folder)
    fields: dict[str, Any] = {
        "preset": "tiny",
        "arch": name,
        "num_layers": sizes.layers,
        "hidden_size": sizes.width,
        "num_heads": sizes.heads or 1,
        "max_length": sizes.max_length,
    }
    # the written ratio may round to the encoder's MLP; else the exact one
    for ratio in (spec.mlp_ratio, arch.mlp_ratio(sizes.width, sizes.inner)):
        if arch.inner(sizes.width, ratio) == sizes.inner:
            break
    else:
        raise SpecError(
            f"the encoder '{folder}' has an MLP of {sizes.inner}, which no mlp_ratio gives a "
            f"backbone of arch '{name}' and hidden_size {sizes.width}; start from another encoder"
        )
    sized = spec.model_copy(update={**fields, "mlp_ratio": ratio})
    written = set(spec.model_fields_set)
    if "preset" in written:
        written |= {"num_layers", "hidden_size", "num_heads"}
    mine, theirs = _effective(spec), _effective(sized)
    if any(mine[name] != theirs[name] for name in written & mine.keys()):
        raise _other_sizes(spec, sized, folder)
    return sized


def require_sizes(spec: BackboneSpec, folder: Path) -> None:
    """Raise SpecError where a backbone, as it was planned, has other sizes than an encoder."""
    sized = sized_backbone(spec, folder)
    if _effective(spec) != _effective(sized):
        raise _other_sizes(spec, sized, folder)


def _other_sizes(spec: BackboneSpec, sized: BackboneSpec, folder: Path) -> SpecError:
    """Return the error that names the sizes which differ."""
    mine, theirs = _effective(spec), _effective(sized)
    wrong = {name: value for name, value in theirs.items() if mine[name] != value}
    differences = ", ".join(f"{name} is {value}, got {mine[name]}" for name, value in wrong.items())
    fields = ", ".join(f"{name}: {value}" for name, value in wrong.items())
    return SpecError(
        f"backbone.checkpoint '{spec.checkpoint}' has other sizes than the study: {differences}; "
        f"write `backbone: {{{fields}}}`"
    )


def _effective(spec: BackboneSpec) -> dict[str, object]:
    """Return the sizes that a backbone really has, by the fields that set them."""
    sizes: dict[str, object] = {
        "arch": spec.arch,
        "num_layers": spec.layers,
        "hidden_size": spec.width,
        "max_length": spec.max_length,
    }
    arch = architecture_of(spec)
    if arch.has_attention:
        ratio = arch.mlp_ratio(spec.width, arch.inner(spec.width, spec.mlp_ratio))
        sizes |= {"num_heads": spec.heads, "mlp_ratio": ratio}
    return sizes


def _read(folder: Path) -> tuple[str, Architecture, Sizes]:
    """Return what a config.json says: the architecture's name, the architecture, its sizes."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        kind, named = config["model_type"], find_architecture(config)
        if named is not None:
            name, arch = named
            return name, arch, arch.read_sizes(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(
            f"'{folder}' holds no encoder: its config.json cannot be read "
            f"({type(error).__name__}: {error}); name a folder that save_pretrained wrote"
        ) from error
    raise SpecError(
        f"the encoder '{folder}' is a '{kind}'; pretraining can start from those that "
        f"`mae-bench list backbones` shows: {', '.join(BACKBONES.names())}"
    )
