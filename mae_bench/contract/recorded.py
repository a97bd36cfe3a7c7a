"""What a step that is recorded or compiled must keep to."""

from dataclasses import replace
from math import isclose, nan

import torch

from mae_bench.contract.fixtures import Fixture, draws, rows
from mae_bench.contract.views import hold
from mae_bench.model.generators import kept_generators
from mae_bench.objectives.view_tensors import with_filling
from mae_bench.pretraining.compiling import why_not_recorded

TOLERANCE = 1e-4  # relative, of a loss in fp32


def check_recorded(case: Fixture) -> None:
    """Where steps may be recorded, padding that stays in a view has no say in the loss."""
    objective = case.make().train()
    if why_not_recorded(objective):
        return
    requires = objective.requires(objective.options)
    for is_padded in (False, True):
        block = rows(is_padded)
        here = draws() if requires.follows_progress else replace(draws(), progress=nan)
        outputs = []
        for view in (
            objective.corrupt(block, draws()),
            with_filling(objective.corrupt(block, here)),
        ):
            with kept_generators(), torch.no_grad():
                torch.manual_seed(0)
                outputs.append(objective(view))
        plain, filled = outputs
        hold(
            isclose(float(plain.loss), float(filled.loss), rel_tol=TOLERANCE, abs_tol=1e-6)
            and int(plain.predicted) == int(filled.predicted),
            f"padding that stays in a view (keeps_filling) changes the loss from "
            f"{float(plain.loss):.6g} over {int(plain.predicted)} to {float(filled.loss):.6g} over "
            f"{int(filled.predicted)}; give it the label IGNORED, or say in why_not_recorded why "
            "steps cannot be recorded",
        )
