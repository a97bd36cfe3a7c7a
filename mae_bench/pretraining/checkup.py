"""Measures the health of a pretraining before its first step and after its last."""

from mae_bench.data.blocks import Blocks
from mae_bench.objectives.base import Objective
from mae_bench.pretraining.health import (
    describe_collapse,
    describe_plateau,
    exchange,
    validation_loss,
)
from mae_bench.pretraining.left_out import has_learned, left_out_r2


class Checkup:
    """The health of one pretraining; to be made before the first step.

    Args:
        objective: on its device, before the first step.
        data: its validation rows are read.
        seed: of the pretraining.
        device: where the objective is.
        is_drawn: whether the encoder's weights were drawn at random.
    """

    def __init__(
        self, objective: Objective, data: Blocks, seed: int, device: str, is_drawn: bool
    ) -> None:
        self.objective, self.data, self.seed, self.device = objective, data, seed, device
        self.start = exchange(objective, data, seed, device) if is_drawn else None
        self.probe_start = None
        if objective.is_trained:
            self.probe_start = left_out_r2(objective.backbone, data, device)

    def after(self) -> dict[str, object]:
        """Return the facts for ``cost.json``; ``collapse`` says why the run is lost, if it is."""
        objective, data, device = self.objective, self.data, self.device
        end = exchange(objective, data, self.seed, device)
        plateau, probe_end, collapses = describe_plateau(self.start, end), None, []
        if objective.is_trained:
            probe_end = left_out_r2(objective.backbone, data, device)
            collapses.append(describe_collapse(objective.backbone, data, device))
        if plateau:
            plateau = f"{plateau}; {_describe_probe(self.probe_start, probe_end)}"
            if not has_learned(self.probe_start, probe_end):
                collapses.insert(0, plateau)
        collapse = "; ".join(text for text in collapses if text)
        return {
            "validation_loss": validation_loss(objective, data, self.seed, device),
            "unread_loss": end.unread if end else None,
            "share_left": end.left if end else None,
            "share_left_at_start": self.start.left if self.start else None,
            "left_out_r2": probe_end,
            "left_out_r2_at_start": self.probe_start,
            "unigram_entropy": data.unigram_entropy,
            "plateau": plateau,
            "is_collapsed": bool(collapse),
            "collapse": collapse,
        }


def _describe_probe(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "the encoder could not be probed"
    return f"its vectors tell left-out words with R2 {after:.4f}, before training {before:.4f}"
