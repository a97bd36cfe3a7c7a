"""Sorts of stages: those that take as long as one another, but for the size of a budget.

Seeds never differ in time. Arms do in their pretraining, and in what is asked of their heads.
"""

import hashlib
import json
from collections.abc import Mapping

from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import CorpusSpec, EvaluateSpec, PretrainSpec


def sorts_of(plan: Plan) -> Mapping[Key, str]:
    """Return the sort of each stage of a plan, as digits that are the same in every plan."""
    sorts: dict[Key, str] = {}
    seen: set[tuple[str | None, str]] = set()
    for stage in plan.stages:
        if isinstance(stage.spec, PretrainSpec):
            sorts[stage.key] = _digits("pretrain", _pretraining(stage.spec, plan))
        elif isinstance(stage.spec, EvaluateSpec):
            content = _evaluation(stage, stage.spec, plan)
            name = _digits("evaluate", content)
            # A worker keeps what it read of a frozen encoder's texts for the next seed.
            is_repeat = (stage.spec.checkpoint, name) in seen
            seen.add((stage.spec.checkpoint, name))
            sorts[stage.key] = _digits("repeat", name) if is_repeat else name
        else:
            sorts[stage.key] = f"{stage.kind}-{stage.id}"
    return sorts


def _pretraining(spec: PretrainSpec, plan: Plan) -> dict[str, object]:
    content = spec.canonical()
    recipe = dict(content.pop("recipe", {}))
    recipe.pop("budget", None)
    for name in ("seed", "blocks", "teacher", "ngrams", "encoder"):
        content.pop(name, None)
    return content | {"recipe": recipe, "corpus": _rows_of(plan, spec.blocks)}


def _rows_of(plan: Plan, blocks: str) -> dict[str, object]:
    """Return what a step depends on in its corpus: vocabulary and length of rows."""
    spec = plan.by_key["blocks", blocks].spec
    assert isinstance(spec, CorpusSpec)
    return {"tokenizer": spec.tokenizer.canonical(), "row_length": spec.row_length}


def _evaluation(stage: Stage, spec: EvaluateSpec, plan: Plan) -> dict[str, object]:
    from mae_bench.protocols.base import PROTOCOLS

    content = spec.canonical()
    for name in ("seed", "checkpoint", "head_files"):
        content.pop(name, None)
    checkpoint = stage.checkpoint
    if checkpoint is None:
        return content
    if checkpoint[0] != "pretrain":
        return content | {"encoder": checkpoint[1]}
    trained = plan.by_key[checkpoint].spec
    assert isinstance(trained, PretrainSpec)
    corpus = plan.by_key["blocks", trained.blocks].spec
    assert isinstance(corpus, CorpusSpec)
    content |= {
        "backbone": trained.backbone.canonical(),
        "tokenizer": corpus.tokenizer.canonical(),
    }
    protocol = PROTOCOLS.get(spec.protocol)
    if protocol.needs_scorer or protocol.token_kinds is not None or protocol.reads_corpus:
        content |= {"objective": trained.objective, "options": trained.options}
    return content


def _digits(kind: str, content: object) -> str:
    text = json.dumps([kind, content], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
