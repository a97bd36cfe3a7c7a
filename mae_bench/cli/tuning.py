"""The verb that tunes, and what the other verbs say of tuning."""

import json
from typing import TYPE_CHECKING, Any

import typer

from mae_bench.cli.interrupts import interruptible
from mae_bench.cli.options import AsJson, Flags, Retry, StudyName, is_retry, with_flags
from mae_bench.plurals import counted

if TYPE_CHECKING:
    from mae_bench.runner.session import Session
    from mae_bench.tuning import Outcome


@with_flags
def tune(study: StudyName, flags: Flags, retry: Retry = None, as_json: AsJson = False) -> None:
    """Tune every arm by equal trials; `run` does it first where that is not done."""
    from mae_bench.cli.show import duration, number, say, table

    session = flags.open(study)
    outcome, num_run = _tune(session, is_retry(retry))
    if as_json:
        content = {
            "study": session.asked.name,
            "home": str(session.store.home),
            **outcome.model_dump(mode="json"),
        }
        typer.echo(json.dumps(content, indent=1, allow_nan=False))
    else:
        columns = ["arm", "chosen", "selection value", "trials", "failed", "FLOPs", "time"]
        rows = [
            [
                label,
                arm.chosen_text,
                "none" if arm.value is None else f"{arm.value:.3f}",
                str(len(arm.trials)),
                str(arm.num_failed),
                number(arm.flops),
                duration(arm.seconds),
            ]
            for label, arm in outcome.arms.items()
        ]
        table("tuning", columns, rows)
    if not num_run:
        say(f"nothing to do: '{session.asked.name}' is tuned")
    if outcome.edge_sentence:
        say(outcome.edge_sentence)
    lost = [label for label, arm in outcome.arms.items() if arm.trials and arm.value is None]
    for label in lost:
        reason = outcome.arms[label].trials[0].failure
        say(f"failed: every trial of '{label}', the first because: {reason}")
    if lost:
        raise typer.Exit(1)


def tune_first(session: "Session", is_again: bool) -> None:
    """Tune before a run, if the study asks for it and it is not done."""
    from mae_bench.cli.show import say
    from mae_bench.tuning import load_outcome

    if load_outcome(session) is not None:
        return
    say(f"'{session.asked.name}' is not tuned yet; its trials come first")
    outcome, _ = _tune(session, is_again)
    for label, arm in outcome.arms.items():
        failed = f"; {counted(arm.num_failed, 'trial')} failed" if arm.num_failed else ""
        say(f"tuned {label}: {arm.chosen_text} ({counted(len(arm.trials), 'trial')}{failed})")
    if outcome.edge_sentence:
        say(outcome.edge_sentence)


def tuning_text(facts: dict[str, Any], num_workers: int) -> str:
    """Return the line of `plan` on tuning."""
    from mae_bench.cli.show import duration, number

    trials = f"{counted(facts['trials'], 'trial')} an arm"
    if facts["is_finished"]:
        return f"finished: {trials}; its choice is in this plan"
    return (
        f"not done: {trials}, about {number(facts['flops'])} FLOPs and "
        f"{duration(facts['seconds'] / num_workers)}; this plan has the study's own options"
    )


def _tune(session: "Session", is_again: bool) -> tuple["Outcome", int]:
    """Tune; return the outcome and the number of stages that were run."""
    from mae_bench.cli.watch import Watch
    from mae_bench.tuning import tune as tune_session

    with interruptible(), Watch(session, ()) as watch:
        outcome = tune_session(session, watch, watch.expect, is_again)
    return outcome, watch.num_run
