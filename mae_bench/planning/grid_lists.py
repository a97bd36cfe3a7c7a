"""The grid of a study: fields given as lists, and the study at each combination of their values."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.planning.arm_items import UNTRAINED
from mae_bench.planning.listable import grid_fields, model_of, without_lists, wrong_list
from mae_bench.planning.option_lists import OptionRules
from mae_bench.sentences import sentence, shown
from mae_bench.specs import (
    SECTIONS,
    Claim,
    Comparison,
    Study,
    as_list,
    is_same,
    point_label,
    value_text,
)
from mae_bench.specs.claim_axes import sides_of
from mae_bench.specs.combinations import (
    EXCLUDE,
    GRID,
    ZIP,
    Factor,
    entry_text,
    factors_of,
    is_matched,
    wrong_exclude,
)
from mae_bench.specs.grid_points import ARM, GridPoint, grid_points, points_of


def take_grid(full: dict[str, Any], rules: OptionRules) -> None:
    """Keep the lists of a study under ``grid``, and put the values of its first point in place.

    Raises:
        SpecError: a list that makes no grid, or a ``zip`` or ``exclude`` that does not fit it.
    """
    grid = full.get(GRID)
    if grid is not None and not isinstance(grid, dict):
        raise SpecError(
            f"grid must be a mapping from fields to lists, got {shown(grid)}; write grid: "
            "{backbone.num_layers: [2, 4]}",
            key_path=(GRID,),
        )
    lists: dict[str, list[Any]] = {}
    for section in SECTIONS:
        if isinstance(full.get(section), dict):
            full[section] = without_lists(full[section], model_of(section), section, lists)
    for name, values in (grid or {}).items():
        if name in lists:
            raise wrong_list(name, "is given as a list and once more under grid; keep one")
        if name.partition(".")[0] in {arm["objective"] for arm in full.get("objectives", ())}:
            raise SpecError(
                f"grid names {name}, an option of an objective; give it its list under objectives",
                key_path=(GRID, name),
            )
        if name not in grid_fields():
            raise UnknownNameError(
                f"grid names {name}, which is no field with one value of "
                f"{', '.join(SECTIONS)}." + near_match(name, grid_fields()),
                key_path=(GRID, name),
            )
        lists[name] = as_list(values)
    zipped = {name for names in rules.of_study.values() for name in names}
    for name, values in list(lists.items()):
        _check_values(name, values)
        if len(values) == 1 and name not in zipped:  # nothing varies
            _set(full, name.split("."), *lists.pop(name))
    exclusions = rules.elsewhere(full.get("objectives", ()))
    exclude = {
        index: exclusions.get(index, entry)
        for index, entry in enumerate(full.get(EXCLUDE) or ())
        if index not in rules.exclusions or index in exclusions
    }
    points = grid_points(lists, rules.of_study, exclude)
    _check_repeats(factors_of(lists, rules.of_study))
    _check_arms(exclude, _labels(full.get("objectives", ())))
    for name, value in points[0].point:
        _set(full, name.split("."), value)
    content: dict[str, Any] = {
        GRID: lists,
        ZIP: list(rules.of_study.values()),
        EXCLUDE: list(exclude.values()),
    }
    for key, kept in content.items():
        full.pop(key, None)
        if kept:
            full[key] = kept


def study_at(study: Study, at: GridPoint) -> Study:
    """Return the study that one point asks for: without a grid, and without arms left out there.

    Raises:
        SpecError: the values of the point do not go together.
    """
    if not study.grid:
        return study
    sections: dict[str, Any] = {}
    for field, value in at.point:
        section, *rest = field.split(".")
        if section not in sections:
            written = getattr(study, section)
            sections[section] = written.model_dump(exclude_unset=True, by_alias=True)
        _set(sections[section], rest, value)
    made = {}
    for section, content in sections.items():
        model = model_of(section)
        try:
            made[section] = model.model_validate(content)
        except ValidationError as error:
            told = sentence(error, model, (section,)).removesuffix(".")
            raise SpecError(
                f"{told} (at {point_label(at.point)}); correct the lists, or leave this "
                "combination out under exclude",
                key_path=(section,),
            ) from None
    arms = tuple(arm for arm in study.objectives if arm.label not in at.without)
    plain: dict[str, Any] = {GRID: {}, ZIP: (), EXCLUDE: ()}
    return study.model_copy(update={**made, **plain, "objectives": arms})


def check_points(study: Study) -> None:
    """Refuse a grid of which a point cannot be run, as far as its values tell.

    Raises:
        SpecError: the first of them, or another part of the study that no grid can have.
    """
    points = points_of(study)
    _check_claims(study, points)
    if not study.grid:
        return
    if study.tuning is not None:
        raise SpecError(
            "tuning finds options for one backbone and one recipe, and grid gives several "
            f"({', '.join(study.grid)}); tune one study for each, or leave one of the two out",
            key_path=("tuning",),
        )
    if "corpus.tokens" in study.grid and study.corpus_tokens:
        raise SpecError(
            "corpus.tokens is given as a list beside corpus_tokens, which means the same; keep one",
            key_path=("corpus_tokens",),
        )
    budget = next((name for name in study.grid if name.startswith("pretrain.budget.")), None)
    if budget and study.budget_split is not None:
        raise SpecError(
            f"{budget} is given as a list beside budget_split, which gives each pretraining its "
            "budget; leave out one of the two",
            key_path=("budget_split",),
        )
    for at in points:
        check_backbone(study_at(study, at).backbone)


def _check_claims(study: Study, points: Sequence[GridPoint]) -> None:
    """Refuse claims and references about points that the grid has not, or where an arm lacks."""
    sides: dict[str, Claim | Comparison] = {f"claims[{i}]": c for i, c in enumerate(study.claims)}
    for number, reference in enumerate(study.references):
        sides[f"references[{number}].comparison"] = reference.comparison
    for where, side in sides.items():
        met = [at for at in points if is_matched(side.grid, dict(at.point))]
        if not met:
            known = ", ".join(study.grid) or "none, for the study has no grid"
            raise SpecError(
                f"{where}.grid {entry_text(side.grid)} fits no point of the study's grid; its "
                f"fields: {known}"
            )
        if all(at.without.intersection(sides_of(side)) for at in met):
            raise SpecError(
                f"{where} is about {' and '.join(sides_of(side))}, one of which exclude leaves out "
                "wherever the claim is about; correct exclude, or drop the claim"
            )


def _labels(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the labels of arms, and that of the untrained encoder where none of them is it."""
    labels = [str(arm["label"]) for arm in arms]
    is_implied = bool(arms) and all(arm["objective"] != UNTRAINED for arm in arms)
    return [*labels, UNTRAINED] if is_implied else labels


def _check_arms(exclude: Mapping[int, Mapping[str, Any]], labels: Sequence[str]) -> None:
    for index, entry in exclude.items():
        for label in as_list(entry.get(ARM, [])):
            if label not in labels:
                raise wrong_exclude(
                    index,
                    f"names the arm {shown(label)}; arms of this study: "
                    f"{', '.join(labels) or 'none'}." + near_match(str(label), labels),
                )


def _check_values(name: str, values: Sequence[object]) -> None:
    if not values:
        raise wrong_list(name, "is given as an empty list; give it a value, or leave it out")
    for value in values:
        if not isinstance(value, bool | int | float | str | None):
            raise wrong_list(
                name, f"is given as a list, which holds {shown(value)}; list its values"
            )


def _check_repeats(factors: Sequence[Factor]) -> None:
    """Refuse a level that occurs twice; fields of a zip may repeat values that differ together."""
    for factor in factors:
        for index, level in enumerate(factor.levels):
            for other in factor.levels[:index]:
                if all(map(is_same, level, other)):
                    told = " and ".join(map(value_text, level))
                    others = "".join(f", with {field}," for field in factor.fields[1:])
                    raise wrong_list(
                        factor.fields[0], f"is given{others} {told} twice; each may occur once"
                    )


def _set(content: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Set one field in place, in copies of the mappings above it."""
    *above, last = path
    for part in above:
        content[part] = dict(content.get(part) or {})
        content = content[part]
    content[last] = value
