"""The arms that the items under ``objectives`` make: lists, labels, and names that are reserved."""

import json
from collections.abc import Mapping
from typing import Any

from mae_bench.errors import SpecError
from mae_bench.planning.option_lists import OptionRules
from mae_bench.sentences import shown
from mae_bench.specs.combinations import combinations_of, factors_of, num_combinations

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
MAX_ARMS = 1000


def arms_of(raw: object, rules: OptionRules) -> list[dict[str, Any]]:
    """Return the arms of the items under ``objectives``, in the form that is stored.

    Args:
        raw: what stands there.
        rules: which of their options vary together, and which combinations are left out.
    """
    if not isinstance(raw, list | tuple):
        raise _wrong("objectives", f"must be a list of names or mappings, got {shown(raw)}")
    arms: list[dict[str, Any]] = []
    for index, item in enumerate(raw):
        arms += _arm(index, item, rules)
    rules.check_zips()
    arms = rules.without_excluded(arms)
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


def _arm(index: int, item: object, rules: OptionRules) -> list[dict[str, Any]]:
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
    factors = factors_of({k: options[k] for k in lists}, rules.zipped(str(name), lists))
    if (number := num_combinations(factors)) > MAX_ARMS:
        raise _wrong(
            index, f"the lists of '{name}' make {number:,} arms; at most {MAX_ARMS} are allowed"
        )
    arms = []
    for values in combinations_of(factors):
        chosen = {**options, **values}
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


def _wrong(index: int | str, message: str) -> SpecError:
    """Return an error about an objective, or about their list."""
    if isinstance(index, str):
        return SpecError(f"{index} {message}", key_path=(index,))
    return SpecError(f"objectives[{index}]: {message}", key_path=("objectives", index))


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
