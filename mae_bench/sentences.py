"""Turns pydantic's findings into one sentence: the field, the value got, what is allowed."""

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mae_bench.docstrings import attribute_docs
from mae_bench.errors import near_match
from mae_bench.plurals import counted

_KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    dict: "a mapping",
    type(None): "null",
}


def sentence(
    error: ValidationError, model: type[BaseModel], where: Sequence[str | int] = ()
) -> str:
    """Return one sentence about the first finding, with the number of the others.

    Args:
        error: of pydantic.
        model: that was to be validated.
        where: the path of the model inside what the user wrote.
    """
    findings = error.errors(include_url=False)
    first = _meant(findings, model)
    key_paths = {_resolved(model, finding["loc"])[0] for finding in findings}
    text = _one(first["type"], first["msg"], first["input"], first["loc"], model, where)
    inner = [p for p in key_paths if not any(q != p and q[: len(p)] == p for q in key_paths)]
    return text if len(inner) < 2 else f"{text} ({len(inner) - 1} more to fix)"


def first_key_path(error: ValidationError, model: type[BaseModel]) -> tuple[str | int, ...]:
    """Return the path of the first finding, without pydantic's own tags."""
    finding = _meant(error.errors(include_url=False), model)
    key_path = _resolved(model, finding["loc"])[0]
    return (*key_path, finding["loc"][-1]) if finding["type"] == "extra_forbidden" else key_path


def path_text(path: Iterable[str | int]) -> str:
    """Return ``a.b[2].c``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def unknown_key(key: str, fields: Sequence[str], path: str = "") -> str:
    """Return the sentence about a key that a mapping does not have."""
    inside = f" in {path}" if path else ""
    allowed = f"allowed: {', '.join(fields)}" if fields else "nothing is allowed here"
    return f"unknown key '{key}'{inside}; {allowed}.{near_match(key, fields)}"


def shown(value: object) -> str:
    """Return a value as a user wrote it, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _meant(findings: list[Any], model: type[BaseModel]) -> Any:
    """Return the first unknown key, else the first finding.

    A misspelt key is also a missing one. Of a union's findings it is that of the form which the
    user chose.
    """
    unknown = [
        one
        for one in findings
        if one["type"] == "extra_forbidden"
        and len(_resolved(model, one["loc"])[0]) == len(one["loc"]) - 1  # not a union's
    ]
    first = (unknown or findings)[0]
    key_path = _resolved(model, first["loc"])[0]
    if len(key_path) < len(first["loc"]) and isinstance(first["input"], Mapping):
        same = [
            one for one in findings if _resolved(model, one["loc"])[0][: len(key_path)] == key_path
        ]
        return same[-1]  # a mapping is meant for the model, which stands last
    return first


def _one(
    kind: str,
    message: str,
    got: object,
    loc: tuple[str | int, ...],
    model: type[BaseModel],
    where: Sequence[str | int],
) -> str:
    key_path, annotation, metadata = _resolved(model, loc)
    path = path_text((*where, *key_path))
    if kind == "extra_forbidden":
        return unknown_key(str(loc[-1]), _fields(annotation), path)
    if kind == "missing":
        return f"{path} is missing; it must be {describe(annotation, metadata)}"
    if kind == "value_error":
        text = message.removeprefix("Value error, ")
        return f"{path}: {text}" if path else text
    hint = near_match(str(got), _words(annotation)) if kind == "literal_error" else ""
    return f"{path} must be {describe(annotation, metadata)}, got {shown(got)}.{hint}".rstrip(".")


def _resolved(
    model: type[BaseModel], loc: tuple[str | int, ...]
) -> tuple[tuple[str | int, ...], object, list[object]]:
    annotation: Any = model
    metadata: list[object] = []
    key_path: list[str | int] = []
    for key in loc:
        annotation, more = _bare(annotation)
        metadata = metadata + more
        if _is_model(annotation) and key in (named := _named(annotation)):
            field: FieldInfo = named[str(key)]
            annotation, metadata = field.annotation, list(field.metadata)
        elif get_origin(annotation) in (tuple, list) and isinstance(key, int):
            annotation, metadata = get_args(annotation)[0], []
        elif get_origin(annotation) is dict:
            annotation, metadata = get_args(annotation)[1], []
        elif _is_union(annotation) and (tagged := _tagged(annotation, str(key))):
            annotation, metadata = tagged, []
            continue  # pydantic's tag: no user wrote it
        else:  # an unknown key, or pydantic's tag of a union's member
            break
        key_path.append(key)
    return tuple(key_path), annotation, metadata


def _tagged(annotation: object, tag: str) -> object:
    """Return the model of a union that a tag of pydantic names; None where it names another."""
    models = [member for member in get_args(annotation) if _is_model(member)]
    return next((member for member in models if member.__name__ in tag), None)


def _bare(annotation: object) -> tuple[Any, list[Any]]:
    """Return an annotation without Annotated and None, with its metadata."""
    metadata: list[object] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif _is_union(annotation):
            members = [member for member in get_args(annotation) if member is not type(None)]
            if len(members) != 1:
                return annotation, metadata
            annotation = members[0]
        else:
            return annotation, metadata


def describe(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Return what a field may be, in words."""
    metadata = list(metadata)
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        return describe(annotation, metadata + more)
    if words := _in_words(metadata):
        return str(words.in_words)
    if _is_union(annotation):
        members = [describe(member, metadata) for member in get_args(annotation)]
        return " or ".join(members)
    if get_origin(annotation) is Literal:
        return " or ".join(repr(word) for word in get_args(annotation))
    if get_origin(annotation) in (tuple, list):
        return f"a list{_limits(metadata)} (each {describe(get_args(annotation)[0])})"
    if _is_model(annotation):
        return f"a mapping of {', '.join(_named(annotation))}"
    pattern = next((m.pattern for m in metadata if getattr(m, "pattern", None)), None)
    if pattern:
        return f"a text that matches {pattern}"
    kind = _KINDS.get(get_origin(annotation) or annotation, "another value")
    return kind + _limits(metadata, "character")


def study_keys(
    model: type[BaseModel], prefix: str = "", whole: BaseModel | None = None
) -> list[dict[str, str]]:
    """Return each key that a study may hold: what it may be, its default, and what it means.

    ``whole`` is the default of the mapping that the model describes, where that has one.
    """
    keys = []
    meanings = attribute_docs(model)
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        inner, _ = _bare(field.annotation)
        path = f"{prefix}{name}"
        if _is_model(inner):
            given = field.get_default()
            keys += study_keys(inner, f"{path}.", given if isinstance(given, inner) else None)
            continue
        words = _in_words(field.metadata)
        if words and words.implied:
            default = words.implied
        elif field.is_required():
            default = "required"
        else:
            given = field.get_default() if whole is None else _named_values(whole)[name]
            default = json.dumps(_plain(given))
        allowed = describe(field.annotation, field.metadata)
        meaning = meanings.get(field_name, "")
        keys.append({"name": path, "allowed": allowed, "default": default, "meaning": meaning})
        if get_origin(inner) is tuple and _is_model(get_args(inner)[0]):
            keys += study_keys(get_args(inner)[0], f"{path}[].")
    return keys


def _in_words(metadata: Iterable[object]) -> Any:
    """Return the annotation that says what a field may be, as `InWords` of the specs."""
    return next((item for item in metadata if hasattr(item, "in_words")), None)


def _named_values(whole: BaseModel) -> dict[str, object]:
    return dict(zip(_named(type(whole)), dict(whole).values(), strict=True))


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _limits(metadata: Iterable[object], unit: str = "item") -> str:
    flat: list[object] = []
    for item in metadata:  # a Field() inside Annotated keeps its limits in a list of its own
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    low = next((m for m in flat if isinstance(m, limits.Gt | limits.Ge)), None)
    high = next((m for m in flat if isinstance(m, limits.Lt | limits.Le)), None)
    length = next((m.min_length for m in flat if isinstance(m, limits.MinLen)), None)
    if length is not None:
        return f" of at least {counted(length, unit)}"
    if low and high:
        opening, bottom = ("(", low.gt) if isinstance(low, limits.Gt) else ("[", low.ge)
        closing, top = (")", high.lt) if isinstance(high, limits.Lt) else ("]", high.le)
        return f" in {opening}{bottom}, {top}{closing}"
    if low:
        return f" above {low.gt}" if isinstance(low, limits.Gt) else f" of at least {low.ge}"
    if high:
        return f" below {high.lt}" if isinstance(high, limits.Lt) else f" of at most {high.le}"
    return ""


def _words(annotation: object) -> list[str]:
    annotation, _ = _bare(annotation)
    return [str(word) for word in get_args(annotation)]


def _fields(annotation: Any) -> list[str]:
    annotation, _ = _bare(annotation)
    return list(_named(annotation)) if _is_model(annotation) else []


def _named(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by the names that users write; `from` cannot be one in Python."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_union(annotation: object) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)
