"""The verbs that read: list, plan, status."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mae_bench.cli.options import AsJson, DataDir, Flags, StudyName, with_flags
from mae_bench.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mae_bench.planning.detects import Detectable
    from mae_bench.planning.estimate import ArmCost
    from mae_bench.planning.plan import Plan
    from mae_bench.runner.session import Session
    from mae_bench.specs import Study

KINDS = (
    "objectives",
    "maskings",
    "backbones",
    "tasks",
    "kinds",
    "corpora",
    "protocols",
    "metrics",
    "noises",
    "executors",
    "suites",
    "papers",
    "study",
)


def list_parts(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what can be named in a study."""
    from mae_bench.cli.catalogue import cell, heading, parts, table_columns
    from mae_bench.cli.show import table
    from mae_bench.data.sources import data_dir as find_data_dir
    from mae_bench.errors import UnknownNameError, near_match

    if kind is not None and kind not in KINDS:
        known = ", ".join(KINDS)
        raise UnknownNameError(f"cannot list '{kind}'; known: {known}.{near_match(kind, KINDS)}")
    data = find_data_dir(data_dir) if kind in (None, "tasks") else None
    parts_by_kind = {name: parts(name, data) for name in ([kind] if kind else KINDS)}
    if as_json:
        _print_json(parts_by_kind[kind] if kind else parts_by_kind)
        return
    for name, lines in parts_by_kind.items():
        columns = table_columns(name, lines[0]) if lines else ["name"]
        rows = [[cell(c, line[c]) for c in columns] for line in lines]
        table(name, [heading(c) for c in columns], rows, has_title=kind is None)


@with_flags
def plan(study: StudyName, flags: Flags, as_json: AsJson = False) -> None:
    """Show what a study asks for and what it will cost; run nothing."""
    show_plan(flags.open(study), as_json)


def show_plan(session: "Session", as_json: bool = False) -> None:
    """Print what a session's study asks for and what it will cost."""
    from mae_bench.api import planned
    from mae_bench.cli.show import lines, number, size, table
    from mae_bench.cli.speed import calibrated_text, run_text
    from mae_bench.cli.task_list import PLANNED, planned_line
    from mae_bench.cli.tuning import tuning_text

    made = planned(session)
    if as_json:
        _print_json(made.as_dict())
        return
    counts, costs, asked = made.counts, made.estimate, made.plan.study
    rows = [
        [kind, str(c["all"]), str(c["done"]), str(c["failed"])] for kind, c in costs.stages.items()
    ]
    table("stages", ["kind", "all", "done", "failed"], rows)
    if made.tasks:
        table("tasks", PLANNED, map(planned_line, made.tasks))
    arms = [
        [
            a.label,
            number(a.steps),
            number(a.tokens),
            number(a.whole_flops),
            f"{a.relative_flops:.2f}",
        ]
        for a in costs.arms
    ]
    columns = ["arm", "steps", "tokens", "FLOPs", "relative FLOPs (per token, mlm 15% = 1)"]
    table("one pretraining of each arm", columns, arms)
    lines(
        [
            f"study      {asked.name}: {_arms(asked)} and {_floors(made.plan)}, "
            f"{counts.cells:,} cells, {counts.cells_done:,} done, {counts.cells_failed:,} failed",
            f"home       {made.home}",
            *(f"reads      {text}" for text in made.own_tasks),
            *([f"tuning     {tuning_text(made.tuning, made.num_workers)}"] if made.tuning else []),
            *_teachers(costs.arms),
            f"pretrain   {number(costs.flops)} FLOPs in all",
            f"to run     {run_text(made)}",
            *(f"timed      {text}" for text in calibrated_text(costs.speed)),
            f"will use   {size(costs.disk_bytes)} more of the disk",
            f"detects    {_power(costs.detectable, len(asked.seeds))}",
            *(f"assumes    {text}" for text in costs.assumptions),
            *(f"warning    {text}" for text in made.warnings),
        ]
    )


def _arms(study: "Study") -> str:
    pretrained = f"{counted(len(study.objectives), 'arm')} (with random_init)"
    outside = f"{counted(len(study.encoders), 'encoder')} from outside"
    named = {pretrained: study.objectives, outside: study.encoders}
    return ", ".join(text for text, arms in named.items() if arms)


def _floors(plan: "Plan") -> str:
    """Return how many floors the plan has: those that can read one of its tasks."""
    labels = {cell.arm.label for cell in plan.cells if cell.is_floor}
    return f"{counted(len(labels), 'floor')} without an encoder" if labels else "no floor"


def _power(families: "Sequence[Detectable]", num_seeds: int) -> str:
    """Return in words the smallest differences that the study's tests would see."""
    from mae_bench.specs import MIN_SEEDS

    if not families:
        missing = f"nothing: a verdict needs {MIN_SEEDS} seeds"
        return missing if num_seeds < MIN_SEEDS else "nothing: there is nothing to compare"
    effects = [f"{f.effect:.2f} in {f.family} ({counted(f.num_tests, 'test')})" for f in families]
    ratios = [f.spread_ratio for f in families if f.spread_ratio is not None]
    spreads = "".join(f"; of claims on spread, a ratio of {ratio:.1f}" for ratio in ratios)
    return (
        f"with 80% power at {counted(num_seeds, 'seed')}, a mean difference between two arms of at "
        f"least this many times its spread (standard deviation) from seed to seed: "
        f"{', '.join(effects)}{spreads}"
    )


@with_flags
def status(study: StudyName, flags: Flags, as_json: AsJson = False) -> None:
    """Show how far a study is, what is running and what has failed."""
    from mae_bench.cli.show import by_cause, lines
    from mae_bench.planning.warnings import empty_steps, prepared_warnings
    from mae_bench.store.leases import holder

    session = flags.open(study)
    counts, store = session.counts(), session.store
    warnings = [
        *prepared_warnings(session.plan, store, session.data_dir),
        *empty_steps(session.plan, store),
    ]
    running, failed = [], []
    for stage in session.plan.stages:
        if held := holder(store.home / "leases", *stage.key):
            running.append({"stage": stage.label, "pid": held["pid"], "host": held["host"]})
        elif record := None if store.is_done(*stage.key) else store.failure(*stage.key):
            failed.append({"stage": stage.label, **record})
    rows = session.folder / "results.parquet"
    if as_json:
        content: dict[str, Any] = {
            "study": session.asked.name,
            "home": str(store.home),
            "rows": str(rows) if rows.exists() else None,
            "is_finished": counts.is_finished,
            **dataclasses.asdict(counts),
            "running": running,
            "failures": failed,
            "changed_fields": session.changes(),
            "warnings": warnings,
        }
        _print_json(content)
        return
    lines(
        [
            f"{session.asked.name}: {counts.done} of {counts.stages} stages done, "
            f"{counts.failed} failed or blocked; {counts.cells_done} of {counts.cells} cells done",
            *(f"running  {item['stage']} (process {item['pid']})" for item in running),
            *by_cause(failed),
            *(f"warning  {text}" for text in warnings),
            *(
                [f"changed since its last run here: {', '.join(session.changes())}"]
                if session.changes()
                else []
            ),
            f"rows     {rows}" if rows.exists() else "rows     none yet",
        ]
    )


def _teachers(arms: "list[ArmCost]") -> list[str]:
    taught = [a.label for a in arms if a.teacher_pretrain_flops]
    if not taught:
        return []
    return [
        f"teachers   the FLOPs of {', '.join(taught)} hold a teacher's pretraining; the "
        "relative ones are of its own steps alone"
    ]


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=1, allow_nan=False))
