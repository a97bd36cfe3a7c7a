"""What an objective without training keeps to, in place of the checks of a step."""

import torch

from mae_bench.contract.fixtures import FLOPS_SHAPES, SPEC, Fixture, V
from mae_bench.contract.views import hold
from mae_bench.costs import StepShape
from mae_bench.model.backbone import load_backbone
from mae_bench.pretraining.checkpoint import save_checkpoint


def check_untrained(case: Fixture) -> None:
    """What does not train costs nothing, trains nothing and keeps its weights when it is saved."""
    objective = case.make(seed=1)
    for layers, width, heads, length, count in FLOPS_SHAPES:
        spec = SPEC.model_copy(
            update={"num_layers": layers, "hidden_size": width, "num_heads": heads}
        )
        price = case.kind.flops_per_step(objective.options, StepShape(spec, count, length, V))
        hold(price.total == 0, f"it says is_trained = False and costs {price.total:.4g} FLOPs")
    folder = case.folder / f"saved-{case.name}"
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(objective, folder, folder)
    saved = load_backbone(folder).state_dict()
    moved = [
        name
        for name, value in objective.backbone.state_dict().items()
        if not torch.equal(value, saved[name])
    ]
    hold(not moved, f"saved and loaded, {', '.join(moved[:3])} are others")
