"""Encoders from outside the study: checks, and their token rows put into the study's order."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mae_bench.costs import Stack, stack_of_config
from mae_bench.data.adopt_tokenizer import vocabulary
from mae_bench.data.encoders import require_sizes
from mae_bench.errors import SpecError
from mae_bench.model.backbone import (
    Backbone,
    architecture_of_folder,
    load_backbone,
    quiet_transformers,
)
from mae_bench.model.teacher import is_checkpoint
from mae_bench.model.token_rows import rows_of, take_rows
from mae_bench.objectives.base import Objective
from mae_bench.results import read_json
from mae_bench.specs import BackboneSpec


def starting_backbone(spec: BackboneSpec, folder: Path, tokenizer: Path) -> Backbone:
    """Return the encoder that training goes on from, its token embedding in the study's order.

    Raises:
        SpecError: no encoder, other sizes than the study planned with, or another tokenizer.
    """
    require_sizes(spec, folder)
    theirs, ours = _vocabularies("backbone.checkpoint", folder, tokenizer)
    backbone = load_backbone(folder, spec.dropout)
    if getattr(backbone.encoder, "pooler", None) is not None:
        # BERT's: not part of our checkpoints, and no objective trains it
        backbone.encoder.register_module("pooler", None)
    size = backbone.embedding.weight.shape[1]
    if size != backbone.width:
        raise SpecError(
            f"backbone.checkpoint '{folder}' has token vectors of {size} for a hidden size of "
            f"{backbone.width}; heads are tied to vectors as wide as the encoder, choose another"
        )
    rows = _rows("backbone.checkpoint", folder, len(backbone.embedding.weight), theirs, ours)
    if rows is not None:
        take_rows(backbone.encoder, rows)
    return backbone


@contextmanager
def fitted_teacher(teacher: Path | None, tokenizer: Path, work: Path) -> Iterator[Path | None]:
    """Yield the folder of a teacher with the study's token ids: its own, or a temporary copy.

    A copy has all that the teacher has, in the study's order of tokens, so that no objective needs
    to know of another one.

    Raises:
        SpecError: it cannot be loaded, or it has other tokens than the study.
    """
    if teacher is None:
        yield None
        return
    theirs, ours = _vocabularies("teacher", teacher, tokenizer)
    if is_checkpoint(teacher):
        if theirs != ours:  # those of this suite differ in order only by another way of training
            raise _other_tokenizer("teacher", teacher)
        yield teacher
        return
    rows = _rows("teacher", teacher, _config(teacher).vocab_size, theirs, ours)
    if rows is None:
        yield teacher
        return
    copy = work / "teacher"
    shutil.rmtree(copy, ignore_errors=True)  # of a killed run
    model = _whole_model(teacher)
    take_rows(model, rows)
    model.save_pretrained(copy)
    del model
    try:
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def outside_stack(objective: Objective, teacher: Path | None) -> Stack | None:
    """Return the sizes of a teacher from outside the study."""
    if teacher is None or is_checkpoint(teacher):
        return None
    return stack_of_config(objective.teacher.backbone.config)  # type: ignore[union-attr]


def _vocabularies(
    role: str, folder: Path, tokenizer: Path
) -> tuple[dict[str, int], dict[str, int]]:
    """Return an encoder's ids by token, and the study's.

    Raises:
        SpecError: they are not those of the same tokens.
    """
    try:
        theirs = vocabulary(folder)
    except SpecError as error:
        raise SpecError(f"{role} {error}") from error
    ours = vocabulary(tokenizer)
    if theirs.keys() != ours.keys():
        raise _other_tokenizer(role, folder)
    return theirs, ours


def _other_tokenizer(role: str, folder: Path) -> SpecError:
    return SpecError(
        f"{role} '{folder}' uses another tokenizer than the study's corpus; it must share the "
        "vocabulary: set corpus.tokenizer.from to the same encoder, or name an encoder that a "
        "study with the same corpus.tokenizer and text left"
    )


def _rows(
    role: str, folder: Path, num_rows: int, theirs: dict[str, int], ours: dict[str, int]
) -> Tensor | None:
    """Return the encoder's row for each of our ids, or None where they are those that it has."""
    highest = max(theirs.values())
    if highest >= num_rows:
        raise SpecError(
            f"{role} '{folder}' has an embedding of {num_rows} rows, but its tokenizer has the id "
            f"{highest}; the tokenizer beside it belongs to another encoder"
        )
    return None if theirs == ours and num_rows == len(ours) else rows_of(theirs, ours)


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    architecture_of_folder(folder).register_model()
    try:
        return AutoConfig.from_pretrained(str(folder))
    except (OSError, ValueError) as error:
        raise _not_a_model(folder, error) from error


def _whole_model(folder: Path) -> Any:
    """Return a model with every part that its folder names, a vocabulary head too."""
    import transformers

    quiet_transformers()
    kind: Any = getattr(transformers, next(iter(_config(folder).architectures or ()), ""), None)
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        kind = transformers.AutoModel
    try:
        return kind.from_pretrained(str(folder), use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise _not_a_model(folder, error) from error


def _not_a_model(folder: Path, error: Exception) -> SpecError:
    first_line = str(error).partition("\n")[0]
    return SpecError(
        f"teacher '{folder}' is not a model that transformers can load from safetensors: "
        f"{first_line}"
    )


def price_of(teacher: Path | None) -> tuple[float, float]:
    """Return FLOPs and seconds that made a teacher, with those of its own teacher.

    One from outside was made before the study began.
    """
    if teacher is None or not is_checkpoint(teacher):
        return 0.0, 0.0
    cost = read_json(teacher / "cost.json")
    return float(cost["flops"]), float(cost["seconds"]) + float(cost.get("teacher_pretrain_s", 0))
