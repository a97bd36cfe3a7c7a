"""The tensors of a view: named, changed, and kept to one shape."""

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import Tensor

from mae_bench.objectives.base import View


def tensors(view: View, prefix: str = "") -> dict[str, Tensor]:
    """Return every tensor of a view and of its parts, by path."""
    by_path = {}
    for field in dataclasses.fields(view):
        value = getattr(view, field.name)
        if isinstance(value, Tensor):
            by_path[prefix + field.name] = value
    for name, part in view.parts.items():
        by_path |= tensors(part, f"{prefix}{name}.")
    return by_path


def mapped(view: View, change: Callable[[Tensor], Tensor]) -> View:
    """Return the view with every tensor changed."""
    own: dict[str, Any] = {
        field.name: change(getattr(view, field.name))
        for field in dataclasses.fields(view)
        if isinstance(getattr(view, field.name), Tensor)
    }
    parts = {name: mapped(part, change) for name, part in view.parts.items()}
    return dataclasses.replace(view, **own, parts=parts)


def with_filling(view: View) -> View:
    """Return a view whose losses have the same shapes at every step, whatever its rows hold."""
    parts = {name: with_filling(part) for name, part in view.parts.items()}
    return dataclasses.replace(view, parts=parts, keeps_filling=True)
