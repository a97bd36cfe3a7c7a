"""The verb that checks: the contract over one registered objective, of a third party too."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mae_bench.cli.options import AsJson

ObjectiveName = Annotated[
    str, typer.Argument(metavar="OBJECTIVE", help="A name that `list objectives` shows.")
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="OPTION=VALUE", help="Set an option of the objective; may be repeated."
    ),
]


def check(objective: ObjectiveName, overrides: Options = None, as_json: AsJson = False) -> None:
    """Check that an objective keeps the contract: purity, leaks, costs, reloading and more.

    `--set mask_ratio=0.4` sets one of its options.
    """
    from mae_bench.cli.show import say
    from mae_bench.contract.fixtures import Specimen
    from mae_bench.contract.objective import run_checks
    from mae_bench.errors import SpecError
    from mae_bench.objectives.base import parse_options
    from mae_bench.planning.yaml_text import parse_value
    from mae_bench.runner.network import closed_network

    options = {}
    for override in overrides or ():
        name, equals, text = override.partition("=")
        if not equals or not name.strip():
            raise SpecError(f"--set must be option=value, got '{override}'")
        options[name.strip()] = parse_value(text, f"--set {override}")
    parse_options(objective, options)
    with tempfile.TemporaryDirectory() as folder, closed_network(f"check of {objective}"):
        found = []
        for name, sentence in run_checks(Specimen(objective, options, Path(folder))):
            found.append((name, sentence))
            if not as_json:  # a line each as it is found, for some take seconds
                typer.echo(f"{name:24} {sentence or 'ok'}")
    wrong = [name for name, sentence in found if sentence]
    if as_json:
        checks = [{"check": name, "is_kept": not what, "wrong": what} for name, what in found]
        content = {"objective": objective, "is_kept": not wrong, "checks": checks}
        typer.echo(json.dumps(content, indent=1))
    if wrong:
        say(f"'{objective}' breaks {len(wrong)} of {len(found)} checks: {', '.join(wrong)}")
        raise typer.Exit(1)
    say(f"'{objective}' keeps all {len(found)} checks")
