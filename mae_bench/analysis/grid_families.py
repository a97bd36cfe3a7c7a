"""What varies in a study's grid: arms and points, as cells of a design with named factors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.effects import merged_factors
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
        name: ``all arms``, or the objective whose options vary.
        cells: [J] an arm at a point.
        levels: by factor, the text [J] of each cell's level.
    """

    name: str
    cells: tuple[tuple[str, Point], ...]
    levels: Mapping[str, tuple[str, ...]]

    def only(self, kept: Sequence[int]) -> "Family":
        """Return the family of some of its cells, without factors that no longer vary."""
        levels = {name: [texts[i] for i in kept] for name, texts in self.levels.items()}
        return Family(self.name, tuple(self.cells[i] for i in kept), merged_factors(levels))


def indices(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return [J] the index of each text, in the order of their first occurrence."""
    order = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return np.array([order[text] for text in texts])


def families(scores: Scores, study: Study, options: Options) -> list[Family]:
    """Return what can be decomposed: all arms over the grid, and each objective's listed options.

    Without a grid that are objectives with two options or more that vary.
    """
    trained = [arm for arm in scores.of_role("trained")]
    points = [at.point for at in points_of(study)]
    factors = grid_factors(study)
    made = []
    if factors:
        made.append(
            _family(
                "all arms",
                [(arm.label, {ARM: arm.label}) for arm in trained],
                points,
                factors,
                scores,
            )
        )
    for objective in dict.fromkeys(arm.objective for arm in trained):
        labels = [
            arm.label for arm in trained if arm.objective == objective and arm.label in options
        ]
        varying = _varying([options[label] for label in labels])
        is_all = len(labels) == len(trained)
        if len(labels) < 2 or not varying or (len(varying) + len(factors) < 2):
            continue
        told = [
            (label, {key: _text(options[label].get(key)) for key in varying}) for label in labels
        ]
        if len({tuple(levels.values()) for _, levels in told}) < len(told):
            continue  # arms that differ in more than their options
        family = _family(f"options of {objective}", told, points, factors, scores)
        if is_all and made and len(family.levels) == len(made[0].levels):
            continue  # one option: the arms are its values
        made.append(family)
    return [family for family in made if family.levels]


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
    name: str,
    arms: Sequence[tuple[str, Mapping[str, str]]],
    points: Sequence[Point],
    factors: Sequence[Factor],
    scores: Scores,
) -> Family:
    cells, texts = [], []
    for label, of_arm in arms:
        for point in points:
            if label not in scores.left_out.get(point, ()):
                cells.append((label, point))
                of_point = {factor_name(factor): level_text(factor, point) for factor in factors}
                texts.append({**of_arm, **of_point})
    names = dict.fromkeys(name for levels in texts for name in levels)
    levels = {name: [cell[name] for cell in texts] for name in names}
    return Family(name, tuple(cells), merged_factors(levels))


def _varying(options: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the options in which arms differ, in their order."""
    names = dict.fromkeys(name for each in options for name in each)
    return [n for n in names if len({_text(each.get(n)) for each in options}) > 1]


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


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
