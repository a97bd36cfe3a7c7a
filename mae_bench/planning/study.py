"""Reads a study from YAML: short forms, scales and overrides in, a checked `Study` out."""

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.planning.shorthand import study_of
from mae_bench.planning.yaml_text import line_of, line_of_name, parse_value, read_yaml
from mae_bench.sentences import first_key_path, sentence, shown
from mae_bench.specs import Study
from mae_bench.speeds import SpeedSpec
from mae_bench.user_paths import is_folder, is_there

__all__ = ["load_study", "study_of", "suites"]


def suites() -> dict[str, Path]:
    """Return the packaged studies by name, as ``quickstart`` or ``papers/NAME``."""
    folder = packaged()
    paths = sorted(folder.rglob("*.yaml"))
    named = {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    return {name: path for name, path in named.items() if kind_of(path) == "study"}


def papers() -> dict[str, Path]:
    """Return the packaged reproductions by name, as ``mae_lm/effective_rank``; of either kind."""
    folder = packaged() / "papers"
    paths = sorted(folder.rglob("*.yaml"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def find_paper(name: str) -> Path:
    """Return the file of a packaged reproduction.

    Raises:
        UnknownNameError: no such name, with every one that is known.
    """
    known = papers()
    if name not in known:
        raise UnknownNameError(
            f"no reproduction '{name}'; known: {', '.join(known)}." + near_match(name, known), name
        )
    return known[name]


def load_speed(path: Path, overrides: Sequence[str] = (), scale: str | None = None) -> SpeedSpec:
    """Return the measurement of step times that a file asks for.

    Raises:
        SpecError: in one sentence.
    """
    try:
        spec = SpeedSpec.model_validate(read_raw(path, overrides, scale))
    except ValidationError as error:
        raise SpecError(f"{path}: {sentence(error, SpeedSpec)}") from None
    named = {f"shapes[{i}]": shape for i, shape in enumerate(spec.shapes)}
    named |= {f"references[{i}].shape": item.shape for i, item in enumerate(spec.references)}
    for where, shape in named.items():
        try:
            check_backbone(shape.backbone)
        except SpecError as error:
            raise SpecError(f"{path}: {where}.{error}", error.got) from None
    return spec


def kind_of(path: Path) -> str:
    """Return what a packaged file holds: ``study``, or what its first key ``kind`` says."""
    kind_line = re.search(r"^kind: (\w+)$", _text(path), re.MULTILINE)
    return kind_line[1] if kind_line else "study"


def packaged() -> Path:
    """Return the folder of packaged studies."""
    package = Path(__file__).parents[1]
    folder = package / "_benchmarks"  # where a wheel holds them
    return folder if folder.is_dir() else package.parent / "benchmarks"


def load_study(
    path_or_name: str | Path, overrides: Sequence[str] = (), scale: str | None = None
) -> Study:
    """Return the study of a YAML file, or of a packaged one by its name.

    Args:
        path_or_name: ``fight.yaml``, or a name that ``mae-bench list suites`` shows.
        overrides: ``path.to.field=value``, the value in YAML; applied last.
        scale: a name under ``scales:``, merged over the study; the fields of all are checked.

    Raises:
        SpecError: in one sentence, with the line where it is known.
    """
    path = _find(path_or_name)
    base, scales = _parts(path)
    study = _checked(path, _scaled(path, base, scales, overrides, scale), overrides, scale)
    for other in scales:
        if other != scale:  # not only once it is asked for, on another machine
            _checked(path, _scaled(path, base, scales, (), other), (), other)
    return study


def _checked(
    path: Path, fields: dict[str, object], overrides: Sequence[str], scale: str | None
) -> Study:
    try:
        return study_of(fields, path.parent)
    except ValidationError as error:
        key_path = first_key_path(error, Study)
        raise SpecError(
            f"{_blame(path, _text(path), key_path, overrides, scale)}: {sentence(error, Study)}"
        ) from None
    except SpecError as error:
        if error.got and not error.key_path:
            raise in_file(error, path, overrides, scale) from None
        where = _blame(path, _text(path), error.key_path, overrides, scale)
        raise SpecError(f"{where}: {error}", error.got) from None


def read_raw(path: Path, overrides: Sequence[str], scale: str | None) -> dict[str, object]:
    """Return what a file holds, with a scale merged over it and overrides applied last."""
    return _scaled(path, *_parts(path), overrides, scale)


def _parts(path: Path) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return the fields of a file and its scales."""
    raw = read_yaml(_text(path), str(path))
    if raw is None:
        raise SpecError(
            f"{path} is empty; write a study into it, or name one that `mae-bench list suites` "
            "shows"
        )
    if not isinstance(raw, dict):
        raise SpecError(f"{path} is not a study: it must be a mapping of fields, got {shown(raw)}")
    scales = _scales(raw.pop("scales", None), path)
    return raw, scales


def _scaled(
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
        _override(fields, override)
    return fields


def _scales(raw: object, path: Path) -> dict[str, dict[str, object]]:
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


def in_file(
    error: SpecError, path_or_name: str | Path, overrides: Sequence[str], scale: str | None
) -> SpecError:
    """Return an error with the file of the study, and with the line where that is known.

    Where values of the study were overridden, one of these may be wrong: then the file is named
    only if what is wrong stands in it.
    """
    path = _find(path_or_name)
    text = _text(path)
    if error.key_path:
        where = _blame(path, text, error.key_path, overrides, scale)
    else:
        line = line_of_name(text, error.got) if error.got else None
        if line is None and (overrides or scale):
            return error
        where = f"{path}, line {line}" if line else str(path)
    return type(error)(f"{where}: {error}", error.got, error.key_path)


def _blame(
    path: Path,
    text: str,
    key_path: tuple[str | int, ...],
    overrides: Sequence[str],
    scale: str | None,
) -> str:
    """Return where a wrong value was written: an override, a scale, or a line of the file."""
    wanted = ".".join(map(str, key_path)) or "?"
    for override in overrides:
        key = override.partition("=")[0].strip()
        if wanted == key or wanted.startswith(f"{key}.") or key.startswith(f"{wanted}."):
            return f"--set {override}"
    line = line_of(text, key_path) if key_path and scale is None else None
    return f"{path}, line {line}" if line else f"{path}, scale '{scale}'" if scale else str(path)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read ({error.strerror}); fix its permissions, or move it"
        ) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; "
            "convert the file to UTF-8"
        ) from None


def _find(path_or_name: str | Path) -> Path:
    path = Path(path_or_name)
    if is_folder(path):
        raise SpecError(f"{path} is a folder; a study is a YAML file or a packaged name")
    if is_there(path):
        return path
    known = suites()
    name = str(path_or_name).removesuffix(".yaml")
    by_stem = [full for full in known if full.rpartition("/")[2] == name]
    if name in known:
        return known[name]
    if len(by_stem) == 1:
        return known[by_stem[0]]
    raise UnknownNameError(
        f"no study '{path_or_name}': no such file, and no packaged study of that name; "
        f"packaged: {', '.join(known) or 'none'}." + near_match(name, known)
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


def _override(raw: dict[str, object], override: str) -> None:
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
