"""What arms share: variance components of arms crossed with pretraining and fine-tune seeds.

Arms of a study share each seed's weights, rows and order, and each fine-tune seed's labels, batches
and head. So a score is ``arm_a + seed_p + arm:seed_ap + finetune_pk + arm:finetune_apk``, with arms
fixed: what all arms share cancels in a paired difference, and what an arm has of its own stays.
Source: the balanced mixed design of Searle, Casella & McCulloch 1992, ch. 4 (moments).
Legend: A arms, P pretraining seeds, K fine-tune seeds within each.
"""

from dataclasses import dataclass

import numpy as np

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.variance import has_no_spread


@dataclass(frozen=True)
class CrossedComponents:
    """Four variances of a single run's score, each the mean over arms; an estimate may be below 0.

    Attributes:
        num_seeds: P, seeds at which every arm has every fine-tune.
        seed: of pretraining, the same in every arm.
        arm_seed: of pretraining, each arm's own.
        finetune: of fine-tunes, the same in every arm.
        arm_finetune: of fine-tunes, each arm's own.
    """

    num_seeds: int
    seed: float
    arm_seed: float
    finetune: float
    arm_finetune: float

    @property
    def variances(self) -> tuple[float, float, float, float]:
        """All four, in the order of the attributes."""
        return self.seed, self.arm_seed, self.finetune, self.arm_finetune

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """The shares of their sum, in the same order, with estimates below 0 as 0."""
        kept = [max(variance, 0.0) for variance in self.variances]
        seed, arm_seed, finetune, arm_finetune = (each / sum(kept) for each in kept)
        return seed, arm_seed, finetune, arm_finetune


def crossed_components(values: Array) -> CrossedComponents | None:
    """Return the components of [A, P, K] scores; seeds that lack a run of any arm are left out.

    None with fewer than two arms, seeds or fine-tunes, or where nothing varies.
    """
    values = values[:, np.isfinite(values).all(axis=(0, 2))]
    num_arms, num_seeds, num_finetunes = values.shape
    if min(values.shape) < 2:
        return None
    centred = values - values.mean(axis=(1, 2), keepdims=True)
    runs = centred.mean(axis=0)  # [P, K], what arms share
    seeds = runs.mean(axis=1)  # [P]
    of_arm = centred.mean(axis=2) - seeds  # [A, P]
    rest = centred - centred.mean(axis=2, keepdims=True) - (runs - seeds[:, None])
    nested = num_seeds * (num_finetunes - 1)
    seed = num_arms * num_finetunes * (seeds**2).sum() / (num_seeds - 1)
    arm_seed = num_finetunes * (of_arm**2).sum() / ((num_arms - 1) * (num_seeds - 1))
    finetune = num_arms * ((runs - seeds[:, None]) ** 2).sum() / nested
    arm_finetune = (rest**2).sum() / ((num_arms - 1) * nested)
    if has_no_spread(max(seed, arm_seed, finetune, arm_finetune), values):
        return None
    return CrossedComponents(
        num_seeds,
        float((seed - arm_seed - finetune + arm_finetune) / (num_arms * num_finetunes)),
        float((arm_seed - arm_finetune) / num_finetunes),
        float((finetune - arm_finetune) / num_arms),
        float(arm_finetune),
    )
