"""The flags of verbs: one set that every verb with a study takes, and a few that some add.

None of the set but ``--set`` and ``--scale`` moves a result, so a command line that ran a study
also plans it, shows its state and reports it: only the verb changes.
"""

import dataclasses
import functools
import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from mae_bench.cli.ranks import Parallel

if TYPE_CHECKING:
    from mae_bench.runner.executors import Executor
    from mae_bench.runner.session import Session
    from mae_bench.specs import Study


def parse_folder(text: str) -> Path:
    """Return the path of a flag that names a folder."""
    if not text.strip():  # an unset variable, which would mean the present folder
        raise typer.BadParameter("is empty; name a folder, or leave the flag out")
    return Path(text)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"must be a whole number, got '{text}'") from None


StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A YAML file, or a name that `list suites` shows.")
]
Home = Annotated[
    Path | None,
    typer.Option(
        help="Folder where everything is kept. Default: $MAE_BENCH_HOME, else the user's cache.",
        parser=parse_folder,
        metavar="DIRECTORY",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with local data sets. Default: $MAE_BENCH_DATA, if set.",
        parser=parse_folder,
        metavar="DIRECTORY",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes. Default: one a core (at most 8), or one a GPU.",
        parser=_whole_number,
        metavar="NUMBER",
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Where workers run: local, ray, slurm, or a plug-in's; `list executors` shows more.",
    ),
]
ExecutorOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--executor-option",
        metavar="NAME=VALUE",
        help="An option of the executor, such as partition=gpu; may be repeated.",
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Of a running Ray cluster, for --executor ray. Default: $RAY_ADDRESS, else a new one.",
    ),
]
ShardText = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Run the I-th of N shares alone, at one home or at N that are joined later.",
    ),
]
Track = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Send the curves of pretrainings to tensorboard, wandb, trackio or mlflow.",
    ),
]
CompileBy = Annotated[
    str,
    typer.Option(
        "--compile",
        metavar="HOW",
        help="How training steps run: off, graph (CUDA), inductor; auto: graph on a GPU.",
    ),
]
BatchSeeds = Annotated[
    str,
    typer.Option(
        "--batch-seeds",
        metavar="NUMBER|auto",
        help="Seeds pretrained, or fine-tuned at all rates, at once; auto: 10 on a GPU, else 1.",
    ),
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
        parser=parse_folder,
        metavar="DIRECTORY",
    ),
]


@dataclass(frozen=True)
class Flags:
    """The one set; a verb that has no use for some of it takes it all the same."""

    overrides: Overrides = None
    scale: Scale = None
    home: Home = None
    data_dir: DataDir = None
    device: Device = "auto"
    workers: Workers = None
    executor: ExecutorName = "local"
    executor_options: ExecutorOptions = None
    ray_address: RayAddress = None
    shard: ShardText = None
    track: Track = None
    compile_by: CompileBy = "auto"
    batch_seeds: BatchSeeds = "auto"
    parallel: Parallel = None

    def check(self) -> None:
        """Refuse wrong values that no study is needed to see.

        Raises:
            SpecError: the first of them.
        """
        from mae_bench.planning.shard import parse_shard
        from mae_bench.runner.devices import (
            check_compile,
            check_device,
            check_workers,
            parse_batch_seeds,
        )

        check_workers(self.workers, "--workers")
        check_device(self.device, "--device")
        check_compile(self.compile_by, "--compile")
        parse_batch_seeds(self.batch_seeds, "--batch-seeds")
        parse_shard(self.shard, "--shard")
        self.make_executor()
        if self.track is not None:
            from mae_bench.runner.tracking import check_tracker

            check_tracker(self.track, "--track")

    def open(self, study: "str | Study") -> "Session":
        """Return a study at a home, with what its tuning has chosen, if that is finished."""
        self.check()

        from mae_bench.runner.memory import keep_freed_memory

        keep_freed_memory()  # before torch is imported

        from mae_bench import api

        given = {**vars(self), "overrides": self.overrides or (), "executor": self.make_executor()}
        for name in ("executor_options", "ray_address", "parallel"):  # parts of the executor
            given.pop(name)
        return api.open_session(study, **given)

    def make_executor(self) -> "str | Executor":
        """Return the executor with its options; the name alone where it has none.

        Raises:
            SpecError: the name or an option is wrong.
        """
        from mae_bench.cli.executor_flags import make_executor

        return make_executor(
            self.executor, self.executor_options or (), self.ray_address, self.parallel
        )

    def command(self, verb: str, study: str) -> str:
        """Return what to type to do it again, on any machine where the study is packaged."""
        from mae_bench.planning.packaged import packaged_name

        return command(verb, packaged_name(study), self.scale, self.overrides)


def with_flags(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the whole set in place of its parameter ``flags``."""
    hints = get_type_hints(Flags, include_extras=True)
    one_set = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(Flags)
    ]
    signature = inspect.signature(verb, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        spread = one_set if parameter.name == "flags" else [parameter]
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in spread]

    @functools.wraps(verb)
    def typed(**given: Any) -> None:
        verb(flags=Flags(**{each.name: given.pop(each.name) for each in one_set}), **given)

    typed.__dict__.pop("__wrapped__")  # typer would read the verb's own signature
    typed.__dict__["__signature__"] = signature.replace(parameters=parameters)
    typed.__annotations__ = {each.name: each.annotation for each in parameters}
    return typed


def command(verb: str, study: str, scale: str | None, overrides: list[str] | None) -> str:
    """Return the command that does this again."""
    scaled = ["--scale", scale] if scale else []
    changes = [part for override in overrides or () for part in ("--set", override)]
    return shlex.join(["mae-bench", verb, study, *scaled, *changes])


def is_finished(study: str, flags: Flags) -> bool:
    """Whether a run would do nothing, seen without planning; if so, say it."""
    from mae_bench.cli.show import say
    from mae_bench.planning.study import load_study
    from mae_bench.runner.completion import num_finished
    from mae_bench.runner.noted_data import data_dir_at
    from mae_bench.store.store import Store

    loaded = load_study(study, flags.overrides or (), flags.scale)
    store = Store(flags.home)
    number = num_finished(store, loaded, data_dir_at(store, flags.data_dir))
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
