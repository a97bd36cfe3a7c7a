"""The verb that evaluates finished encoders: any folder, run of a home, or encoder of the Hub."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mae_bench.cli.options import AsJson, Flags, Out, Retry, is_retry, with_flags

if TYPE_CHECKING:
    import pandas as pd

    from mae_bench.runner.session import Session

Encoders = Annotated[
    list[str],
    typer.Argument(
        metavar="ENCODER...",
        help="A folder, owner/name[@commit] on the Hub, STUDY:ARM:SEED of the home or the id of a "
        "pretraining in it; LABEL=ENCODER gives it a name.",
    ),
]
Tasks = Annotated[str, typer.Option(metavar="A,B", help="Names that `list tasks` shows.")]
Protocols = Annotated[str, typer.Option(metavar="A,B", help="Names that `list protocols` shows.")]
TrainSizes = Annotated[str, typer.Option(metavar="N,N", help="Counts, shares below 1, or all.")]
Noises = Annotated[str, typer.Option("--noise", metavar="A,B", help="Such as 'clean, typos: 0.1'.")]
Seeds = Annotated[str, typer.Option(metavar="N", help="A count, or seeds: 0,1,2.")]


@with_flags
def evaluate(
    encoders: Encoders,
    flags: Flags,
    tasks: Tasks,
    protocols: Protocols = "finetune",
    train_sizes: TrainSizes = "all",
    noise: Noises = "clean",
    seeds: Seeds = "6",
    out: Out = None,
    retry: Retry = None,
    as_json: AsJson = False,
) -> None:
    """Put finished encoders, each with its own tokenizer, through tasks and protocols.

    What is done stays: the same command goes on where it was stopped.
    """
    from mae_bench.cli.running import finish, run_stages, write_page
    from mae_bench.cli.show import say
    from mae_bench.errors import SpecError
    from mae_bench.planning.evaluation import evaluation_study
    from mae_bench.runner.find_encoder import find_encoder
    from mae_bench.store.store import Store

    flags.check()
    is_retry(retry)
    if flags.scale is not None:
        raise SpecError(
            f"--scale names a part of a study's file, and `evaluate` reads none, got "
            f"'{flags.scale}'; leave it out, or use --set"
        )
    lists = {
        "tasks": tasks,
        "protocols": protocols,
        "train_sizes": train_sizes,
        "noise": noise,
        "seeds": seeds,
    }
    fields = {name: _listed(text, name) for name, text in lists.items()}
    store = Store(flags.home)
    items = [find_encoder(text, store) for text in encoders]
    for text, item in zip(encoders, items, strict=True):
        if item["from"].startswith(f"{text.rpartition('=')[2]}@"):
            say(f"'{text}' is now {item['from']}: write that to get the same encoder again")
    session = flags.open(evaluation_study(items, fields, flags.overrides or ()))
    _fetch(session)
    watch, rows = run_stages(session, retry)
    if out is not None:
        given = {name: text for name, text in lists.items() if text != _DEFAULTS.get(name)}
        options = [part for name, text in given.items() for part in (_flag(name), text)]
        changes = [part for text in flags.overrides or () for part in ("--set", text)]
        names = [
            f"{encoder.label}={encoder.origin}" for encoder in session.study.encoders
        ]  # with its commit
        again = shlex.join(["mae-bench", "evaluate", *names, *options, *changes])
        say(f"report: {write_page(session, rows, out, again)}")
    if as_json:
        typer.echo(rows.to_json(orient="records", lines=True), nl=False)
    else:
        _show(rows)
    finish(session, watch, session.plan.stages, has_rows=True)


def _fetch(session: "Session") -> None:
    """Fetch the encoders of the Hub before anything runs, for without them there is no answer.

    Raises:
        DataError: one cannot be fetched; the same command tries it again.
    """
    from mae_bench.cli.interrupts import interruptible
    from mae_bench.cli.watch import Watch, is_bad_data
    from mae_bench.errors import DataError

    store = session.store
    stages = [
        stage
        for stage in session.plan.stages
        if stage.kind == "teacher" and not store.is_done(*stage.key)
    ]
    if not stages:
        return
    store.open()
    for stage in stages:
        store.forget_failure(*stage.key)
    with interruptible(), Watch(session, stages) as watch:
        session.execute(stages, lambda event: None if event.what == "failed" else watch(event))
    for stage in stages:
        record = store.failure(*stage.key)
        if record is not None and is_bad_data(stage.kind, record):
            store.forget_failure(*stage.key)
            raise DataError(str(record["message"]))


_DEFAULTS = {"protocols": "finetune", "train_sizes": "all", "noise": "clean", "seeds": "6"}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _listed(text: str, name: str) -> Any:
    """Return the items of a flag, written as the inside of a YAML list; one seed is a count."""
    from mae_bench.planning.yaml_text import parse_value

    items = parse_value(f"[{text}]", f"{_flag(name)} {text}")
    if name == "seeds" and isinstance(items, list) and len(items) == 1:
        return items[0]
    return items


def _show(rows: "pd.DataFrame") -> None:
    """Print the mean of each primary metric over seeds, with half of its 95% interval."""
    from mae_bench.analysis.rows import unlabelled_protocols
    from mae_bench.analysis.scores import summarise
    from mae_bench.cli.show import table
    from mae_bench.measures import measure_of
    from mae_bench.results import row_noises

    key = ["task", "protocol", "train_size", "noise", "metric", "arm"]
    lines = []
    unlabelled = unlabelled_protocols(rows)
    primary = rows[rows["is_primary"]]
    labelled = primary.assign(noise=[noise.label for noise in row_noises(primary)])
    for group, part in labelled.groupby(key, sort=False):
        task, protocol, size, noise, metric, arm = map(str, group)
        measure = measure_of(metric)
        # of several fine-tunes at a seed the mean, which one that failed takes with it
        by_seed = part["value"].astype(float).groupby(part["seed"], sort=False)
        values = by_seed.agg(lambda of_seed: of_seed.mean(skipna=False)).to_numpy()
        mean, low, high = summarise(values)
        number = int((values == values).sum())  # a failure has none
        score = measure.number(mean) if number else "failed"
        spread = f" ± {measure.number((high - low) / 2)}" if number > 1 else ""
        word = f"{number} of {len(values)}" if number < len(values) else str(number)
        metric = measure.described(metric)
        labels = "no labels" if protocol in unlabelled else size
        lines.append([arm, task, protocol, labels, noise, metric, f"{score}{spread}", word])
    columns = ["encoder", "task", "protocol", "labels", "noise", "metric", "score", "seeds"]
    table("scores", columns, lines)
