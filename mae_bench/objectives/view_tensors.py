"""The tensors of a view: named, changed, and kept to one shape."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
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
    return with_tensors(view, {name: change(value) for name, value in tensors(view).items()})


def with_filling(view: View) -> View:
    """Return a view whose losses have the same shapes at every step, whatever its rows hold."""
    parts = {name: with_filling(part) for name, part in view.parts.items()}
    return dataclasses.replace(view, parts=parts, keeps_filling=True)


def with_tensors(view: View, by_path: Mapping[str, Tensor], prefix: str = "") -> View:
    """Return the view with other tensors, named as `tensors` names them."""
    own: dict[str, Any] = {
        field.name: by_path[prefix + field.name]
        for field in dataclasses.fields(view)
        if isinstance(getattr(view, field.name), Tensor)
    }
    parts = {
        name: with_tensors(part, by_path, f"{prefix}{name}.") for name, part in view.parts.items()
    }
    return dataclasses.replace(view, **own, parts=parts)


def stacked(views: Sequence[View]) -> View:
    """Return views of one shape as one, whose tensors have the views as their first dimension."""
    each = [tensors(view) for view in views]
    first = each[0]
    return with_tensors(views[0], {name: torch.stack([by[name] for by in each]) for name in first})
