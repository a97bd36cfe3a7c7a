"""What the page's script works with: values by seed, decided outcomes, costs, spots of figures.

The script computes differences and intervals for any baseline from these values. It decides
nothing: every verdict word that it shows is read from here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.costs import costs_at, mean_costs
from mae_bench.analysis.messages import catalogue, language, messages_of, word
from mae_bench.analysis.pairwise import Decisions
from mae_bench.analysis.plots import arm_colours
from mae_bench.analysis.scores import Cell, Scores, Setting
from mae_bench.analysis.spots import AnySpot
from mae_bench.analysis.stats import LEVEL
from mae_bench.analysis.units import note
from mae_bench.measures import Measure
from mae_bench.specs import MIN_SEEDS

MAX_BYTES = 1_200_000  # of the settings on the page
DIGITS = 9  # significant ones of a value; more than any table prints
_AXES = ("pretrain_tokens", "pretrain_flops", "pretrain_s")
_SHARED = {  # words of the script that tables or the printed page also say, by key
    "claim": "column.claim",
    "arm": "column.arm",
    "task": "column.task",
    "difference": "column.difference",
    "interval": "column.95% interval",
    "unit": "column.unit",
    "mean_of_tasks": "column.mean of tasks",
    "seconds": "column.seconds",
    "lower_is_better": "unit.lower_is_better",
    "num_failed": "page.some_failed",
    "none": "cell.none",
    "no_interval": "cell.no_interval",
    "outcome_wins": "word.wins",
    "outcome_loses": "word.loses",
    "outcome_undecided": "word.undecided",
    "outcome_failed": "word.failed",
    "outcome_not_run": "word.not run",
}
_MISSING = (
    "cell.none",
    "cell.not_run",
    "cell.unknown",
    "cell.not_recorded",
    "cell.no_interval",
    "cell.no_control",
    "cell.not_stated",
    "cell.incomplete",
    "cell.failed",
    "word.none",
    "word.unknown",
    "word.not run",
    "health.never",
    "health.no_landmark",
    "health.another_kind",
)
_LETTERS = {"supported": "w", "refuted": "l", "not decidable": "u"}


def page_data(
    name: str,
    scores: Scores,
    control: str | None,
    decisions: Decisions,
    versus: Sequence[Verdict],
    rows: pd.DataFrame,
    spots: Mapping[str, Mapping[str, Sequence[AnySpot]]],
) -> str:
    """Return the data as JSON that may stand inside a script element.

    Args:
        name: of the study.
        scores: of its primary metrics.
        control: the arm that the page is against before another is chosen.
        decisions: what every setting decides between its arms.
        versus: the verdicts against the control.
        rows: of the study, for the costs.
        spots: of each figure, wide and narrow.
    """
    labels = [arm.label for arm in scores.arms]
    settings: list[dict[str, object]] = []
    num_bytes = 0
    words = _words_against(versus)
    costs = mean_costs(rows)
    for setting in scores.settings:
        one = _setting(scores, setting, decisions, words.get(setting.key, {}), costs)
        num_bytes += len(_json(one))
        if settings and num_bytes > MAX_BYTES:
            break
        settings.append(one)
    only_with = decisions.only_with
    colours = arm_colours(scores)
    return _json(
        {
            "study": name,
            "control": labels.index(control) if control in labels else None,
            "leastSeeds": MIN_SEEDS,
            "quantiles": _quantiles(len(scores.seeds)),
            "seeds": list(scores.seeds),
            "arms": [
                {"label": a.label, "shown": a.shown, "role": a.role, "colour": colours[a.label]}
                for a in scores.arms
            ],
            "settings": settings,
            "numHidden": len(scores.settings) - len(settings),
            "onlyWith": labels.index(only_with) if only_with in labels else None,
            "figures": spots,
            "words": script_words(),
            "missing": missing_forms(),
        }
    )


def script_words() -> dict[str, str]:
    """Return the script's phrases by its own names, their placeholders still open."""
    known = catalogue(language())
    return messages_of("tools") | {name: str(known[key]) for name, key in _SHARED.items()}


def missing_forms() -> list[str]:
    """Return what cells without a value say, their placeholders still open."""
    known = catalogue(language())
    forms = [str(known[key]) for key in _MISSING]
    return list(dict.fromkeys([*forms, "none", "unknown", "not run"]))


def _json(content: object) -> str:
    """Return JSON in which nothing can end a script element or begin another."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _quantiles(num_seeds: int) -> list[float | None]:
    """Return, by the number of pairs, how many standard errors half a 95% interval is."""
    freedom = np.arange(1, num_seeds)
    return [None, None, *map(_short, special.stdtrit(freedom, 1 - LEVEL / 2).tolist())]


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def _words_against(
    versus: Iterable[Verdict],
) -> dict[tuple[object, ...], dict[tuple[str | None, str], str]]:
    """Return the letter of each outcome, by setting, then by task and arm."""
    words: dict[tuple[object, ...], dict[tuple[str | None, str], str]] = {}
    for verdict in versus:
        letter = _LETTERS.get(verdict.outcome, "f" if verdict.num_failed else "n")
        pair = (verdict.claim.task, verdict.claim.treatment)
        words.setdefault(verdict.setting, {})[pair] = letter
    return words


def _setting(
    scores: Scores,
    setting: Setting,
    decisions: Decisions,
    words: Mapping[tuple[str | None, str], str],
    costs: pd.DataFrame,
) -> dict[str, object]:
    tasks = scores.tasks_in(setting)
    shared = scores.mean_measure(setting)
    columns: list[str | None] = [*tasks, *([] if shared is None else [None])]
    here = costs_at(costs, setting)
    index = {arm.label: position for position, arm in enumerate(scores.arms)}
    beaten = [
        [
            index[label]
            for family in (decisions.beaten, decisions.with_outside)
            for pair in sorted(family.get(setting, {}).get(task, ()))
            for label in pair
        ]
        for task in columns
    ]
    return {
        "label": setting.label,
        "isOfCorpus": setting.protocol in scores.corpus_protocols,
        "tasks": [{"name": task, **_measure(scores.measure(task, setting))} for task in tasks],
        "mean": None if shared is None else _measure(shared),
        "cells": [
            [_cell(scores.cells.get((arm.label, task, setting))) for arm in scores.arms]
            for task in tasks
        ],
        # where nothing is compared, as all arms are one run, there is no word either
        "beaten": beaten if setting in decisions.beaten else None,
        "versus": [
            "".join(words.get((task, arm.label), "-") for arm in scores.arms) for task in columns
        ],
        "costs": [_costs(here, arm.label) for arm in scores.arms],
    }


def _measure(measure: Measure) -> dict[str, object]:
    return {
        "factor": measure.factor,
        "digits": measure.digits,
        "unit": word("unit", measure.unit),
        "note": note(measure),
        "sign": measure.sign,
    }


def _cell(cell: Cell | None) -> dict[str, object] | None:
    """Return the values of a cell by seed, and how many of its runs failed and collapsed."""
    if cell is None:
        return None
    lost = {"failed": cell.num_failed, "collapsed": cell.num_collapsed}
    return {
        "values": [_short(value) for value in cell.values.tolist()],
        **{name: count for name, count in lost.items() if count},
    }


def _costs(costs: pd.DataFrame, arm: str) -> list[float | None] | None:
    """Return tokens, FLOPs and seconds of one pretraining; None where there was none."""
    mine = costs[costs["arm"] == arm]
    if not len(mine) or not mine["pretrain_flops"].iloc[0]:
        return None
    return [_short(float(mine[name].iloc[0])) for name in _AXES]
