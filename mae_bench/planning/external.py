"""Encoders from outside the study: teachers, and the one that pretraining goes on from."""

import hashlib
from functools import cache
from pathlib import Path

from mae_bench.data.adopt_tokenizer import check_tokenizer
from mae_bench.data.encoders import parse_hub_encoder, sized_backbone
from mae_bench.errors import SpecError
from mae_bench.planning.stage import Key, StageBuilder
from mae_bench.specs import BackboneSpec, TokenizerSpec
from mae_bench.user_paths import is_folder, user_path


def is_outside(name: str) -> bool:
    """Whether a name is that of a folder, or of an encoder of the Hub at a commit."""
    return is_folder(name) or parse_hub_encoder(name) is not None


def outside(name: str | None, builder: StageBuilder) -> tuple[Key | None, str | None]:
    """Return what names an outside encoder in ids: the stage that fetches it, or a digest."""
    if name is None:
        return None, None
    if repo_and_commit := parse_hub_encoder(name):
        return builder.teacher(*repo_and_commit), None
    return None, folder_digest(user_path(name))


@cache
def folder_digest(folder: Path) -> str:
    """Return what identifies an encoder's folder: the content of its files."""
    total = hashlib.blake2b(digest_size=8)
    read = [".safetensors", ".json"]
    if not (folder / "tokenizer.json").is_file():
        read += [".txt", ".model"]  # older vocabularies, read where there is no newer one
    for path in sorted(folder.iterdir()):
        if path.suffix in read and path.is_file():
            with path.open("rb") as file:
                total.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def resolved_backbone(spec: BackboneSpec) -> BackboneSpec:
    """Return the backbone with the sizes of the folder that it starts from.

    Raises:
        SpecError: neither a folder with an encoder nor a Hub encoder with its commit, or other
            sizes than those written.
    """
    if spec.checkpoint is None or parse_hub_encoder(spec.checkpoint):
        return spec
    folder = user_path(spec.checkpoint)
    if not is_folder(folder):
        raise SpecError(
            f"backbone.checkpoint must be a folder with an encoder, or owner/name@commit on the "
            f"Hub with all 40 digits of the commit, got '{spec.checkpoint}'; name one of these"
        )
    return sized_backbone(spec, folder)


def check_origin(spec: TokenizerSpec) -> None:
    """Check the encoder whose tokenizer a study takes, as far as no network is needed.

    Raises:
        SpecError: neither a folder nor a Hub encoder with its commit, or a tokenizer in the folder
            that cannot be used.
    """
    if spec.origin is None or parse_hub_encoder(spec.origin):
        return
    folder = user_path(spec.origin)
    if not is_folder(folder):
        raise SpecError(
            f"corpus.tokenizer.from must be a folder with an encoder's tokenizer.json, or "
            f"owner/name@commit on the Hub with all 40 digits of the commit, got '{spec.origin}'; "
            "name one of these"
        )
    try:
        check_tokenizer(folder)
    except SpecError as error:
        raise SpecError(f"corpus.tokenizer.from: {error}") from None
