"""Reads a study from YAML: short forms, scales and overrides in, a checked `Study` out."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError
from mae_bench.planning.overrides import scaled, scales_of
from mae_bench.planning.packaged import find_study, read_text
from mae_bench.planning.shorthand import study_of
from mae_bench.planning.yaml_text import line_of, line_of_name, read_yaml
from mae_bench.sentences import first_key_path, sentence, shown
from mae_bench.specs import Study
from mae_bench.speeds import SpeedSpec

__all__ = ["load_study", "study_of"]


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
    path = find_study(path_or_name)
    base, scales = _parts(path)
    study = _checked(path, scaled(path, base, scales, overrides, scale), overrides, scale)
    for other in scales:
        if other != scale:  # not only once it is asked for, on another machine
            _checked(path, scaled(path, base, scales, (), other), (), other)
    return study


def _checked(
    path: Path, fields: dict[str, object], overrides: Sequence[str], scale: str | None
) -> Study:
    try:
        return study_of(fields, path.parent)
    except ValidationError as error:
        key_path = first_key_path(error, Study)
        raise SpecError(
            f"{_blame(path, read_text(path), key_path, overrides, scale)}: {sentence(error, Study)}"
        ) from None
    except SpecError as error:
        if error.got and not error.key_path:
            raise in_file(error, path, overrides, scale) from None
        where = _blame(path, read_text(path), error.key_path, overrides, scale)
        raise SpecError(f"{where}: {error}", error.got) from None


def read_raw(path: Path, overrides: Sequence[str], scale: str | None) -> dict[str, object]:
    """Return what a file holds, with a scale merged over it and overrides applied last."""
    return scaled(path, *_parts(path), overrides, scale)


def _parts(path: Path) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return the fields of a file and its scales."""
    raw = read_yaml(read_text(path), str(path))
    if raw is None:
        raise SpecError(
            f"{path} is empty; write a study into it, or name one that `mae-bench list suites` "
            "shows"
        )
    if not isinstance(raw, dict):
        raise SpecError(f"{path} is not a study: it must be a mapping of fields, got {shown(raw)}")
    scales = scales_of(raw.pop("scales", None), path)
    return raw, scales


def in_file(
    error: SpecError, path_or_name: str | Path, overrides: Sequence[str], scale: str | None
) -> SpecError:
    """Return an error with the file of the study, and with the line where that is known.

    Where values of the study were overridden, one of these may be wrong: then the file is named
    only if what is wrong stands in it.
    """
    path = find_study(path_or_name)
    text = read_text(path)
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
