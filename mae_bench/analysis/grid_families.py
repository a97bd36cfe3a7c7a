"""What varies in a study's grid: arms and points, as cells of a design with named factors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.effects import merged_factors
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.specs import NO_POINT, Point, Study, short_field, value_text
from mae_bench.specs.combinations import Factor, factors_of
from mae_bench.specs.grid_points import points_of

ARM = "arm"
Options = Mapping[str, Mapping[str, object]]  # of every arm, defaults too, by label


@dataclass(frozen=True)
class Family:
    """Cells that are decomposed together.

    Attributes:
        objective: whose options vary; empty for all arms.
        cells: [J] an arm at a point.
        levels: by factor, the text [J] of each cell's level.
    """

    objective: str
    cells: tuple[tuple[str, Point], ...]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """What is decomposed, in files of numbers."""
        return f"options of {self.objective}" if self.objective else "all arms"

    @property
    def shown(self) -> str:
        """The same in the language of the report."""
        if not self.objective:
            return message("points.all_arms")
        return message("points.options_of", objective=self.objective)

    def only(self, kept: Sequence[int]) -> "Family":
        """Return the family of some of its cells, without factors that no longer vary."""
        levels = {name: [texts[i] for i in kept] for name, texts in self.levels.items()}
        return Family(self.objective, tuple(self.cells[i] for i in kept), merged_factors(levels))


def indices(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return [J] the index of each text, in the order of their first occurrence."""
    order = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return np.array([order[text] for text in texts])


def families(scores: Scores, study: Study, options: Options) -> list[Family]:
    """Return what can be decomposed: all arms over the grid, and options of each objective."""
    trained = scores.of_role("trained")
    factors = grid_factors(study)
    labels_by_objective: dict[str, list[str]] = {}
    for arm in trained:
        if arm.label in options:
            labels_by_objective.setdefault(arm.objective, []).append(arm.label)
    asked = {
        objective: _option_levels({label: options[label] for label in labels})
        for objective, labels in labels_by_objective.items()
    }
    made = [
        _family(objective, levels, study, scores) for objective, levels in asked.items() if levels
    ]
    if not factors:  # one option alone is a row of arms, which the other tables show
        return [family for family in made if len(family.levels) > 1]
    whole = _family("", {arm.label: {ARM: arm.label} for arm in trained}, study, scores)
    others = [f for f in made if f.cells != whole.cells or len(f.levels) > len(whole.levels)]
    return [family for family in (whole, *others) if family.levels]


def _option_levels(options: Options) -> dict[str, dict[str, str]]:
    """Return the options in which arms of one objective differ, by label; empty for no design.

    Several options are a design where there is more than one arm for each main effect's contrast:
    else they are a list of settings, in which no option has an effect of its own.
    """
    names = dict.fromkeys(name for each in options.values() for name in each)
    texts = {name: [str(each.get(name)) for each in options.values()] for name in names}
    varying = merged_factors(texts)
    needed = 1 + sum(len(set(levels)) - 1 for levels in varying.values())
    cells = set(zip(*varying.values(), strict=True))
    is_design = len(varying) == 1 or len(options) > needed
    if not varying or not is_design or len(cells) < len(options):
        return {}
    by_arm = zip(options, zip(*varying.values(), strict=True), strict=True)
    return {label: dict(zip(varying, levels, strict=True)) for label, levels in by_arm}


def grid_factors(study: Study) -> list[Factor]:
    """Return the factors of a study's grid."""
    return factors_of(study.grid, dict(enumerate(study.zip)))


def factor_name(factor: Factor) -> str:
    """Return a factor as tables write it: ``num_layers``, ``num_layers/hidden_size``."""
    return "/".join(map(short_field, factor.fields))


def level_text(factor: Factor, point: Point) -> str:
    """Return the level of a point, as tables write it."""
    values = dict(point)
    return "/".join(value_text(values[field]) for field in factor.fields)


def _family(
    objective: str, arms: Mapping[str, Mapping[str, str]], study: Study, scores: Scores
) -> Family:
    """Return the arms at every point where they are run; their own levels stand first."""
    by_name, points = {factor_name(f): f for f in grid_factors(study)}, points_of(study)
    cells, texts = [], []
    for label, levels_of_arm in arms.items():
        # an option may have the name of a field, such as dropout
        of_arm = {
            f"{objective}.{name}" if name in by_name else name: text
            for name, text in levels_of_arm.items()
        }
        for at in points:
            if label not in at.without:
                cells.append((label, at.point))
                of_point = {name: level_text(f, at.point) for name, f in by_name.items()}
                texts.append({**of_arm, **of_point})
    names = dict.fromkeys(name for levels in texts for name in levels)
    levels = {name: [cell[name] for cell in texts] for name in names}
    return Family(objective, tuple(cells), merged_factors(levels))


@dataclass(frozen=True)
class Measured:
    """The values of a family on one task in one setting, as far as they are complete.

    Attributes:
        base: the setting without its point.
        family: of the cells that are left.
        values: [S, J] of the seeds that have all of them.
        num_cells: cells of the whole family.
        num_seeds: seeds of the study.
    """

    task: str
    base: Setting
    family: Family
    values: Array
    num_cells: int
    num_seeds: int


def measured(family: Family, scores: Scores) -> Iterator[Measured]:
    """Yield the values of a family, task by task, in every setting.

    A cell that half of the seeds lack is left out, then each seed that lacks another.
    """
    bases = dict.fromkeys(replace(setting, point=NO_POINT) for setting in scores.settings)
    for base in bases:
        if base.pretrain_ratio == 0:  # where all arms are one run
            continue
        for task in scores.tasks_in(base):
            columns = [
                scores.values(label, task, replace(base, point=point))
                for label, point in family.cells
            ]
            values = np.stack(columns, axis=1)
            is_there = np.isfinite(values)
            kept = [int(i) for i in np.flatnonzero(is_there.mean(axis=0) > 0.5)]
            values = values[:, kept]
            values = values[np.isfinite(values).all(axis=1)]
            left = family.only(kept) if len(kept) < len(family.cells) else family
            if len(values) > 1 and left.levels:
                yield Measured(task, base, left, values, len(family.cells), len(scores.seeds))
