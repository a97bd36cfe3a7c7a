"""When the claims of verdicts were written: before any row of their study was there, or after."""

from collections.abc import Sequence
from dataclasses import replace

from mae_bench.analysis.verdicts import Verdict
from mae_bench.plurals import counted
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
    parts = []
    if late:
        parts.append(
            f"Post hoc: {late} of {counted(len(verdicts), 'claim')} "
            f"{'was' if late == 1 else 'were'} added or changed when rows of this study were "
            "there, so that whoever wrote them may have seen the answer."
        )
    if unknown:
        parts.append(
            f"When {unknown} of {counted(len(verdicts), 'claim')} "
            f"{'was' if unknown == 1 else 'were'} written is not known: this home was made before "
            "it was recorded."
        )
    return " ".join(parts)
