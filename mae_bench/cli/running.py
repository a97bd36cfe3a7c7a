"""The verbs that work: prepare, run, quickstart."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mae_bench.cli.interrupts import interruptible
from mae_bench.cli.options import (
    AsJson,
    Flags,
    Out,
    Retry,
    StudyName,
    is_finished,
    is_retry,
    with_flags,
)

if TYPE_CHECKING:
    import pandas as pd

    from mae_bench.analysis.score_tables import Spread
    from mae_bench.cli.watch import Watch
    from mae_bench.planning.stage import Key, Stage
    from mae_bench.runner.session import Session


@with_flags
def prepare(study: StudyName, flags: Flags, retry: Retry = None) -> None:
    """Fetch and tokenise the data, and no more: after it, the study needs no network."""
    from mae_bench.cli.show import say
    from mae_bench.cli.watch import Watch
    from mae_bench.planning.warnings import prepared_warnings

    flags.check()
    session = replace(flags, device="cpu").open(study)  # a machine without a GPU may prepare
    for text in session.plan.warnings:
        say(f"warning: {text}")
    stages = session.plan.prepared
    with interruptible(), Watch(session, stages) as watch:
        session.prepare(watch, is_retry(retry))
        if session.asked.tuning is not None:  # its tasks may be others
            from mae_bench.tuning import prepared_stages

            others = prepared_stages(session)
            watch.expect(others)
            session.execute(others, watch)
            stages = tuple({stage.key: stage for stage in (*stages, *others)}.values())
    for text in prepared_warnings(session.plan, session.store, session.data_dir):
        say(f"warning: {text}")
    finish(session, watch, stages)


@with_flags
def run(study: StudyName, flags: Flags, retry: Retry = None, as_json: AsJson = False) -> None:
    """Run what is not done yet; running again resumes, or does nothing."""
    flags.check()
    is_retry(retry)  # a wrong word is refused also where there is nothing to do
    if not as_json and is_finished(study, flags):
        return
    session = flags.open(study)
    watch, _ = run_stages(session, retry)
    if as_json:
        typer.echo(json.dumps(_record(session), indent=1))
    finish(session, watch, session.stages, has_rows=True)


@with_flags
def quickstart(flags: Flags, out: Out = None) -> None:
    """Compare five objectives on generated text and write a report; minutes on two cores."""
    session = flags.open("quickstart")
    watch, rows = run_stages(session, None)
    page = write_page(session, rows, out, "mae-bench quickstart")
    print_summary(session, rows)
    typer.echo(f"report: {page}")
    finish(session, watch, session.stages, has_rows=True)


def run_stages(session: "Session", retry: str | None) -> tuple["Watch", "pd.DataFrame"]:
    """Tune where asked to and run what is missing; return what was seen of it, and all rows."""
    from mae_bench.cli.show import say
    from mae_bench.cli.watch import Watch
    from mae_bench.planning.warnings import empty_steps, prepared_warnings

    again = is_retry(retry)
    if session.asked.tuning is not None:
        from mae_bench.cli.tuning import tune_first

        tune_first(session, again)
    known = prepared_warnings(session.plan, session.store, session.data_dir)
    for text in (*session.plan.warnings, *known):
        say(f"warning: {text}")
    if changed := session.changes():
        say(
            f"study '{session.asked.name}' differs from its last run at this home in "
            f"{', '.join(changed)}; its rows are now those of the present study alone, and "
            "stages that both share are used again"
        )
    with interruptible(), Watch(session, session.stages, _expected(session)) as watch:
        rows = session.run(watch, again)
    for text in prepared_warnings(session.plan, session.store, session.data_dir):
        if text not in known:
            say(f"warning: {text}")
    for text in empty_steps(session.plan, session.store):
        say(f"warning: {text}")
    return watch, rows


def _expected(session: "Session") -> "Mapping[Key, float]":
    from mae_bench.planning.estimate import expected_seconds

    workers = session.choose_workers(session.counts().num_left)
    return expected_seconds(session.plan, session.store, session.device, workers)


def _record(session: "Session") -> dict[str, object]:
    counts = session.counts()
    return {
        "study": session.asked.name,
        "home": str(session.store.home),
        "rows": str(session.folder / "results.parquet"),
        "stages": counts.stages,
        "done": counts.done,
        "failed": counts.failed,
    }


def finish(
    session: "Session", watch: "Watch", stages: Sequence["Stage"], has_rows: bool = False
) -> None:
    """Say how it ended; exit 1 where something failed, 2 where `prepare` met only bad data."""
    from mae_bench.cli.show import by_cause, duration, say
    from mae_bench.cli.watch import is_bad_data

    store = session.store
    lost = [stage for stage in stages if not store.is_done(*stage.key)]
    rows = f"; rows in {session.folder / 'results.parquet'}" if has_rows else ""
    if not lost:
        nothing = "" if watch.num_run else "nothing to do: "
        took = f" ({watch.num_run} now, in {duration(watch.seconds_run)})" if watch.num_run else ""
        say(f"{nothing}all {len(stages)} stages of '{session.asked.name}' are done{took}{rows}")
        return
    failed = [(stage, record) for stage in lost if (record := store.failure(*stage.key))]
    others = [record for stage, record in failed if not is_bad_data(stage.kind, record)]
    for line in by_cause(record for stage, record in failed if stage.key not in watch.explained):
        say(line)
    bad_data = [
        stage.label for stage, record in failed if record not in others
    ]  # with their causes
    names = f" ({'; '.join(bad_data)})" if bad_data else ""
    say(
        f"{len(failed)} of {len(stages)} stages failed{names} and {len(lost) - len(failed)} that "
        f"need them were skipped{rows}; fix the cause, then add --retry failed"
    )
    raise typer.Exit(2 if bad_data and not others and not has_rows else 1)


def write_page(
    session: "Session",
    rows: "pd.DataFrame",
    out: Path | None,
    command: str,
    language: str = "en",
    spread: "Spread" = "interval",
    foreign: Sequence[Path] = (),
) -> Path:
    """Write the report and return its page; ``command`` is what makes the rows again."""
    from mae_bench import api
    from mae_bench.cli.show import say

    if left := session.counts().left:
        say(f"warning: {left}")
    return api.write_page(
        session, rows, out, command, language=language, spread=spread, foreign=foreign
    )


def print_summary(session: "Session", rows: "pd.DataFrame") -> None:
    """Print the scores in the reference setting, the claims, and the headline."""
    from mae_bench.analysis.edges import edge_table
    from mae_bench.analysis.report import summary
    from mae_bench.cli.show import lines, table
    from mae_bench.planning.reading import unread_pairs
    from mae_bench.runner.claim_record import when_written

    unread = unread_pairs(session.study)
    written = when_written(session.study, session.store, set(rows["arm"]))
    scores = summary(rows, session.study, unread, written)
    table(
        scores.setting,
        ["arm", *scores.tasks],
        [
            [
                arm,
                *(f"{c.text} {c.word}" for c in (scores.cells[arm, task] for task in scores.tasks)),
            ]
            for arm in scores.arms
        ],
    )
    for claim in scores.claims:
        lines([f"{claim.word}: {claim.claim.sentence}"])
    lines([scores.headline])
    if edges := edge_table(rows):
        lines([edges.caption])
