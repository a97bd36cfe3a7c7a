"""The flags that several verbs share."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mae_bench.runner.session import Session


def _folder(text: str) -> Path:
    if not text.strip():  # an unset variable, which would mean the present folder
        raise typer.BadParameter("it is empty; name a folder, or leave the flag out")
    return Path(text)


StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A YAML file, or a name that `list suites` shows.")
]
Home = Annotated[
    Path | None,
    typer.Option(
        help="Folder where everything is kept. Default: $MAE_BENCH_HOME, else the user's cache.",
        parser=_folder,
        metavar="DIRECTORY",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with local data sets. Default: $MAE_BENCH_DATA, if set.",
        parser=_folder,
        metavar="DIRECTORY",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes. Default: one a core (at most 8), or one on a GPU."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Override a field of the study; may be repeated."
    ),
]
Scale = Annotated[
    str | None, typer.Option(help="A name under the study's `scales:`, merged over the study.")
]
Retry = Annotated[
    str | None, typer.Option(metavar="failed", help="`failed`: try earlier failures again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help="Folder of the report. Default: inside the home.",
        parser=_folder,
        metavar="DIRECTORY",
    ),
]


def command(verb: str, study: str, scale: str | None, overrides: list[str] | None) -> str:
    """Return the command that does this again."""
    scaled = ["--scale", scale] if scale else []
    changes = [part for override in overrides or () for part in ("--set", override)]
    return shlex.join(["mae-bench", verb, study, *scaled, *changes])


def open_session(
    study: str,
    overrides: list[str] | None = None,
    scale: str | None = None,
    home: Path | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> "Session":
    """Return a study at a home, with what its tuning has chosen, if that is finished."""
    from mae_bench.runner.memory import keep_freed_memory

    keep_freed_memory()  # before torch is imported

    from mae_bench import api

    return api.open_session(study, overrides or (), scale, home, data_dir, device, workers)


def is_finished(
    study: str,
    overrides: list[str] | None,
    scale: str | None,
    home: Path | None,
    data_dir: Path | None,
) -> bool:
    """Whether a run would do nothing, seen without planning; if so, say it."""
    from mae_bench.cli.show import say
    from mae_bench.data.sources import data_dir as find_data_dir
    from mae_bench.planning.study import load_study
    from mae_bench.runner.completion import num_finished
    from mae_bench.store.store import Store

    loaded, store = load_study(study, overrides or (), scale), Store(home)
    number = num_finished(store, loaded, find_data_dir(data_dir))
    if number is None:
        return False
    rows = store.study(loaded.name) / "results.parquet"
    say(f"nothing to do: all {number} stages of '{loaded.name}' are done; rows in {rows}")
    return True


def is_retry(retry: str | None) -> bool:
    """Whether earlier failures are tried again."""
    from mae_bench.errors import SpecError

    if retry not in (None, "failed"):
        raise SpecError(f"--retry takes one word, 'failed'; got '{retry}'")
    return retry == "failed"
