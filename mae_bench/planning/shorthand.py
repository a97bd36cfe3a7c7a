"""The short forms of a study: what a user may write, expanded to what `Study` holds."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError
from mae_bench.planning.arm_items import FLOORS, UNTRAINED, arms_of
from mae_bench.planning.budget_split import with_split_budget
from mae_bench.planning.encoder_items import encoder_items
from mae_bench.planning.grid_lists import check_points, take_grid
from mae_bench.planning.option_lists import rules_of
from mae_bench.planning.own_tasks import take_own_tasks
from mae_bench.sentences import shown, unknown_key
from mae_bench.specs import NoiseSpec, Study
from mae_bench.user_paths import is_there, user_path

MAX_SEEDS = 1000
_LISTS = ("tasks", "protocols", "train_sizes", "corpus_tokens", "noise", "seeds", "finetune_seeds")


def study_of(raw: Mapping[str, Any], folder: Path | None = None) -> Study:
    """Return the study of parsed YAML, with its short forms expanded.

    Args:
        raw: what the YAML holds, without ``scales``.
        folder: where relative text files of the corpus are looked for.
    """
    for name in raw:  # before what is missing for it
        if name not in Study.model_fields:
            raise SpecError(unknown_key(str(name), list(Study.model_fields)), key_path=(str(name),))
    full = dict(raw)
    for name in _LISTS:
        if name in full and not isinstance(full[name], list | tuple):
            full[name] = [full[name]]
    rules = rules_of(full)
    if "objectives" in full:
        full["objectives"] = arms_of(full["objectives"], rules)
    take_grid(full, rules)
    if full.get("encoders"):
        arms = full.get("objectives", ())
        taken = [*FLOORS.values(), UNTRAINED, *(arm["label"] for arm in arms)]
        full["encoders"] = encoder_items(full["encoders"], folder, taken)
    if "noise" in full:
        full["noise"] = [spec for item in full["noise"] for spec in _noises(item)]
    for name in ("seeds", "finetune_seeds"):
        if name in full:
            full[name] = _seeds(name, raw[name])
    take_own_tasks(full, folder)
    if isinstance(full.get("corpus"), dict):
        full["corpus"] = _corpus(full["corpus"], folder)
    study = Study.model_validate(full)
    check_backbone(study.backbone)
    _no_repeats(study)
    check_points(study)
    return with_split_budget(study)


def _wrong(field: str, message: str) -> SpecError:
    """Return an error about a field of the study."""
    return SpecError(f"{field} {message}", key_path=(field,))


def _noises(item: object) -> list[object]:
    if isinstance(item, str):
        return [{"name": item}]
    if isinstance(item, dict) and "name" in item:
        return [item]
    if not isinstance(item, dict) or len(item) != 1:
        raise _wrong("noise", f"must hold names or one name with rate and where, got {shown(item)}")
    ((name, fields),) = item.items()
    if not isinstance(fields, dict):
        fields = {} if fields is None else {"rate": fields}
    if "name" in fields or [] in fields.values():
        raise _wrong(
            "noise", f"'{name}' takes a rate and where, each with a value, got {shown(fields)}"
        )
    lists = {key: value if isinstance(value, list) else [value] for key, value in fields.items()}
    return [
        {"name": name, **dict(zip(lists, values, strict=True))}
        for values in itertools.product(*lists.values())
    ]


def _seeds(name: str, raw: object) -> object:
    if isinstance(raw, int) and not isinstance(raw, bool):
        if raw < 1:
            raise _wrong(name, f"must be a count of at least 1 or a list of seeds, got {raw}")
        if raw > MAX_SEEDS:
            raise _wrong(name, f"must be a count of at most {MAX_SEEDS}, got {raw}; lower it")
        return list(range(raw))
    return raw


def _corpus(raw: dict[str, object], folder: Path | None) -> dict[str, object]:
    sources = raw.get("sources")
    if sources is None:
        return raw
    listed = sources if isinstance(sources, list) else [sources]
    return {**raw, "sources": [_source(item, folder) for item in listed]}


def _source(item: Any, folder: Path | None) -> object:
    """Return a text file's path; one that is relative may lie beside the study."""
    is_path = isinstance(item, str) and (item[:1] in (".", "/", "~") or Path(item).suffix != "")
    if not is_path:
        return item
    path = user_path(item)
    if not path.is_absolute() and not is_there(path) and folder and is_there(folder / path):
        path = folder / path
    return str(path) if is_there(path) else item


def _no_repeats(study: Study) -> None:
    """Raise SpecError where two values are equal or have the same label in rows and tables."""
    for name in _LISTS:
        seen: dict[str, Any] = {}
        for value in getattr(study, name):
            label = value.label if isinstance(value, NoiseSpec) else str(value)
            if label in seen and seen[label] == value:
                raise _wrong(name, f"holds {label} twice; each may occur once")
            if label in seen:
                rates = f"{seen[label].rate} and {value.rate}"
                raise _wrong(
                    name,
                    f"holds '{value.name}' at the rates {rates}, which rows and tables both call "
                    f"'{label}'; drop one, or set them further apart",
                )
            seen[label] = value
