"""Warnings for the user, from prepared data and finished pretrainings."""

from pathlib import Path
from typing import Any

from mae_bench.planning.plan import Plan
from mae_bench.planning.plugged import changed_sources
from mae_bench.planning.stage import Stage
from mae_bench.planning.train_sizes import too_large
from mae_bench.specs import CorpusSpec
from mae_bench.store.store import Store

MAX_UNKNOWN_RATIO = 0.01  # of a corpus' tokens
MAX_EMPTY_RATIO = 0.01  # of a corpus' rows


def prepared_warnings(plan: Plan, store: Store, data_dir: Path | None = None) -> list[str]:
    """Return sentences about the tasks and the corpora that are prepared.

    A task that needs no download is checked before it is prepared, if ``data_dir`` is given.
    """
    warnings = [*changed_sources(plan, store), *too_large(plan, store, data_dir)]
    doubts: dict[str, None] = {}  # once for corpora of several sizes
    for stage in plan.stages:
        if stage.kind not in ("blocks", "task") or not store.is_done(*stage.key):
            continue
        if store.damage(*stage.key, only=("meta.json",)):
            continue  # the run says so and builds it again
        if stage.kind == "task":
            doubts |= dict.fromkeys(_skipped(stage, store))
            continue
        assert isinstance(stage.spec, CorpusSpec)
        meta = store.read_json(*stage.key, "meta.json")
        doubts |= dict.fromkeys(meta.get("warnings", ()))
        warnings += [*_unknown(stage.label, stage.spec, meta), *_short(stage.label, plan, meta)]
    return [*warnings, *doubts]


def empty_steps(plan: Plan, store: Store) -> list[str]:
    """Return a sentence where finished pretrainings had steps with nothing to predict."""
    names, worst = [], (0, 1)
    for stage in plan.stages:
        if stage.kind != "pretrain" or not store.is_done(*stage.key):
            continue
        if store.damage(*stage.key, only=("cost.json",)):
            continue
        cost = store.read_json(*stage.key, "cost.json")
        if cost["empty_steps"]:
            names.append(stage.label.removeprefix("pretrain ").rpartition(", seed ")[0])
            here = cost["empty_steps"], cost["steps"]
            worst = max(worst, here, key=lambda pair: pair[0] / pair[1])
    if not names:
        return []
    return [
        f"up to {worst[0]:,} of {worst[1]:,} steps had nothing to predict in the pretraining of "
        f"{', '.join(dict.fromkeys(names))}: all their texts were too short for the ratio; such "
        "steps cost as much as the others and change nothing"
    ]


def _skipped(stage: Stage, store: Store) -> list[str]:
    from mae_bench.tasks.build import skipped_sentence

    skipped = store.read_json(*stage.key, "meta.json").get("skipped")
    return [f"{stage.label}: {skipped_sentence(skipped)}"] if skipped else []


def _unknown(label: str, spec: CorpusSpec, meta: dict[str, Any]) -> list[str]:
    ratio = meta["unknown_ratio"]
    if ratio <= MAX_UNKNOWN_RATIO:
        return []
    advice = "take another encoder's tokenizer"
    if spec.tokenizer.origin is None:
        advice = "raise corpus.tokenizer.vocab_size, or take kind: bpe, which knows every text"
    return [f"{ratio:.1%} of the tokens in {label} are [UNK], and are predicted as such; {advice}"]


def _short(label: str, plan: Plan, meta: dict[str, Any]) -> list[str]:
    rows = {int(tokens): number for tokens, number in meta["rows_by_tokens"].items()}
    arms: dict[tuple[int, float], list[str]] = {}
    for arm in plan.resolved:
        least = arm.requires.least_tokens(meta["row_length"])
        short = sum(number for tokens, number in rows.items() if tokens < least)
        if short > MAX_EMPTY_RATIO * sum(rows.values()):
            arms.setdefault((least, short / sum(rows.values())), []).append(arm.label)
    return [
        f"{share:.1%} of the rows in {label} have fewer than {least} tokens, of which "
        f"{', '.join(names)} hides none at its least ratio: a step that meets only such rows "
        "teaches nothing and is counted as empty; raise the ratio or give longer texts"
        for (least, share), names in arms.items()
    ]
