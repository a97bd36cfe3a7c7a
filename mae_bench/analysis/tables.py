"""Tables of text: what a reader sees, the same in HTML, Markdown, LaTeX and CSV.

A cell is never blank: it holds a score, "failed (k of n)", "not run" or "none".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mae_bench.analysis.markup import latex, markdown
from mae_bench.analysis.scores import Cell, Scores, Setting, aggregate
from mae_bench.analysis.verdicts import Verdict, probability_text
from mae_bench.measures import PLAIN, TIMES, Measure, measure_of

COLLAPSE_MARK = "†"
MAX_UNBROKEN = 18  # characters of a cell that stand in one line; longer ones are broken
PHONE_CHARACTERS = 48  # across, on the narrowest phones


@dataclass(frozen=True)
class Table:
    """Text cells under a caption; the first column names the row."""

    slug: str
    caption: str
    frame: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write ``<slug>.csv``, ``.md`` and ``.tex``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.frame.to_csv(folder / f"{self.slug}.csv", index=False)
        lines = self._in(markdown).to_markdown(index=False, disable_numparse=True)
        text = f"{markdown(self.caption)}\n\n{lines}\n"
        (folder / f"{self.slug}.md").write_text(text, "utf-8")
        (folder / f"{self.slug}.tex").write_text(self.latex(), "utf-8")

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than a phone; cells up to `MAX_UNBROKEN` are kept on one line."""
        lines = [[str(name)] for name in self.frame.columns]
        for column, words in enumerate(lines):
            words[:] = words[0].split()  # a heading breaks between its words
            words += (str(cell)[:MAX_UNBROKEN] for cell in self.frame.iloc[:, column])
        return sum(max(map(len, words)) + 2 for words in lines) > PHONE_CHARACTERS

    def latex(self) -> str:
        """Return a LaTeX table with booktabs rules."""
        style = self._in(latex).style.hide(axis="index")
        caption = latex(self.caption)
        return str(style.to_latex(hrules=True, caption=caption, label=f"tab:{self.slug}"))

    def _in(self, escape: Callable[[str], str]) -> pd.DataFrame:
        """Return cells and headings in a markup."""
        frame = self.frame.map(lambda cell: escape(str(cell)))
        return frame.set_axis([escape(str(name)) for name in frame.columns], axis=1)


def score_text(cell: Cell | None, num_seeds: int, *, says_labels: bool = False) -> str:
    """Return a score with half its interval, its n where seeds lack, and its marks.

    Where it ``says_labels``, it says how many it learned from, if any.
    """
    if cell is None:
        return "not run"
    if cell.n == 0:
        return f"failed ({cell.num_failed} of {num_seeds})" if cell.num_failed else "not run"
    text = cell.measure.number(cell.mean)
    if cell.n > 1:
        text += f" ± {cell.measure.number((cell.high - cell.low) / 2)}"
    notes = []
    if cell.n < num_seeds:
        notes.append(f"n={cell.n}")
    if cell.num_failed:
        notes.append(f"failed {cell.num_failed} of {num_seeds}")
    if says_labels and cell.n_train:
        notes.append(f"{cell.n_train:,} labels")
    if notes:
        text += f" ({', '.join(notes)})"
    if cell.num_collapsed:
        text += f" {COLLAPSE_MARK}{cell.num_collapsed}"
    return text


def score_table(scores: Scores, setting: Setting) -> Table:
    """Return arms by tasks in one setting; first the floors that read one of them."""
    tasks = scores.tasks_in(setting)
    metrics = {task: _metric(scores, task, setting) for task in tasks}
    shared = scores.shared_measure(setting)
    averaged = shared if len(tasks) > 1 else None  # what a mean of tasks is of
    records = []
    for arm in scores.arms:
        if arm.role == "floor" and not any((arm.label, t, setting) in scores.cells for t in tasks):
            continue  # it reads none of these tasks
        record = {"arm": arm.shown}
        for task in tasks:
            cell = scores.cells.get((arm.label, task, setting))
            text = score_text(cell, len(scores.seeds), says_labels=setting.is_unlabelled)
            record[f"{task} ({metrics[task]})"] = text
        if averaged is not None:
            whole = aggregate(scores, arm.label, setting)
            record["mean of tasks"] = aggregate_text(whole, "mean", "", len(scores.seeds), averaged)
            record["IQM"] = aggregate_text(whole, "iqm", "iqm_", len(scores.seeds), averaged)
        records.append(record)
    scale = f" {TIMES} {shared.factor}" if shared and shared.factor != 1 else ""
    if shared is None:
        scale = f", those in points {TIMES} {PLAIN.factor},"
    caption = (
        f"Scores{scale} ± half of the 95% interval over seeds; {setting.label}; "
        f"n = {len(scores.seeds)} unless a cell says otherwise. "
        f"{COLLAPSE_MARK}k: k collapsed runs, which stay in the mean."
        + (" IQM: interquartile mean over seeds and tasks." if averaged else "")
        + (" A floor that learned from labels says how many." if setting.is_unlabelled else "")
    )
    return Table(f"scores-{setting.slug}", caption, pd.DataFrame(records))


def _metric(scores: Scores, task: str, setting: Setting) -> str:
    metric = scores.metric(task, setting)
    return "not run" if metric is None else measure_of(metric).described(metric)


def aggregate_text(
    whole: Mapping[str, float], name: str, prefix: str, num_seeds: int, measure: Measure
) -> str:
    """Return a mean over tasks with half its interval, and its n where seeds lack."""
    if not whole["n"]:
        return "incomplete"
    text = measure.number(whole[name])
    if whole["n"] > 1:
        text += f" ± {measure.number((whole[prefix + 'high'] - whole[prefix + 'low']) / 2)}"
    return text if whole["n"] == num_seeds else f"{text} (n={whole['n']:.0f})"


def scores_long(scores: Scores) -> pd.DataFrame:
    """Return every cell as numbers, one line each."""
    records = []
    for (arm, task, setting), cell in scores.cells.items():
        records.append(
            {
                "arm": arm,
                "task": task,
                "protocol": setting.protocol,
                "train_size": setting.train_size,
                "noise": setting.noise.label,
                "corpus_tokens": setting.corpus_tokens,
                "pretrain_ratio": setting.pretrain_ratio,
                "metric": cell.metric,
                "mean": cell.mean,
                "low": cell.low,
                "high": cell.high,
                "n": cell.n,
                "num_failed": cell.num_failed,
                "num_collapsed": cell.num_collapsed,
                "n_train": cell.n_train,
            }
        )
    return pd.DataFrame(records)


def si(value: float, unit: str = "") -> str:
    """Return three digits and an SI prefix: ``4.19 M``, ``1.2 PFLOP``."""
    if not np.isfinite(value):
        return "not recorded"
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            return f"{value / 10**power:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def whole_number(value: float) -> str:
    """Return a number without decimals, its thousands set apart."""
    return f"{value:,.0f}" if np.isfinite(value) else "not recorded"


def difference(value: float, measure: Measure) -> str:
    """Return a difference with its sign, in the unit of its metric."""
    return measure.number(value, is_signed=True)


def interval(low: float, high: float, measure: Measure) -> str:
    """Return ``[low, high]`` of a difference."""
    if not np.isfinite(low):
        return "no interval"
    return f"[{difference(low, measure)}, {difference(high, measure)}]"


def p_text(p: float) -> str:
    """Return a p-value with its leading zero dropped."""
    if not np.isfinite(p):
        return "none"
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def verdict_table(verdicts: Sequence[Verdict], slug: str, caption: str) -> Table:
    """Return one line a claim, with everything its verdict rests on."""
    records = []
    for verdict in verdicts:
        claim, measure = verdict.claim, verdict.measure
        lost = verdict.losses.sentence(claim.treatment, claim.control)
        seeds = f"{verdict.n} of {verdict.num_seeds}"
        records.append(
            {
                "claim": claim.sentence,
                "verdict": verdict.word,
                "difference": verdict.text(verdict.difference),
                "95% interval": verdict.interval_text(verdict.low, verdict.high),
                "median": verdict.text(verdict.median),
                "IQM": verdict.text(verdict.iqm),
                "unit": measure.note or measure.unit,
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
    caption = f"{int(failed.sum())} failed and {int(collapsed.sum())} collapsed rows."
    if plateau.any():
        caption += (
            f" {int(plateau.sum())} kept: the pretraining loss is no lower for reading, "
            "but the encoder tells left-out words better than before training."
        )
    return Table("failures", caption, frame.astype(str))


def tuning_table(trials: Sequence[Mapping[str, object]], edges: str) -> Table:
    """Return the tuning summary as text; ``edges`` is the sentence that ends its caption."""
    frame = pd.DataFrame(list(trials)).astype(object)
    frame = frame.where(frame.notna(), "none").map(
        lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    )
    caption = "Tuning: the same trials and budget for every objective, test unread."
    return Table("tuning", f"{caption} {edges}".rstrip(), frame)
