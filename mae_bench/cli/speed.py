"""The verb that times a study's work on this machine, and what `plan` says of that."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mae_bench.cli.interrupts import interruptible
from mae_bench.cli.options import AsJson, Flags, StudyName, with_flags
from mae_bench.plurals import counted

if TYPE_CHECKING:
    from mae_bench.api import PlannedStudy
    from mae_bench.planning.expectation import Speed

LIMIT_S = 30.0
_MOST_SHOWN = 8  # rates of pretrainings
Limit = Annotated[
    float,
    typer.Option("--seconds", help="About how long it may take once the data are prepared.", min=1),
]


@with_flags
def calibrate(
    study: StudyName, flags: Flags, limit_s: Limit = LIMIT_S, as_json: AsJson = False
) -> None:
    """Time the work of a study on this machine, for `plan`; prepares its data first."""
    from mae_bench.cli.show import lines, say
    from mae_bench.cli.watch import Watch
    from mae_bench.runner.calibrating import calibrate as time_work
    from mae_bench.runner.calibrating import ready_first

    flags.check()
    session = flags.open(study)

    def show(done: float, total: float, note: str = "") -> None:
        say(f"[{done:.0f}/{total:.0f}] {note}")

    with interruptible(), Watch(session, ready_first(session.plan)) as watch:
        new, path = time_work(session, limit_s, watch, show)
    if as_json:
        typer.echo(json.dumps({"file": str(path), **new.model_dump(mode="json")}, indent=1))
        return

    from mae_bench.api import planned

    made = planned(session)
    lines(
        [
            f"kept       {path}",
            *(f"timed      {text}" for text in calibrated_text(made.estimate.speed)),
            f"to run     {run_text(made)}",
        ]
    )


def run_text(made: "PlannedStudy") -> str:
    """Return how long a run takes, with how many workers, and from what that is known."""
    from mae_bench.cli.show import duration

    workers = counted(made.num_workers, "worker")
    return f"{duration(made.estimate.run_s)} with {workers} ({known_by(made.estimate.speed)})"


def known_by(speed: "Speed") -> str:
    """Return in words from what a plan's time is known."""
    if not speed.is_measured:
        return (
            "a rough guess: nothing was timed on this machine; `mae-bench calibrate STUDY` times "
            f"its work in about {LIMIT_S:.0f} s"
        )
    timed, scaled = speed.timed_ratio, speed.scaled_ratio
    parts = {
        "from stages of the same sort timed on this machine": timed,
        "from others of their protocol": scaled,
        "a rough guess": 1 - timed - scaled,
    }
    shown = {text: share for text, share in parts.items() if share >= 0.005}
    if len(shown) == 1:
        return next(iter(shown))
    return ", ".join(f"{share:.0%} {text}" for text, share in shown.items())


def calibrated_text(speed: "Speed") -> list[str]:
    """Return lines on what was calibrated; one on why a calibration is not used."""
    if speed.note:
        return [speed.note]
    if speed.calibrated is None:
        return []
    rates = [f"{label} {rate:,.0f} tokens/s" for label, rate in speed.tokens_per_s.items()]
    more = len(rates) - _MOST_SHOWN
    shown = [*rates[:_MOST_SHOWN], *([f"{more} more"] if more > 0 else [])]
    return [
        f"last on {speed.calibrated} by `mae-bench calibrate`, which renews it, on "
        f"{speed.machine}: {''.join(f'{text}; ' for text in shown)}a worker starts in "
        f"{speed.start_s:.1f} s and takes {speed.crowding:.2f} times as long when every "
        "core has one"
    ]
