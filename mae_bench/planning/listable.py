"""Which fields of a study may be given as lists: those that hold one plain value."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from mae_bench.errors import SpecError
from mae_bench.specs import SECTIONS, Study


@cache
def grid_fields() -> tuple[str, ...]:
    """Return the fields that may be given as lists, by their dotted names."""
    return tuple(name for section in SECTIONS for name in _scalars(model_of(section), section))


def model_of(section: str) -> type[BaseModel]:
    """Return what reads a section of a study."""
    model = _inner_model(Study.model_fields[section].annotation)
    assert model is not None
    return model


def without_lists(
    content: Mapping[str, Any],
    model: type[BaseModel],
    path: str,
    lists: dict[str, list[Any]],
) -> dict[str, Any]:
    """Return a mapping without its lists, which are added to ``lists`` under dotted names.

    Raises:
        SpecError: a list where a mapping stands, or where a list is the value already.
    """
    kept: dict[str, Any] = {}
    for key, value in content.items():
        name, annotation = f"{path}.{key}", _annotation(model, str(key))
        inner = _inner_model(annotation)
        if inner is not None and isinstance(value, dict):
            kept[key] = without_lists(value, inner, name, lists)
        elif not isinstance(value, list) or annotation is None:
            kept[key] = value
        elif inner is not None:
            raise wrong_list(name, "is a mapping, got a list; list the values of one of its fields")
        elif not _takes_list(annotation):
            lists[name] = value
        elif any(isinstance(item, list) for item in value):
            raise wrong_list(
                name,
                "holds a list already, and makes no grid; write a study for each, or another "
                "name of a protocol with its own recipe, such as finetune/other",
            )
        else:
            kept[key] = value
    return kept


def wrong_list(name: str, message: str) -> SpecError:
    """Return the error about a field that is given as a list, by its dotted name."""
    return SpecError(f"{name} {message}", name, tuple(name.split(".")))


def _scalars(model: type[BaseModel], path: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        key = f"{path}.{info.alias or name}"
        annotation = _annotation(model, info.alias or name)
        inner = _inner_model(annotation)
        if inner is not None:
            yield from _scalars(inner, key)
        elif not _takes_list(annotation):
            yield key


def _annotation(model: type[BaseModel], key: str) -> object:
    """Return the type of a field, by the key that a study writes; None of an unknown one."""
    for name, info in model.model_fields.items():
        if key == (info.alias or name):
            return info.annotation
    return None


def _members(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _inner_model(annotation: object) -> type[BaseModel] | None:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _takes_list(annotation: object) -> bool:
    origins = {get_origin(member) or member for member in _members(annotation)}
    return bool(origins & {tuple, list, dict})
