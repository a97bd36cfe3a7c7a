"""Derives rows from the store: a number for each cell that is done, a reason for each failed."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mae_bench.planning.noise_groups import noise_on
from mae_bench.planning.plan import Cell, Plan
from mae_bench.planning.reasons import failure_reasons
from mae_bench.results import Row, frame, make_row
from mae_bench.specs import CORPUS, PEAK_LR, NoiseSpec
from mae_bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


def collect(plan: Plan, store: Store) -> "pd.DataFrame":
    """Return the rows of the cells of this plan alone; a cell not yet run gives none.

    Raises:
        StoreError: an artefact is damaged.
    """
    return _Collector(plan, store).frame()


class _Collector:
    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self.store = store
        self.reasons = failure_reasons(plan, store)
        self.contents: dict[tuple[str, str, str], Any] = {}
        self.order = {arm.label: position for position, arm in enumerate(plan.arms)}

    def frame(self) -> "pd.DataFrame":
        # By arm, then corpus size and split; sorting is stable, so seeds keep the plan's order.
        cells = sorted(
            self.plan.cells,
            key=lambda cell: (
                self.order[cell.arm.label],
                cell.corpus_tokens or 0,
                cell.pretrain_ratio or 0.0,
            ),
        )
        return frame([row for cell in cells for row in self.rows(cell)])

    def rows(self, cell: Cell) -> list[Row]:
        from mae_bench.protocols.base import PROTOCOLS

        primary = PROTOCOLS.get(cell.protocol).primary
        if not primary and cell.task is not None:
            primary = self.plan.tasks[cell.task].metrics[0]
        row = self.about(cell)
        key = ("evaluate", cell.evaluate)
        if key in self.reasons:
            failure = {"metric": primary, "is_primary": True, "failure": self.reasons[key]}
            return [make_row({**row, **self.costs(cell), **failure})]
        if not self.store.is_done(*key):
            return []
        report = self.read(*key, "metrics.json")
        # One evaluation reads the test split under several noises; each is a cell of its own.
        wanted = noise_on(cell.noise, "test")
        result = next(r for r in report["results"] if NoiseSpec(**r["noise"]) == wanted)
        costs = self.costs(cell)
        collapses = [result["collapse"], costs.get("collapse", "")]
        row |= costs
        row |= {
            "n_train": report["n_train"],
            "n_test": report["n_test"],
            "selection_value": report["selection_value"],
            "chosen": json.dumps(report["chosen"], sort_keys=True),
            "grid_edge": _edge(report.get("grid_edges")),
            "evaluate_s": report["seconds"],
            "evaluate_flops": report["flops"],
            "train_flops": report.get("train_flops"),
            "finetunes_together": report.get("trained_together"),
            "why_finetuned_alone": report.get("why_alone"),
            "probe_solver": report.get("solver"),  # of an earlier version, not known
            "finetune_compile": report.get("compiled"),
            "is_collapsed": bool(result["is_collapsed"] or costs.get("is_collapsed")),
            "collapse": "; ".join(text for text in collapses if text),
        }
        return [
            make_row({**row, "metric": name, "is_primary": name == primary, "value": value})
            for name, value in result["metrics"].items()
        ]

    def about(self, cell: Cell) -> dict[str, Any]:
        """Return the columns that identify a cell, with the costs still unknown."""
        options = dict(cell.arm.options)
        if cell.arm.peak_lr is not None:
            options[PEAK_LR] = cell.arm.peak_lr
        return {
            "study": self.plan.study.name,
            "arm": cell.arm.label,
            "objective": cell.arm.objective,
            "options": json.dumps(options, sort_keys=True),
            "is_floor": cell.is_floor,
            "corpus_tokens": cell.corpus_tokens,
            "pretrain_ratio": cell.pretrain_ratio,
            "protocol": cell.protocol,
            "task": cell.task or CORPUS,
            "train_size": cell.train_size,
            "noise": cell.noise.name,
            "noise_rate": cell.noise.rate,
            "noise_where": cell.noise.where,
            "seed": cell.seed,
            "finetune_seed": cell.finetune_seed,
            "pretrain_seed": cell.pretrain_seed,
            "is_collapsed": False,
            "collapse": "",
            "plateau": None if cell.encoder else "",
            "chosen": "{}",
            "pretrain_id": cell.pretrain,
            "cell_id": cell.id,
        }

    def costs(self, cell: Cell) -> dict[str, Any]:
        """Return the costs of a cell's pretraining; nothing where there is none.

        Of an encoder from outside only its size is known.
        """
        if cell.encoder is not None and self.store.is_done("encoder", cell.encoder):
            facts = self.read("encoder", cell.encoder, "encoder.json")
            return {"params_encoder": facts["params_encoder"]}
        if cell.pretrain is None or not self.store.is_done("pretrain", cell.pretrain):
            return {}
        cost = self.read("pretrain", cell.pretrain, "cost.json")
        parts = cost["flops_parts"]
        return {
            "pretrain_tokens": cost["tokens"],
            "pretrain_steps": cost["steps"],
            "pretrain_flops": cost["flops"],
            "pretrain_s": self.whole_seconds(cell.pretrain),
            "encoder_flops": parts["encoder"],
            "decoder_flops": parts["decoder"],
            "head_flops": parts["head"],
            "teacher_flops": parts["teacher"],
            "teacher_pretrain_flops": cost["teacher_pretrain_flops"],
            "params_encoder": cost["params_encoder"],
            "params_objective": cost["params_objective"],
            "pretrain_compile": cost.get("compiled"),  # of an earlier version, not known
            "micro_batch_rows": cost.get("micro_batch_rows"),
            "pretrain_ranks": cost.get("num_ranks"),
            "seeds_together": cost.get("seeds_together"),
            "why_alone": cost.get("why_alone"),
            "is_collapsed": bool(cost["collapse"]),
            "collapse": cost["collapse"],
            "plateau": cost["plateau"],
        }

    def whole_seconds(self, pretrain: str) -> float:
        """Return the seconds of a pretraining and of what made its teacher, as it is charged."""
        seconds = float(self.read("pretrain", pretrain, "cost.json")["seconds"])
        stage = self.plan.by_key["pretrain", pretrain]
        amortise_over = self.plan.pretrained[pretrain].requires.amortise_over
        for kind, teacher in stage.needs:
            if kind == "pretrain":
                seconds += self.whole_seconds(teacher) / amortise_over
        return seconds

    def read(self, kind: str, id_: str, name: str) -> Any:
        file = (kind, id_, name)
        if file not in self.contents:
            self.contents[file] = self.store.read_json(kind, id_, name)
        return self.contents[file]


def _edge(edges: Mapping[str, str] | None) -> str | None:
    """Return the hyper-parameters chosen at an end of their grid; None where none was tried."""
    if edges is None:
        return None
    return ", ".join(f"{name} {end}" for name, end in sorted(edges.items()))
