"""Turns a study into cells and deduplicated stages: a pure function of the study and its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.data.corpus import left_out, require_text
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.cell import Cell
from mae_bench.planning.outside_arms import outside_arm
from mae_bench.planning.planner import Planner
from mae_bench.planning.points import checked_point, united_arms, united_study
from mae_bench.planning.reading import fitting_floors
from mae_bench.planning.stage import Key, Stage, StageBuilder
from mae_bench.specs import ArmSpec, CorpusSpec, Study
from mae_bench.specs.grid_points import points_of

if TYPE_CHECKING:
    from mae_bench.tasks import Task

__all__ = ["Cell", "Plan", "Stage", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """All that a study asks for.

    Attributes:
        study: with the implied arms and the control written out.
        arms: in order: objectives, encoders from outside, floors.
        stages: each after those that it needs.
        cells: what becomes rows.
        resolved: the arms of the study with their options parsed.
        pretrained: the arm of each pretraining, by its id.
        tasks: by name, those of files of the study's own among them.
        warnings: sentences for the user.
    """

    study: Study
    arms: tuple[ArmSpec, ...]
    stages: tuple[Stage, ...]
    cells: tuple[Cell, ...]
    resolved: tuple[ResolvedArm, ...]
    pretrained: Mapping[str, ResolvedArm]
    tasks: "Mapping[str, Task]"
    warnings: tuple[str, ...] = ()

    @cached_property
    def by_key(self) -> dict[Key, Stage]:
        """The stages by kind and id."""
        return {stage.key: stage for stage in self.stages}

    def source_of(self, stage: Stage) -> Stage:
        """Return the stage of the encoder that an evaluation reads; any other stage itself."""
        return self.by_key[stage.checkpoint] if stage.checkpoint else stage

    def corpus_of(self, stage: Stage) -> CorpusSpec:
        """Return the text that a pretraining reads, or that of an evaluation's checkpoint.

        For an evaluation of another encoder that is the study's.
        """
        needs = self.source_of(stage).needs
        blocks = next((need for need in needs if need[0] == "blocks"), None)
        spec = self.by_key[blocks].spec if blocks else None
        return spec if isinstance(spec, CorpusSpec) else self.study.corpus

    @cached_property
    def prepared(self) -> tuple[Stage, ...]:
        """The stages that may use the network."""
        return tuple(stage for stage in self.stages if stage.may_use_network)


def make_plan(
    study: Study, data_dir: Path | None, tuned: Mapping[str, dict[str, object]] | None = None
) -> Plan:
    """Return the plan of a study.

    Args:
        study: as loaded.
        data_dir: where local data is looked for; it decides fingerprints, never names.
        tuned: options by arm label that replace the study's; `PEAK_LR` among them is the peak
            rate of the arm's pretraining.

    Raises:
        DataError: a file or folder of the corpus holds no text.
        SpecError: a name or an option is unknown, or teachers form a circle.
    """
    from mae_bench.tasks.own import own_warnings, task_of

    points = [checked_point(study, at, tuned or {}) for at in points_of(study)]
    arms, study = united_arms(study, points), united_study(study, points)
    if study.objectives:
        require_text(study.corpus)
    tasks = {name: task_of(study, name) for name in study.real_tasks}
    builder = StageBuilder(data_dir, tasks)
    planners = [
        Planner(each.study, each.arms, each.heads, builder, each.at.point) for each in points
    ]
    for planner in planners:
        planner.prepare()
    # seed by seed, so that pairs complete early
    cells = tuple(c for seed in study.seeds for planner in planners for c in planner.cells(seed))
    stages = tuple(builder.stages.values())
    floors = (ArmSpec(objective=name, label=label) for name, label in fitting_floors(study).items())
    return Plan(
        study=study,
        arms=(*study.objectives, *map(outside_arm, study.encoders), *floors),
        stages=stages,
        cells=cells,
        resolved=arms,
        pretrained={id_: arm for each in planners for id_, arm in each.pretrained.items()},
        tasks=tasks,
        warnings=(
            *dict.fromkeys(warning for each in points for warning in each.warnings),
            *own_warnings(study),
            *(left_out(study.corpus) if study.objectives else ()),
        ),
    )
