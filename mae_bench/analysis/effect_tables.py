"""Tables of a grid: what factors explain, what levels change, the control beside each arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.effects import REST, Decomposition, Design, Term, decompose, level_effects
from mae_bench.analysis.grid_families import Measured, indices
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.multiplicity import holm
from mae_bench.analysis.score_tables import score_text
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.stats import CUT
from mae_bench.analysis.tables import Table, difference, interval, p_text
from mae_bench.analysis.units import note
from mae_bench.specs import MIN_SEEDS, point_label


@dataclass(frozen=True)
class Analysed:
    """A family on one task in one setting, with its parts.

    Attributes:
        p_family: of each term, adjusted for all terms on all tasks of the family in this setting.
    """

    of: Measured
    design: Design
    parts: Decomposition
    p_family: tuple[float, ...]


def analysed(measured: Sequence[Measured]) -> list[Analysed]:
    """Return the parts of every measured family, tested together setting by setting."""
    designs: dict[tuple[object, ...], Design] = {}
    made = []
    for each in measured:
        key = each.family.cells, tuple(each.family.levels)
        if key not in designs:
            levels = {name: indices(texts) for name, texts in each.family.levels.items()}
            designs[key] = Design(levels)
        made.append((each, designs[key], decompose(each.values, designs[key])))
    groups: dict[tuple[str, Setting], list[int]] = {}
    for place, (each, _, _) in enumerate(made):
        if len(each.values) >= MIN_SEEDS:
            groups.setdefault((each.family.name, each.base), []).append(place)
    adjusted: dict[int, list[float]] = {}
    for places in groups.values():
        alone = np.array([term.p for place in places for term in made[place][2].terms])
        known = np.isfinite(alone)
        together = np.full(len(alone), np.nan)
        together[known] = holm(alone[known])
        rest = iter(map(float, together))
        for place in places:
            adjusted[place] = [next(rest) for _ in made[place][2].terms]
    return [
        Analysed(each, design, parts, tuple(adjusted.get(place, [np.nan] * len(parts.terms))))
        for place, (each, design, parts) in enumerate(made)
    ]


def term_name(term: Term) -> str:
    """Return a term as tables write it."""
    return message("points.further") if term == REST else " x ".join(term)


def shares_table(found: Sequence[Analysed]) -> Table:
    """Return what each term explains on each task."""
    records = []
    for each in found:
        about = _about(each.of)
        for term, p_family in zip(each.parts.terms, each.p_family, strict=True):
            has_ends = np.isfinite(term.low)
            low, high = _percent(term.low), _percent(term.high)
            ends = message("points.ends", low=low, high=high) if has_ends else message("cell.none")
            records.append(
                {
                    **about,
                    "source of variance": term_name(term.term),
                    "share of variance": _percent(term.share),
                    "95% interval": ends,
                    "verdict": _word(p_family, len(each.of.values)),
                    "p family-wise": p_text(p_family),
                    "p alone": p_text(term.p),
                }
            )
        rest = {message("points.seed_common"): each.parts.seed_share}
        rest[message("points.seed_own")] = each.parts.noise_share
        if not each.design.is_complete:
            rest[message("points.unassigned")] = each.parts.unassigned_share
        for what, share in rest.items():
            blank = dict.fromkeys(("95% interval", "verdict", "p family-wise", "p alone"), "")
            records.append(
                {**about, "source of variance": what, "share of variance": _percent(share), **blank}
            )
    notes = [message("points.shares_caption", cut=f"{CUT:g}".removeprefix("0"))]
    if any(not each.design.is_complete for each in found):
        notes.append(message("points.shares_gaps"))
    return Table("grid_shares", message("list.space").join(notes), pd.DataFrame(records))


def _percent(share: float) -> str:
    """Return a share as it can be known: in whole percent."""
    return f"{100 * share:.0f}%"


def _about(of: Measured) -> dict[str, object]:
    return {
        "grid": of.family.shown,
        "task": of.task,
        "cells": _count(len(of.family.cells), of.num_cells),
        "seeds": _count(len(of.values), of.num_seeds),
    }


def _count(number: int, whole: int) -> str:
    return str(number) if number == whole else message("cell.of", n=number, all=whole)


def _word(p_family: float, num_seeds: int) -> str:
    if num_seeds < MIN_SEEDS:
        return message("points.few_seeds", n=num_seeds, least=MIN_SEEDS)
    return word("word", "matters" if p_family < CUT else "not decidable")


def levels_table(found: Sequence[Analysed], scores: Scores) -> Table:
    """Return how far each level of each factor lies from the mean of the grid."""
    records = []
    for each in found:
        where = replace(each.of.base, point=each.of.family.cells[0][1])
        measure = scores.measure(each.of.task, where)
        for factor, texts in each.of.family.levels.items():
            means, lows, highs = level_effects(each.of.values, each.design, factor)
            for place, text in enumerate(dict.fromkeys(texts)):
                is_known = np.isfinite(means[place])
                records.append(
                    {
                        **_about(each.of),
                        "factor": factor,
                        "level": text,
                        "against the mean": difference(means[place], measure)
                        if is_known
                        else message("points.inseparable"),
                        "95% interval": interval(lows[place], highs[place], measure)
                        if is_known
                        else message("cell.none"),
                        "unit": note(measure) or word("unit", measure.unit),
                    }
                )
    caption = message("points.levels_caption")
    return Table("grid_levels", caption, pd.DataFrame(records))


def comparisons_table(
    scores: Scores, versus: Sequence[Verdict], control: str, settings: Sequence[Setting]
) -> Table:
    """Return a line for each arm, task and point, the control's score at the point beside it."""
    by_key = {(v.claim.treatment, v.claim.task, v.setting[-1]): v for v in versus}
    records = []
    num_seeds = len(scores.seeds)
    for setting in settings:
        for task in scores.tasks_in(setting):
            measure = scores.measure(task, setting)
            beside = score_text(scores.cells.get((control, task, setting)), num_seeds)
            for arm in scores.of_role("trained", "outside"):
                verdict = by_key.get((arm.label, task, setting.point))
                if verdict is None:
                    continue
                records.append(
                    {
                        "at": point_label(setting.point),
                        "task": task,
                        "arm": arm.shown,
                        "score": score_text(
                            scores.cells.get((arm.label, task, setting)), num_seeds
                        ),
                        message("points.control_there", control=control): beside,
                        "difference": difference(verdict.difference, measure),
                        "95% interval": interval(verdict.low, verdict.high, measure),
                        "verdict": word("word", verdict.word),
                        "p family-wise": p_text(verdict.p_family),
                    }
                )
    caption = message("points.comparisons_caption", control=control)
    return Table("grid_comparisons", caption, pd.DataFrame(records))


def numbers(found: Sequence[Analysed]) -> Mapping[str, pd.DataFrame]:
    """Return every number behind the tables of shares and levels, by name of file."""
    shares: list[dict[str, object]] = []
    levels: list[dict[str, object]] = []
    for each in found:
        base = each.of.base
        about: dict[str, object] = {
            "grid": each.of.family.name,
            "task": each.of.task,
            "protocol": base.protocol,
            "train_size": str(base.train_size),
            "noise": base.noise.label,
            "corpus_tokens": base.corpus_tokens,
            "pretrain_ratio": base.pretrain_ratio,
            "num_cells": len(each.of.family.cells),
            "num_seeds": len(each.of.values),
            "is_complete": each.design.is_complete,
        }
        for term, p_family in zip(each.parts.terms, each.p_family, strict=True):
            values = {name: getattr(term, name) for name in _FIELDS}
            shares.append({**about, "what": term_name(term.term), **values, "p_family": p_family})
        total = each.parts.total
        for what in ("seed_share", "noise_share", "unassigned_share"):
            share = getattr(each.parts, what)
            shares.append({**about, "what": what, "component": share * total, "share": share})
        for factor, texts in each.of.family.levels.items():
            ends = level_effects(each.of.values, each.design, factor)
            for place, text in enumerate(dict.fromkeys(texts)):
                effect, low, high = (float(end[place]) for end in ends)
                record = {"factor": factor, "level": text, "effect": effect}
                levels.append({**about, **record, "low": low, "high": high})
    return {"grid_share_numbers": pd.DataFrame(shares), "grid_level_numbers": pd.DataFrame(levels)}


_FIELDS = ("df", "component", "share", "low", "high", "p")
