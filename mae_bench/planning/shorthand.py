"""The short forms of a study: what a user may write, expanded to what `Study` holds."""

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError
from mae_bench.planning.budget_split import with_split_budget
from mae_bench.planning.encoder_items import encoder_items
from mae_bench.planning.own_tasks import take_own_tasks
from mae_bench.sentences import shown, unknown_key
from mae_bench.specs import NoiseSpec, Study
from mae_bench.user_paths import is_there, user_path

FLOORS = {  # protocol -> label of its arm
    "majority": "majority class",
    "tfidf": "TF-IDF + LR",
    "word_majority": "majority tag of a word",
    "tfidf_cosine": "TF-IDF cosine",
    "bm25": "BM25",
    "unigram": "token unigram",
    "trigram": "token trigram",
}
UNTRAINED = "random_init"
MAX_SEEDS = MAX_ARMS = 1000
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
    if "objectives" in full:
        full["objectives"] = _arms(full["objectives"])
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
    return with_split_budget(study)


def _arms(raw: object) -> list[Any]:
    if not isinstance(raw, list | tuple):
        raise _wrong("objectives", f"must be a list of names or mappings, got {shown(raw)}")
    arms: list[dict[str, Any]] = []
    for index, item in enumerate(raw):
        arms += _arm(index, item)
    for name in {arm["objective"] for arm in arms}:
        _label([arm for arm in arms if arm["objective"] == name and arm["label"] is None], name)
    seen: dict[str, int] = {}
    for arm in arms:
        index, label = arm.pop("index"), arm["label"]
        if label in FLOORS.values():
            raise _wrong(index, f"the label '{label}' is reserved for a floor; choose another")
        if label == UNTRAINED and arm["objective"] != UNTRAINED:
            raise _wrong(
                index,
                f"the label '{label}' is reserved for the untrained encoder, got it for "
                f"'{arm['objective']}'; choose another",
            )
        if label == "":
            raise _wrong(index, "a label must not be empty; leave it out")
        if label in seen:
            raise SpecError(
                f"the arm label '{label}' occurs twice (objectives[{seen[label]}] and "
                f"objectives[{index}]); drop one, or give it another `label`",
                key_path=("objectives", index),
            )
        seen[label] = index
    return arms


def _arm(index: int, item: object) -> list[dict[str, Any]]:
    """Return the arms of one item: one for each combination of the values that its lists hold."""
    if isinstance(item, str):
        return [{"objective": item, "options": {}, "label": None, "index": index}]
    if isinstance(item, dict) and "objective" in item:  # the form that is stored
        options, label = item.get("options", {}), _given_label(index, item)
        options = {} if options is None else options
        if not isinstance(item["objective"], str):
            raise _wrong(index, f"objective must be a name, got {shown(item['objective'])}")
        if not isinstance(options, dict):
            raise _wrong(index, f"options must be a mapping, got {shown(options)}")
        arm = {"objective": item["objective"], "options": options, "label": label, "index": index}
        if "peak_lr" in item:
            arm["peak_lr"] = item["peak_lr"]
        unknown = set(item) - {"objective", "options", "label", "peak_lr"}
        return [arm] + (_not_one(index, item) if unknown else [])
    if not isinstance(item, dict) or len(item) != 1:
        return _not_one(index, item)
    ((name, options),) = item.items()
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise _wrong(index, f"the options of '{name}' must be a mapping, got {shown(options)}")
    options = {str(key): value for key, value in options.items()}
    label = _given_label(index, options)
    options.pop("label", None)
    lists = [key for key, value in options.items() if isinstance(value, list)]
    for key in lists:
        if not options[key]:
            raise _wrong(
                index,
                f"the list under {key} of '{name}' is empty, which makes no arm; give it a value, "
                "or leave it out",
            )
    if (number := math.prod(len(options[key]) for key in lists)) > MAX_ARMS:
        raise _wrong(
            index, f"the lists of '{name}' make {number:,} arms; at most {MAX_ARMS} are allowed"
        )
    arms = []
    for values in itertools.product(*(options[key] for key in lists)):
        chosen = {**options, **dict(zip(lists, values, strict=True))}
        given = label
        if label is not None and len(lists) > 0:
            given = label + "".join(f" {key}={_plain(chosen[key])}" for key in lists)
        arms.append({"objective": str(name), "options": chosen, "label": given, "index": index})
    return arms


def _given_label(index: int, item: Mapping[str, object]) -> str | None:
    label = item.get("label")
    if label is not None and not isinstance(label, str):
        raise _wrong(index, f"a label must be a text, got {shown(label)}; put it in quotes")
    return label


def _wrong(field_or_index: int | str, message: str) -> SpecError:
    """Return an error about a field of the study, or about one of its objectives."""
    if isinstance(field_or_index, str):
        return SpecError(f"{field_or_index} {message}", key_path=(field_or_index,))
    return SpecError(
        f"objectives[{field_or_index}]: {message}", key_path=("objectives", field_or_index)
    )


def _not_one(index: int, item: object) -> list[dict[str, object]]:
    keys = f"{len(item)} keys ({', '.join(map(str, item))})" if isinstance(item, dict) else ""
    raise _wrong(
        index,
        "it must be one name, or one name with its options indented below it; got "
        f"{keys or shown(item)}",
    )


def _label(arms: list[dict[str, Any]], name: str) -> None:
    keys = {key for arm in arms for key in arm["options"]}
    values = {key: {_plain(arm["options"].get(key, ...)) for arm in arms} for key in keys}
    for arm in arms:
        differing = [key for key in arm["options"] if len(values[key]) > 1]
        arm["label"] = name + "".join(f" {key}={_plain(arm['options'][key])}" for key in differing)


def _plain(value: object) -> str:
    """Return a value as labels write it: a mapping by its main fields, then the others."""
    if value is ...:
        return ""
    if isinstance(value, dict) and value.keys() >= {"start", "end"}:  # a schedule of ratios
        return f"{_plain(value['start'])}->{_plain(value['end'])}" + _others(value, "start", "end")
    if isinstance(value, dict) and "scheme" in value:
        return _plain(value["scheme"]) + _others(value, "scheme")
    return value if isinstance(value, str) else json.dumps(value)


def _others(fields: Mapping[str, object], *main_fields: str) -> str:
    others = [f"{key}={_plain(value)}" for key, value in fields.items() if key not in main_fields]
    return f"({', '.join(others)})" if others else ""


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
