"""The verb that reproduces: one packaged file for each claim of a paper, at a scale."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mae_bench.cli.options import Flags, Out, with_flags

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name that `list papers` shows, such as mae/speed.")
]
SMALL = "cpu"
PLANNED = "paper"


@with_flags
def reproduce(name: Name, flags: Flags, out: Out = None) -> None:
    """Test a paper's claim and show its numbers beside those measured here; or a packaged finding.

    Scales: cpu (minutes on two cores; the one unless another is named), gpu, or paper (planned,
    never run).
    """
    from mae_bench.cli.reading import show_plan
    from mae_bench.cli.running import finish, print_summary, run_stages, write_page
    from mae_bench.cli.show import say
    from mae_bench.errors import SpecError
    from mae_bench.planning.packaged import find_paper, kind_of

    flags.check()
    flags = replace(flags, scale=flags.scale or SMALL)
    path = find_paper(name)
    if kind_of(path) == "speed":
        if flags.workers is not None:
            raise SpecError(
                f"--workers has no meaning for {name}, got {flags.workers}: its steps are timed "
                "with one thread in one process; leave it out"
            )
        _speed(path, name, flags, out)
        return
    session = flags.open(str(path))
    if session.asked.expectation:
        say(" ".join(session.asked.expectation.split()))
    if flags.scale == PLANNED:
        show_plan(session)
        say("this scale is planned and priced, never run")
        return
    watch, rows = run_stages(session, None)
    page = write_page(session, rows, out, flags.command("reproduce", name))
    print_summary(session, rows)
    typer.echo(f"report: {page}")
    finish(session, watch, session.plan.stages, has_rows=True)


def _speed(path: Path, name: str, flags: Flags, out: Path | None) -> None:
    """Time steps, or price them where the scale is only planned."""
    from mae_bench.runner.memory import keep_freed_memory

    keep_freed_memory()  # before torch is imported

    from mae_bench.analysis.folder import check_target
    from mae_bench.analysis.provenance import collect_provenance
    from mae_bench.analysis.speed import judge, write_speed_report
    from mae_bench.cli.interrupts import interruptible
    from mae_bench.cli.show import lines, number, say, table
    from mae_bench.contract.step_time import measure, priced, published_cells
    from mae_bench.planning.study import load_speed
    from mae_bench.runner.devices import chosen_device
    from mae_bench.store.store import Store

    spec = load_speed(path, flags.overrides or (), flags.scale)
    if spec.expectation:
        say(" ".join(spec.expectation.split()))
    if flags.scale == PLANNED:
        cells = [cell for shape in spec.shapes for cell in priced(spec, shape)]
        rows = [
            [c.shape, f"{c.mask_ratio:g}", str(c.decoder_layers), number(c.flops),
             f"{c.predicted:.2f}"]
            for c in cells
        ]  # fmt: skip
        columns = ["shape", "mask ratio", "decoder layers", "FLOPs a step", "of the mlm's"]
        table("by the formula", columns, rows)
        say("this scale is priced, never run")
        return
    folder = out or Store(flags.home).study(spec.name) / "report"
    check_target(folder)  # before minutes are spent

    def show(done: float, total: float, note: str = "") -> None:
        say(note)

    with interruptible():
        cells = measure(spec, chosen_device(flags.device), show)
    provenance = collect_provenance(flags.command("reproduce", name))
    page = write_speed_report(spec, cells, published_cells(spec), folder, provenance)
    lines(f"{verdict.outcome}: {verdict.sentence}" for verdict in judge(spec, cells))
    typer.echo(f"report: {page}")
