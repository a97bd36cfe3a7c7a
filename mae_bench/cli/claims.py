"""The verb that judges: one line a claim, and an exit code that a script can go by."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from mae_bench.cli.options import AsJson, Flags, StudyName, with_flags

if TYPE_CHECKING:
    from mae_bench.analysis.verdicts import Verdict

REFUTED, UNDECIDED = 3, 4  # exit codes; 1 and 2 mean what they mean of any verb


@with_flags
def claims(study: StudyName, flags: Flags, as_json: AsJson = False) -> None:
    """Judge the claims of a study: exit 0 if all are supported, 3 if any is refuted, else 4."""
    from mae_bench.analysis.dates import dates_sentence
    from mae_bench.cli.show import say, table

    verdicts = _verdicts(study, flags)
    if as_json:
        content = {"claims": [v.as_json() | {"word": v.word} for v in verdicts]}
        typer.echo(json.dumps(content, indent=1, allow_nan=False))
    else:
        columns = ["verdict", "number", "95% interval", "unit", "seeds", "claim", "reason"]
        table("claims", columns, map(_line, verdicts))
        if dates := dates_sentence(verdicts):
            say(dates)
    outcomes = {verdict.outcome for verdict in verdicts}
    if outcomes != {"supported"}:
        raise typer.Exit(REFUTED if "refuted" in outcomes else UNDECIDED)


def _line(verdict: "Verdict") -> Sequence[str]:
    from mae_bench.analysis.units import note

    return (
        verdict.word,
        f"{verdict.quantity} {verdict.text(verdict.difference)}",
        verdict.interval_text(verdict.low, verdict.high),
        note(verdict.measure) or verdict.measure.unit,
        f"{verdict.n} of {verdict.num_seeds}",
        verdict.claim.sentence,
        verdict.reason,
    )


def _verdicts(study: str, flags: Flags) -> "list[Verdict]":
    """Return the verdicts of the claims of a study at a home.

    Raises:
        SpecError: it has none.
        DataError: nothing of it is done.
    """
    from mae_bench.analysis.claims import judge_claims
    from mae_bench.analysis.dates import dated
    from mae_bench.analysis.rows import read_metrics, read_scores
    from mae_bench.errors import SpecError
    from mae_bench.planning.study import load_study
    from mae_bench.runner.claim_record import when_written
    from mae_bench.runner.finished_study import finished_study
    from mae_bench.runner.noted_data import data_dir_at
    from mae_bench.store.store import Store

    loaded = load_study(study, flags.overrides or (), flags.scale)
    if not loaded.claims:
        raise SpecError(
            f"study '{loaded.name}' has no claims to judge; write some under claims:, or read its "
            "report"
        )
    store = Store(flags.home)
    kept = finished_study(store, loaded, data_dir_at(store, flags.data_dir))
    if kept is not None:
        full, rows, unread = kept.study, kept.rows, kept.unread
    else:
        from mae_bench.api import finished_rows
        from mae_bench.planning.reading import unread_pairs

        session = flags.open(study)
        full, rows, unread = session.study, finished_rows(session), unread_pairs(session.study)
    scores, others = read_scores(rows, full, unread), read_metrics(rows, full, (), unread)
    verdicts = judge_claims(full, scores, others, rows)
    return dated(verdicts, when_written(full, store, set(rows["arm"])))
