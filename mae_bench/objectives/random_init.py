"""No pretraining: the floor that every objective must beat."""

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    LossOutput,
    Objective,
    View,
)
from mae_bench.specs import Frozen


@OBJECTIVES.register("random_init")
class RandomInit(Objective[Frozen]):
    """The backbone with its initial weights; the other arms of a seed start from the same."""

    name = "random_init"
    summary = "no pretraining; the initial weights that all other objectives start from"
    source = "Zhang & Bowman 2018, arXiv:1809.10040 (random encoders as the floor of a probe)"
    is_trained = False

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Raise: there is no pretraining step."""
        raise NotImplementedError("random_init has no pretraining step")

    def forward(self, view: View) -> LossOutput:
        """Raise: there is no pretraining step."""
        raise NotImplementedError("random_init has no pretraining step")

    @classmethod
    def flops_per_step(cls, options: Frozen, shape: StepShape) -> Flops:
        """Nothing."""
        return Flops()
