"""Checkpoints: a transformers folder with the objective's own weights beside it.

Also the running state of an unfinished one: one safetensors file, replaced in one rename, so
that a kill leaves either the old state or the new.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mae_bench.model.teacher import OBJECTIVE_FILE
from mae_bench.objectives.base import Objective
from mae_bench.pretraining.whole_tensors import take, whole

VERSIONS = ("mae-bench", "torch", "transformers", "tokenizers", "datasets", "numpy")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


Weights = tuple[dict[str, Tensor], dict[str, Tensor]]  # of the encoder, and beside it


def weights_of(objective: Objective) -> Weights:
    """Return the tensors of the encoder and those beside it; of shards, every rank must ask."""
    encoder = objective.backbone.encoder.state_dict()
    beside = objective.state_to_save()
    return (
        {name: whole(value) for name, value in encoder.items()},
        {name: whole(value) for name, value in beside.items()},
    )


def save_checkpoint(
    objective: Objective, tokenizer: Path, out: Path, weights: Weights | None = None
) -> None:
    """Write config.json, model.safetensors, the tokenizer and objective.safetensors.

    ``weights`` are those of the objective, by default `weights_of` it.
    """
    encoder, beside = weights or weights_of(objective)
    objective.backbone.encoder.save_pretrained(  # type: ignore[operator]
        out, state_dict=encoder, save_original_format=False
    )
    for name in TOKENIZER_FILES:
        if (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, out / name)
    parts = {name: value.contiguous() for name, value in beside.items()}
    save_file(parts, out / OBJECTIVE_FILE)


def load_objective_state(objective: Objective, folder: Path) -> None:
    """Load objective.safetensors into an objective built with the same options."""
    with safe_open(folder / OBJECTIVE_FILE, "pt") as file:
        parts = {name: file.get_tensor(name) for name in file.keys()}
    missing = set(objective.state_to_save()) ^ set(parts)
    if missing:
        raise ValueError(f"{folder} does not fit this objective: {sorted(missing)}")
    objective.load_state_dict(parts, strict=False)


def load_part(objective: Objective, folder: Path, prefix: str) -> None:
    """Load an objective's weights from objective.safetensors, where a prefix names its part."""
    with safe_open(folder / OBJECTIVE_FILE, "pt") as file:
        own = {name: file.get_tensor(prefix + name) for name in objective.state_to_save()}
    objective.load_state_dict(own, strict=False)


def write_json(content: object, path: Path) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Return the versions of what computes; recorded, and never part of an id."""
    return {name: _version(name) for name in VERSIONS}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # a source tree on PYTHONPATH: no reason to lose a pretraining at its end


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    notes: dict[str, object],
    *,
    is_written: bool = True,
) -> None:
    """Write weights, moving averages, optimizer state and notes as one file, in one rename.

    Of a model in shards every rank must ask, and one has it written.
    """
    tensors = {f"model/{name}": value for name, value in _moving(model).items()}
    for index, (_, parameter) in enumerate(_trained(model)):
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value)
    tensors = {name: whole(value.detach()) for name, value in tensors.items()}
    if not is_written:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file(
        {name: value.contiguous() for name, value in tensors.items()},
        temporary,
        metadata={"notes": json.dumps(notes)},
    )
    temporary.replace(path)


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: str
) -> dict[str, Any]:
    """Restore what `save_state` wrote; return its notes."""
    trained = _trained(model)
    with safe_open(path, "pt", device=device) as file, torch.no_grad():
        for name, value in _moving(model).items():
            value.copy_(take(value, file.get_tensor(f"model/{name}")))
        for name in file.keys():
            kind, index, *key = name.split("/")
            if kind == "optimizer":
                parameter, given = trained[int(index)][1], file.get_tensor(name)
                of_shape = given.shape == parameter.shape  # else a count of steps
                optimizer.state[parameter][key[0]] = take(parameter, given) if of_shape else given
        notes: dict[str, object] = json.loads(file.metadata()["notes"])
    return notes


def saved_step(path: Path) -> int:
    """Return the step from which a saved state goes on; 0 where there is none."""
    if not path.exists():
        return 0
    with safe_open(path, "pt") as file:
        return int(json.loads(file.metadata()["notes"])["step"])


def _moving(model: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: weights, and the averages that follow them; no teacher.

    Parts that share a backbone name its tensors several times; each is returned once.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in model.state_dict(keep_vars=True).items():
        if "teacher" not in name.split(".") and id(value) not in seen:
            seen.add(id(value))
            tensors[name] = value
    return tensors


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
