"""The short forms of a study: what a user may write, expanded to what `Study` holds."""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mae_bench.errors import SpecError
from mae_bench.sentences import shown
from mae_bench.specs import Study

FLOORS = {"majority": "majority class", "tfidf": "TF-IDF + LR"}  # protocol -> label of its arm
UNTRAINED = "random_init"
MAX_SEEDS = 1000
_LISTS = ("tasks", "protocols", "train_sizes", "corpus_tokens", "noise", "seeds")


def study_of(raw: Mapping[str, Any], folder: Path | None = None) -> Study:
    """Return the study of parsed YAML, with its short forms expanded.

    Args:
        raw: what the YAML holds, without ``scales``.
        folder: where relative text files of the corpus are looked for.
    """
    full = dict(raw)
    for name in _LISTS:
        if name in full and not isinstance(full[name], list | tuple):
            full[name] = [full[name]]
    if "objectives" in full:
        full["objectives"] = _arms(full["objectives"])
    if "noise" in full:
        full["noise"] = [spec for item in full["noise"] for spec in _noises(item)]
    if "seeds" in full:
        full["seeds"] = _seeds(raw["seeds"])
    if isinstance(full.get("corpus"), dict):
        full["corpus"] = _corpus(full["corpus"], folder)
    for name in _LISTS:
        _no_repeats(name, full.get(name, ()))
    return Study.model_validate(full)


def _arms(raw: Any) -> list[Any]:
    if not isinstance(raw, list | tuple):
        raise SpecError(f"objectives must be a list of names or mappings, got {shown(raw)}")
    arms: list[dict[str, Any]] = []
    for place, item in enumerate(raw):
        arms += _arm(place, item)
    for name in {arm["objective"] for arm in arms}:
        _label([arm for arm in arms if arm["objective"] == name and arm["label"] is None], name)
    seen: dict[str, int] = {}
    for arm in arms:
        place, label = arm.pop("place"), arm["label"]
        if label in FLOORS.values():
            raise SpecError(
                f"objectives[{place}]: the label '{label}' belongs to a floor; choose another"
            )
        if label == UNTRAINED and arm["objective"] != UNTRAINED:
            raise SpecError(
                f"objectives[{place}]: the label '{label}' belongs to the untrained encoder, got "
                f"it for '{arm['objective']}'; choose another"
            )
        if label == "":
            raise SpecError(f"objectives[{place}]: a label must not be empty; leave it out")
        if label in seen:
            raise SpecError(
                f"the arm label '{label}' occurs twice (objectives[{seen[label]}] and "
                f"objectives[{place}]); drop one, or give it another `label`"
            )
        seen[label] = place
    return arms


def _arm(place: int, item: Any) -> list[dict[str, Any]]:
    """Return the arms of one item: its options' lists are multiplied out."""
    if isinstance(item, str):
        return [{"objective": item, "options": {}, "label": None, "place": place}]
    if isinstance(item, dict) and "objective" in item:  # the form that is stored
        options, label = item.get("options") or {}, item.get("label")
        arm = {"objective": item["objective"], "options": options, "label": label, "place": place}
        if "peak_lr" in item:
            arm["peak_lr"] = item["peak_lr"]
        unknown = set(item) - {"objective", "options", "label", "peak_lr"}
        return [arm] + (_not_one(place, item) if unknown else [])
    if not isinstance(item, dict) or len(item) != 1:
        return _not_one(place, item)
    ((name, options),) = item.items()
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise SpecError(
            f"objectives[{place}]: the options of '{name}' must be a mapping, got {shown(options)}"
        )
    options = {str(key): value for key, value in options.items()}
    label = options.pop("label", None)
    lists = [key for key, value in options.items() if isinstance(value, list)]
    for key in lists:
        if not options[key]:
            raise SpecError(
                f"objectives[{place}]: the list under {key} of '{name}' is empty, which makes no "
                "arm; give it a value, or leave it out"
            )
    arms = []
    for values in itertools.product(*(options[key] for key in lists)):
        chosen = {**options, **dict(zip(lists, values, strict=True))}
        given = label
        if label is not None and len(lists) > 0:
            given = label + "".join(f" {key}={_plain(chosen[key])}" for key in lists)
        arms.append({"objective": str(name), "options": chosen, "label": given, "place": place})
    return arms


def _not_one(place: int, item: Any) -> list[dict[str, Any]]:
    keys = f"{len(item)} keys ({', '.join(map(str, item))})" if isinstance(item, dict) else ""
    raise SpecError(
        f"objectives[{place}] must be one name, or one name with its options indented below it; "
        f"got {keys or shown(item)}"
    )


def _label(arms: list[dict[str, Any]], name: str) -> None:
    keys = {key for arm in arms for key in arm["options"]}
    values = {key: {_plain(arm["options"].get(key, ...)) for arm in arms} for key in keys}
    for arm in arms:
        differing = [key for key in arm["options"] if len(values[key]) > 1]
        arm["label"] = name + "".join(f" {key}={_plain(arm['options'][key])}" for key in differing)


def _plain(value: Any) -> str:
    """Return a value as labels write it: a mapping by its main fields, then the others."""
    if value is ...:
        return ""
    if isinstance(value, dict) and value.keys() >= {"start", "end"}:  # a schedule of ratios
        return f"{_plain(value['start'])}->{_plain(value['end'])}" + _others(value, "start", "end")
    if isinstance(value, dict) and "scheme" in value:
        return _plain(value["scheme"]) + _others(value, "scheme")
    return value if isinstance(value, str) else json.dumps(value)


def _others(fields: Mapping[str, Any], *told: str) -> str:
    others = [f"{key}={_plain(value)}" for key, value in fields.items() if key not in told]
    return f"({', '.join(others)})" if others else ""


def _noises(item: Any) -> list[Any]:
    if isinstance(item, str):
        return [{"name": item}]
    if isinstance(item, dict) and "name" in item:
        return [item]
    if not isinstance(item, dict) or len(item) != 1:
        raise SpecError(f"noise must hold names or one name with rate and where, got {shown(item)}")
    ((name, fields),) = item.items()
    if not isinstance(fields, dict):
        fields = {} if fields is None else {"rate": fields}
    lists = {key: value if isinstance(value, list) else [value] for key, value in fields.items()}
    return [
        {"name": name, **dict(zip(lists, values, strict=True))}
        for values in itertools.product(*lists.values())
    ]


def _seeds(raw: Any) -> Any:
    if isinstance(raw, int) and not isinstance(raw, bool):
        if raw < 1:
            raise SpecError(f"seeds must be a count of at least 1 or a list of seeds, got {raw}")
        if raw > MAX_SEEDS:
            raise SpecError(f"seeds must be a count of at most {MAX_SEEDS}, got {raw}; lower it")
        return list(range(raw))
    return raw


def _corpus(raw: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    sources = raw.get("sources")
    if sources is None:
        return raw
    listed = sources if isinstance(sources, list) else [sources]
    return {**raw, "sources": [_source(item, folder) for item in listed]}


def _source(item: Any, folder: Path | None) -> Any:
    """Return a text file's path; one that is relative may lie beside the study."""
    is_path = isinstance(item, str) and (item[:1] in "./~" or Path(item).suffix != "")
    if not is_path:
        return item
    path = Path(item).expanduser()
    if not path.is_absolute() and not path.exists() and folder and (folder / path).exists():
        path = folder / path
    return str(path) if path.exists() else item


def _no_repeats(name: str, values: Any) -> None:
    seen = set()
    for value in values if isinstance(values, list | tuple) else ():
        key = json.dumps(value, sort_keys=True, default=str)
        if key in seen:
            raise SpecError(f"{name} holds {shown(value)} twice; each may occur once")
        seen.add(key)
