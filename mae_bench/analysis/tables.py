"""Tables of text: what a reader sees, the same in HTML, Markdown, LaTeX and CSV.

A cell is never blank: it holds a score, "failed (k of n)", "not run" or "none".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mae_bench.analysis.formats import to_csv, to_latex, to_markdown
from mae_bench.analysis.messages import joined, message, word
from mae_bench.analysis.units import note
from mae_bench.analysis.verdicts import Verdict, probability_text
from mae_bench.measures import Measure

MAX_UNBROKEN = 18  # characters of a cell that stand in one line; longer ones are broken
PHONE_CHARACTERS = 48  # across, on the narrowest phones


@dataclass(frozen=True)
class Table:
    """Text cells under a caption; the first column names the row.

    Attributes:
        notes: sentences below it: what its numbers and marks are.
        bold: (line, column) of cells whose number stands out.
        rule_after: lines above a rule of their own; 0 for none.
        is_of_scores: whether its columns are alike, so that it may be turned on its side.
    """

    slug: str
    caption: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    bold: frozenset[tuple[int, int]] = frozenset()
    rule_after: int = 0
    is_of_scores: bool = False

    def save(self, folder: Path) -> None:
        """Write ``<slug>.csv``, ``.md`` and ``.tex``."""
        folder.mkdir(parents=True, exist_ok=True)
        for ending, text in (("csv", to_csv), ("md", to_markdown), ("tex", to_latex)):
            (folder / f"{self.slug}.{ending}").write_text(text(self), "utf-8")

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than a phone; cells up to `MAX_UNBROKEN` are kept on one line."""
        lines = [[str(name)] for name in self.frame.columns]
        for column, words in enumerate(lines):
            words[:] = words[0].split()  # a heading breaks between its words
            words += (str(cell)[:MAX_UNBROKEN] for cell in self.frame.iloc[:, column])
        return sum(max(map(len, words)) + 2 for words in lines) > PHONE_CHARACTERS


def si(value: float, unit: str = "") -> str:
    """Return three digits and an SI prefix: ``4.19 M``, ``1.2 PFLOP``."""
    if not np.isfinite(value):
        return message("cell.not_recorded")
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            return f"{value / 10**power:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def whole_number(value: float) -> str:
    """Return a number without decimals, its thousands set apart."""
    return f"{value:,.0f}" if np.isfinite(value) else message("cell.not_recorded")


def difference(value: float, measure: Measure) -> str:
    """Return a difference with its sign, in the unit of its metric."""
    return measure.number(value, is_signed=True)


def interval(low: float, high: float, measure: Measure) -> str:
    """Return ``[low, high]`` of a difference."""
    if not np.isfinite(low):
        return message("cell.no_interval")
    return f"[{difference(low, measure)}, {difference(high, measure)}]"


def p_text(p: float) -> str:
    """Return a p-value with its leading zero dropped."""
    if not np.isfinite(p):
        return message("cell.none")
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def verdict_table(verdicts: Sequence[Verdict], slug: str, caption: str) -> Table:
    """Return one line a claim, with everything its verdict rests on."""
    records = []
    for verdict in verdicts:
        claim, measure = verdict.claim, verdict.measure
        lost = verdict.losses.sentence(*claim.sides)
        seeds = message("cell.of", n=verdict.n, all=verdict.num_seeds)
        records.append(
            {
                "claim": claim.sentence,
                "verdict": verdict.word,
                "difference": verdict.text(verdict.difference),
                "95% interval": verdict.interval_text(verdict.low, verdict.high),
                "median": verdict.text(verdict.median),
                "IQM": verdict.text(verdict.iqm),
                "unit": note(measure) or word("unit", measure.unit),
                "test": claim.test.replace("_", "-"),
                "margin": measure.number(claim.margin),
                "seeds": f"{seeds} ({lost})" if lost else seeds,
                "P(better)": probability_text(verdict.better),
                "equal within": measure.number(verdict.equal_within),
                "p family-wise": p_text(verdict.p_family),
                "p alone": p_text(verdict.p),
                "FDR": p_text(verdict.q),
                "smallest detectable": measure.number(verdict.detectable),
            }
        )
    return Table(slug, caption, pd.DataFrame(records))


def failure_table(rows: pd.DataFrame) -> Table | None:
    """Return failed and collapsed cells and those after a plateau, with reasons; None for none."""
    failed = rows["failure"].notna()
    collapsed = rows["is_collapsed"].fillna(False).astype(bool) & ~failed
    plateau = rows["plateau"].astype(object).fillna("").astype(str).ne("") & ~failed & ~collapsed
    is_listed = failed | collapsed | plateau
    if not is_listed.any():
        return None
    chosen = rows[is_listed].copy()
    chosen.insert(1, "what", "kept")
    chosen["reason"] = chosen["plateau"].astype(str)
    for what, is_so, column in (
        ("collapsed", collapsed, "collapse"),
        ("failed", failed, "failure"),
    ):
        chosen.loc[is_so[is_listed], "what"] = what
        chosen.loc[is_so[is_listed], "reason"] = chosen[column].astype(str)
    keys = ["arm", "what", "task", "protocol", "train_size", "noise", "reason"]
    grouped = chosen.groupby(keys, sort=False)["seed"].agg(
        lambda seeds: ", ".join(str(seed) for seed in sorted(set(seeds)))
    )
    frame = grouped.reset_index().rename(columns={"seed": "seeds", "train_size": "size"})
    frame = frame[["arm", "what", "task", "protocol", "size", "noise", "seeds", "reason"]]
    parts = [message("failures.caption", failed=int(failed.sum()), collapsed=int(collapsed.sum()))]
    if plateau.any():
        parts.append(message("failures.kept", n=int(plateau.sum())))
    return Table("failures", joined(parts), frame.astype(str))


def tuning_table(trials: Sequence[Mapping[str, object]], edges: str) -> Table:
    """Return the tuning summary as text; ``edges`` is the sentence that ends its caption."""
    frame = pd.DataFrame(list(trials)).astype(object)
    frame = frame.where(frame.notna(), "none").map(
        lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    )
    return Table("tuning", joined([message("tuning.caption"), edges]), frame)
