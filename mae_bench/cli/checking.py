"""The verb that checks: the contract over one objective or backbone, of a third party too."""

import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mae_bench.cli.options import AsJson

if TYPE_CHECKING:
    from mae_bench.objectives.base import Objective

PartName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A name that `list objectives` or `list backbones` shows."),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="OPTION=VALUE", help="Set an option of the objective; may be repeated."
    ),
]


def check(part: PartName, overrides: Options = None, as_json: AsJson = False) -> None:
    """Check that an objective or a backbone keeps the contract of its kind.

    Of an objective: purity, leaks, costs, reloading and more; `--set mask_ratio=0.4` sets one of
    its options. Of a backbone: sizes, costs, dropout, attention, positions and more.
    """
    from mae_bench.backbones import BACKBONES
    from mae_bench.cli.show import say
    from mae_bench.errors import SpecError, UnknownNameError, near_match
    from mae_bench.objectives.base import OBJECTIVES, parse_options
    from mae_bench.planning.yaml_text import parse_value
    from mae_bench.runner.network import closed_network

    options = {}
    for override in overrides or ():
        name, equals, text = override.partition("=")
        if not equals or not name.strip():
            raise SpecError(f"--set must be option=value, got '{override}'")
        options[name.strip()] = parse_value(text, f"--set {override}")
    known = [*OBJECTIVES.names(), *BACKBONES.names()]
    if part not in known:
        raise UnknownNameError(
            f"unknown objective or backbone '{part}'; known: {', '.join(known)}."
            + near_match(part, known)
        )
    kind = "objective" if part in OBJECTIVES else "backbone"
    if kind == "objective":
        _require_options(OBJECTIVES.get(part), options)
        parse_options(part, options)
    elif options:
        raise SpecError(f"--set sets options of objectives, and '{part}' is a backbone; drop it")
    with tempfile.TemporaryDirectory() as folder, closed_network(f"check of {part}"):
        results = []
        for name, sentence in _outcomes(kind, part, options, Path(folder)):
            results.append((name, sentence))
            if not as_json:  # a line each as it is found, for some take seconds
                typer.echo(f"{name:24} {sentence or 'ok'}")
    wrong = [name for name, sentence in results if sentence]
    if as_json:
        checks = [{"check": name, "is_kept": not what, "wrong": what} for name, what in results]
        content = {kind: part, "is_kept": not wrong, "checks": checks}
        typer.echo(json.dumps(content, indent=1))
    if wrong:
        say(f"'{part}' breaks {len(wrong)} of {len(results)} checks: {', '.join(wrong)}")
        raise typer.Exit(1)
    say(f"'{part}' keeps all {len(results)} checks")


def _require_options(kind: "type[Objective]", given: Mapping[str, object]) -> None:
    """Say how the options that have no default are given.

    Raises:
        SpecError: one of them is not.
    """
    from mae_bench.errors import SpecError

    fields = kind.Options.model_fields.items()
    missing = [name for name, field in fields if field.is_required() and name not in given]
    if missing:
        values = {name: kind.example.get(name, "VALUE") for name in missing}
        flags = [f"--set {shlex.quote(f'{name}={_inline(v)}')}" for name, v in values.items()]
        raise SpecError(
            f"objective '{kind.name}' has no default for {', '.join(missing)}; set it, as in "
            f"mae-bench check {kind.name} {' '.join(flags)}"
        )


def _inline(value: object) -> str:
    """Return a value as YAML of one line."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _outcomes(
    kind: str, part: str, options: dict[str, Any], folder: Path
) -> Iterator[tuple[str, str]]:
    """Yield each check with what is wrong, or with nothing."""
    from mae_bench.contract import backbone, objective
    from mae_bench.contract.fixtures import Fixture

    if kind == "backbone":
        return backbone.run_checks(backbone.BackboneCase(part, folder))
    return objective.run_checks(Fixture(part, options, folder))
