"""Fills the template of the report page: verdict grids, facts, notes and embedded figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import yaml
from markupsafe import Markup

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.score_tables import COLLAPSE_MARK, aggregate_text, score_text
from mae_bench.analysis.scores import COMPARED, Scores, Setting, aggregate
from mae_bench.analysis.scripts import content_policy, script
from mae_bench.analysis.stats import CUT
from mae_bench.analysis.summary import Word, outcome_word
from mae_bench.analysis.tables import (
    Table,
    difference,
    interval,
    p_text,
)
from mae_bench.analysis.templating import environment
from mae_bench.analysis.units import note
from mae_bench.measures import PLAIN
from mae_bench.specs import CORPUS, MIN_SEEDS, Study


@dataclass(frozen=True)
class GridCell:
    """One field of the verdict grid on the page."""

    word: Word
    main: str
    detail: str
    title: str


def verdict_grid(
    verdicts: Sequence[Verdict], scores: Scores, setting: Setting, against: str
) -> list[tuple[str, list[GridCell]]]:
    """Return a line of fields for each trained arm: the tasks, then their mean if judged."""
    by_pair = {(v.claim.treatment, v.claim.task): v for v in verdicts}
    tasks: list[str | None] = [*scores.tasks_in(setting)]
    if scores.mean_measure(setting) is not None:
        tasks.append(None)
    lines = []
    for arm in scores.of_role(*COMPARED):
        cells = []
        for task in tasks:
            verdict = by_pair.get((arm.label, task))
            if arm.label == against:
                cells.append(_control_cell(scores, arm.label, task, setting))
            elif verdict is not None:
                cells.append(_grid_cell(verdict))
        lines.append((arm.shown, cells))
    return lines


@dataclass(frozen=True)
class Standing:
    """How one arm stands against the control: a mark for each task, then the mean of them."""

    label: str
    marks: list[tuple[str, GridCell]]
    num_wins: int
    num_losses: int
    mean: GridCell | None


def standings(
    grid: Sequence[tuple[str, Sequence[GridCell]]], tasks: Sequence[str]
) -> tuple[list[Standing], int]:
    """Return the arms that win or lose anywhere, most wins first, and how many others there are."""
    standing = []
    for label, cells in grid:
        of_tasks, rest = cells[: len(tasks)], cells[len(tasks) :]
        words = [cell.word for cell in cells]
        if "wins" in words or "loses" in words:
            wins, losses = (sum(c.word == word for c in of_tasks) for word in ("wins", "loses"))
            marks = list(zip(tasks, of_tasks, strict=False))
            standing.append(Standing(label, marks, wins, losses, rest[0] if rest else None))
    is_control = [any(cell.word == "control" for cell in cells) for _, cells in grid]
    ranked = sorted(standing, key=lambda one: one.num_losses - one.num_wins)
    return ranked, len(grid) - len(standing) - sum(is_control)


def _control_cell(scores: Scores, arm: str, task: str | None, setting: Setting) -> GridCell:
    if task is None:
        whole = aggregate(scores, arm, setting)
        measure = scores.shared_measure(setting) or PLAIN
        mean = aggregate_text(whole, "mean", "", len(scores.seeds), measure)
        return GridCell("control", mean, message("page.controls_score"), "")
    text = score_text(scores.cells.get((arm, task, setting)), len(scores.seeds))
    return GridCell("control", text, message("page.controls_score"), "")


def _grid_cell(verdict: Verdict) -> GridCell:
    word = outcome_word(verdict)
    if verdict.outcome == "not run":
        failed = message("page.no_pairs")
        if verdict.num_failed:
            failed = message("page.runs_failed", n=verdict.num_failed)
        return GridCell("failed" if verdict.num_failed else word, failed, "", verdict.reason)
    notes = [f"n={verdict.n}"] if verdict.n < verdict.num_seeds else []
    if verdict.is_failure_bound:
        notes.append(message("page.failure_bound"))
    elif verdict.num_failed:
        notes.append(message("page.some_failed", n=verdict.num_failed))
    if verdict.num_collapsed:
        notes.append(f"{COLLAPSE_MARK}{verdict.num_collapsed}")
    detail = " ".join([interval(verdict.low, verdict.high, verdict.measure), *notes])
    title = message("page.title", reason=verdict.reason, p=p_text(verdict.p), n=verdict.n)
    return GridCell(word, difference(verdict.difference, verdict.measure), detail, title)


def grid_columns(scores: Scores, setting: Setting) -> tuple[str, ...]:
    """Return the headings of a verdict grid: the tasks, and how those not in points are read."""
    tasks = scores.tasks_in(setting)
    notes = [note(scores.measure(task, setting)) for task in tasks]
    names = [f"{task} ({text})" if text else task for task, text in zip(tasks, notes, strict=True)]
    has_mean = scores.mean_measure(setting) is not None
    return (*names, word("column", "mean of tasks")) if has_mean else tuple(names)


def units(scores: Scores, setting: Setting) -> str:
    """Return the units of a setting's differences, as in a sentence."""
    names = dict.fromkeys(scores.measure(task, setting).unit for task in scores.tasks_in(setting))
    return message("list.or").join(word("unit", name) for name in names)


@dataclass(frozen=True)
class SettingBlock:
    """One setting on the page: its verdict grid under its columns, and its tables of scores."""

    label: str
    columns: tuple[str, ...]
    grid: list[tuple[str, list[GridCell]]]
    table: Table
    secondary: Table | None = None


def claim_numbers(verdict: Verdict) -> str:
    """Return the numbers of a claim, and which side they are of."""
    treatment, control = verdict.claim.sides
    quantity = verdict.quantity
    if verdict.is_gain:
        quantity = message("references.minus", treatment=treatment, control=control)
    unit = note(verdict.measure) or word("unit", verdict.measure.unit)
    return message(
        "page.claim_numbers",
        quantity=quantity,
        number=verdict.text(verdict.difference),
        interval=verdict.interval_text(verdict.low, verdict.high),
        unit=message("page.unit", unit=unit),
    )


def study_notes(study: Study, scores: Scores) -> list[str]:
    """Return what a reader must know before believing a number."""
    notes = []
    is_world = study.corpus.sources == ("world",)
    tasks = [task for task in scores.tasks if task != CORPUS]
    is_generated = [task.startswith("world/") for task in tasks]
    if all(is_generated) and (tasks or is_world):
        notes.append(message("note.generated_all" if is_world else "note.generated_tasks"))
    elif any(is_generated):
        notes.append(message("note.generated_some"))
    if (finetunes := len(study.finetune_seeds)) > 1:
        notes.append(message("note.nested_finetunes", n=finetunes))
    notes += limits(study)
    if len(scores.seeds) < MIN_SEEDS <= len(study.seeds):
        notes.append(message("note.few_seeds_so_far", n=len(scores.seeds), least=MIN_SEEDS))
    return notes


def limits(study: Study) -> list[str]:
    """Return a sentence for each limit of a study, as `specs.study_limits` says them in English."""
    sentences = []
    if study.repeats == "finetuning":
        sentences.append(message("note.finetuning_only"))
    if study.encoders:
        names = ", ".join(encoder.label for encoder in study.encoders)
        sentences.append(message("note.outside", names=names))
    if len(study.seeds) < MIN_SEEDS:
        sentences.append(message("note.few_seeds", n=len(study.seeds), least=MIN_SEEDS))
    return sentences


def facts(study: Study, scores: Scores) -> list[tuple[str, str]]:
    """Return the study at a glance, as (number, word)."""
    trained, outside = scores.of_role("trained"), scores.of_role("outside")
    is_pretrained = study.repeats == "pretraining" and bool(study.objectives)
    finetunes = len(study.finetune_seeds)
    counts = {
        "pretraining_seeds" if is_pretrained else "finetuning_seeds": len(scores.seeds),
        **({"nested_finetunes": finetunes} if finetunes > 1 else {}),
        **({"arms": len(trained)} if trained else {}),
        **({"outside": len(outside)} if outside else {}),
        "tasks": len(scores.tasks),
        "settings": len(scores.settings),
    }
    return [(f"{n:,}", message(f"fact.{name}", n=n)) for name, n in counts.items()]


def first_lines(table: Table, count: int) -> Table:
    """Return the table with its first lines only."""
    return replace(table, frame=table.frame.head(count))


def title_of(table: Table, **names: str | None) -> str:
    """Return a few words for where a table is folded away."""
    return message(f"title.{table.slug.replace('-', '_')}", **names)


def render(content: Mapping[str, object], study: Study) -> str:
    """Return the page as one HTML text without outside resources."""
    made = environment()
    made.globals |= {
        "first_lines": first_lines,
        "claim_numbers": claim_numbers,
        "title_of": title_of,
        "cut": f"{CUT:g}".removeprefix("0"),
    }
    made.globals |= {"script": Markup(script()), "policy": content_policy()}
    text = yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return made.get_template("report.html.j2").render(**content, study=study, resolved=text)
