"""What is laid over the fields of a study's file: a scale, then overrides."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mae_bench.errors import SpecError, near_match
from mae_bench.planning.yaml_text import parse_value
from mae_bench.sentences import shown


def scaled(
    path: Path,
    base: dict[str, object],
    scales: dict[str, dict[str, object]],
    overrides: Sequence[str],
    scale: str | None,
) -> dict[str, object]:
    """Return fields with a scale merged over them and overrides applied last; a copy."""
    fields: dict[str, object] = copy.deepcopy(base)
    if scale is not None:
        if not scales:
            raise SpecError(f"unknown scale '{scale}': {path} has no scales; leave --scale out")
        if scale not in scales:
            raise SpecError(
                f"unknown scale '{scale}' in {path}; known: {', '.join(scales)}."
                + near_match(scale, scales)
            )
        fields = _merged(fields, copy.deepcopy(scales[scale]))
    for override in overrides:
        override_field(fields, override)
    return fields


def scales_of(raw: object, path: Path) -> dict[str, dict[str, object]]:
    """Return the scales of a file, each a mapping of fields."""
    scales = {} if raw is None else raw
    if isinstance(scales, dict):
        scales = {name: {} if fields is None else fields for name, fields in scales.items()}
        wrong = {name: fields for name, fields in scales.items() if not isinstance(fields, dict)}
        if not wrong:
            return scales
        raw = wrong
    raise SpecError(
        f"{path}: scales must map names to fields of the study, got {shown(raw)}; write for "
        "instance scales: {gpu: {seeds: 10}}"
    )


def _merged(base: object, over: Any) -> Any:
    """Return ``base`` updated by ``over``, mapping by mapping; a budget is replaced whole."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    out = dict(base)
    for key, value in over.items():
        is_whole = key == "budget" or (key == "tokenizer" and _is_taken(base.get(key), value))
        out[key] = value if is_whole or key not in base else _merged(base[key], value)
    return out


def _is_taken(*specs: object) -> bool:
    """Whether one of several tokenizers is an encoder's, beside which nothing is written."""
    return any(isinstance(spec, dict) and "from" in spec for spec in specs)


def override_field(raw: dict[str, object], override: str) -> None:
    """Set one field in place: ``path.to.field=value``, the value in YAML."""
    path, equals, text = override.partition("=")
    parts = path.strip().split(".")
    if not equals or not all(parts):
        raise SpecError(f"--set must be path.to.field=value, got '{override}'")
    value = parse_value(text, f"--set {override}")
    at: Any = raw
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        if isinstance(at, list):
            if not part.isdigit() or int(part) >= len(at):
                raise SpecError(
                    f"--set {override}: '{part}' is not a place in the list "
                    f"{'.'.join(parts[:depth])}, which has {len(at)} (0 is the first)"
                )
            if is_last:
                at[int(part)] = value
            at = at[int(part)]
            continue
        if not isinstance(at, dict):
            raise SpecError(
                f"--set {override}: {'.'.join(parts[:depth])} is {shown(at)}, which has no fields"
            )
        if is_last:
            if depth and parts[depth - 1] == "budget":
                at.clear()
            at[part] = value
        elif at.get(part) is None:
            at[part] = {}
        at = at[part]
