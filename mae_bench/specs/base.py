"""The base of all specs: frozen, strict, and hashed into stage ids."""

import hashlib
import json
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class InWords:
    """An annotation: what a field may hold, in words, where its type does not say it.

    Attributes:
        in_words: after "must be".
        implied: the default in words; None to show the field's own default.
    """

    in_words: str
    implied: str | None = None


PER_CLASS = r"^[1-9][0-9]{0,8}/class$"  # a number of examples of each class
PerClass = Annotated[str, Field(pattern=PER_CLASS), InWords("a text such as '16/class'")]
TrainSize = Annotated[int, Field(ge=2)] | Ratio | PerClass | Literal["all"]


def per_class(size: TrainSize) -> int | None:
    """Return how many examples of each class a train size asks for; None for one of another form.

    A size of that form is written ``16/class``.
    """
    is_of_classes = isinstance(size, str) and size.endswith("/class")
    return int(str(size).removesuffix("/class")) if is_of_classes else None


Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100),  # it names a folder
    InWords("a text of at most 100 a-z, 0-9, '.', '_' and '-', the first a letter or digit"),
]


class Frozen(BaseModel):
    """A strict, immutable value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_kind(cls: type[Self], value: object, info: ValidationInfo) -> object:
        """Refuse true for 1, 1 for true and "1" for 1, all of which pydantic would take."""
        kinds = _kinds(cls, str(info.field_name))
        if kinds is not None and any(type(item) not in kinds for item in _scalars(value)):
            raise PydanticCustomError("wrong_kind", "another kind of value")
        return value

    def canonical(self) -> dict[str, Any]:
        """Return JSON-ready content without defaults, so that a new option moves no old id."""
        return self.model_dump(mode="json", exclude_defaults=True)


@cache
def _kinds(model: type[BaseModel], name: str) -> frozenset[type] | None:
    """Return the types of scalars that a field may hold; None where any type is allowed."""
    types_allowed = set(_leaves(model.model_fields[name].annotation))
    if not types_allowed or not types_allowed <= {bool, int, float, str, type(None)}:
        return None
    is_number = bool(types_allowed & {int, float})
    return frozenset(types_allowed | {type(None)} | ({int, float} if is_number else set()))


def _leaves(annotation: object) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) is Literal:
        yield from {type(word) for word in get_args(annotation)}
    elif get_origin(annotation) in (Union, types.UnionType, tuple, list):
        for member in get_args(annotation):
            if member is not ...:
                yield from _leaves(member)
    elif not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        yield annotation  # a model's own fields look after themselves


def _scalars(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _scalars(item)
    elif type(value) in (bool, int, float, str):
        yield value


def stage_id(kind: str, version: int, content: object) -> str:
    """Return 16 hex digits that name a stage's result: its kind, version and content."""
    text = json.dumps([kind, version, content], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
