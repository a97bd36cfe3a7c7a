"""A study's grid in words: its fields, its size, and what one seed pairs."""

from typing import TYPE_CHECKING

from mae_bench.plurals import counted
from mae_bench.specs import short_field, value_text
from mae_bench.specs.combinations import factors_of, num_combinations
from mae_bench.specs.grid_points import points_of

if TYPE_CHECKING:
    from mae_bench.planning.plan import Plan


def grid_text(plan: "Plan") -> list[str]:
    """Return sentences on the grid of a plan; none where its study has none."""
    from mae_bench.planning.pairing import pairing_sentences

    study = plan.study
    if not study.grid:
        return []
    factors = factors_of(study.grid, dict(enumerate(study.zip)))
    told = [
        " with ".join(
            f"{short_field(field)} ({', '.join(map(value_text, study.grid[field]))})"
            for field in factor.fields
        )
        for factor in factors
    ]
    points = points_of(study)
    left_out = num_combinations(factors) - len(points)
    fewer = f", without {left_out} that exclude leaves out" if left_out else ""
    arms = len({(cell.point, cell.arm.label) for cell in plan.cells if cell.pretrain})
    pretrainings = sum(stage.kind == "pretrain" for stage in plan.stages)
    return [
        f"{' x '.join(told)}: {counted(len(points), 'point')}{fewer}",
        f"{arms} arms at points (with random_init), {counted(pretrainings, 'pretraining')} in all",
        *pairing_sentences(study),
    ]
