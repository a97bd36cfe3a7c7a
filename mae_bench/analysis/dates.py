"""When the claims of verdicts were written: before any row of their study was there, or after."""

from collections.abc import Sequence
from dataclasses import replace

from mae_bench.analysis.messages import joined, message
from mae_bench.analysis.tables import Table, verdict_table
from mae_bench.analysis.verdicts import Verdict
from mae_bench.specs import Written


def dated(verdicts: Sequence[Verdict], written: Sequence[Written]) -> list[Verdict]:
    """Return the verdicts of claims with when these were written, if that is told."""
    if not written:
        return list(verdicts)
    return [replace(v, written=when) for v, when in zip(verdicts, written, strict=True)]


def dates_sentence(verdicts: Sequence[Verdict]) -> str:
    """Return which claims were not, or may not have been, there before the rows; empty for none."""
    late = sum(verdict.written == "post hoc" for verdict in verdicts)
    unknown = sum(verdict.written == "unknown" for verdict in verdicts)
    all_ = len(verdicts)
    parts = [message("dates.late", n=late, all=all_)] if late else []
    parts += [message("dates.unknown", n=unknown, all=all_)] if unknown else []
    return joined(parts)


def claims_table(verdicts: Sequence[Verdict]) -> Table:
    """Return the claims of a study with everything their verdicts rest on."""
    caption = joined([message("heading.claims_written"), dates_sentence(verdicts)])
    return verdict_table(verdicts, "claims", caption)
