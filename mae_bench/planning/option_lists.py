"""Lists of an objective's options: which vary together, and which combinations are left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mae_bench.errors import SpecError
from mae_bench.sentences import shown
from mae_bench.specs import SECTIONS
from mae_bench.specs.combinations import (
    EXCLUDE,
    ZIP,
    is_matched,
    matches_nothing,
    wrong_exclude,
)
from mae_bench.specs.grid_points import ARM


@dataclass
class OptionRules:
    """What ``zip`` and ``exclude`` say of options, such as ``mae.mask_ratio``.

    Attributes:
        zips: by position in the study: an objective and its options.
        of_study: by position in the study: a zip of its own fields.
        used: the zips of options that an item has asked for.
        exclusions: by position in the study: an objective, its options, and what else is named.
    """

    zips: dict[int, tuple[str, list[str]]] = field(default_factory=dict)
    of_study: dict[int, Sequence[str]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    exclusions: dict[int, tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    def zipped(self, objective: str, lists: Iterable[str]) -> dict[int, list[str]]:
        """Return the zips of an item: those of its objective that name one of its lists."""
        zips = {
            number: options
            for number, (owner, options) in self.zips.items()
            if owner == objective and set(options) & set(lists)
        }
        self.used |= zips.keys()
        return zips

    def check_zips(self) -> None:
        """Refuse a zip of options that no item has as lists."""
        for number, (owner, options) in self.zips.items():
            if number not in self.used:
                names = ", ".join(f"{owner}.{option}" for option in options)
                raise SpecError(
                    f"zip[{number}] names {names}, and no objective has these as lists; give each "
                    "a list, or drop the zip",
                    key_path=(ZIP, number),
                )

    def without_excluded(self, arms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the arms that no exclusion of options alone matches."""
        kept = list(arms)
        for index, (objective, options, others) in self.exclusions.items():
            if not any(_has(arm, objective, options) for arm in arms):
                raise matches_nothing(index, {f"{objective}.{k}": v for k, v in options.items()})
            if not others:
                kept = [arm for arm in kept if not _has(arm, objective, options)]
        return kept

    def elsewhere(self, arms: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return exclusions at some points of the grid, with arms in place of their options."""
        return {
            index: {**others, ARM: [a["label"] for a in arms if _has(a, objective, options)]}
            for index, (objective, options, others) in self.exclusions.items()
            if others
        }


def rules_of(full: Mapping[str, Any]) -> OptionRules:
    """Return what the study says of options, beside what it says of its grid.

    Raises:
        SpecError: ``zip`` or ``exclude`` has not its form, or mixes what cannot be mixed.
    """
    rules = OptionRules()
    zips = _list(full, ZIP, "[[backbone.num_layers, backbone.hidden_size]]")
    for number, names in enumerate(zips):
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise SpecError(
                f"zip[{number}] must be a list of fields, got {shown(names)}; write zip: "
                "[[backbone.num_layers, backbone.hidden_size]]",
                key_path=(ZIP, number),
            )
        owners = {_owner(name) for name in names}
        if owners <= {""}:
            rules.of_study[number] = names
        elif len(owners) > 1:
            raise SpecError(
                f"zip[{number}] names fields of {' and '.join(sorted(map(_told, owners)))}; zip "
                "either fields of the study or options of one objective",
                key_path=(ZIP, number),
            )
        else:
            rules.zips[number] = (owners.pop(), [name.partition(".")[2] for name in names])
    for index, entry in enumerate(_list(full, EXCLUDE, "[{backbone.num_layers: 6}]")):
        if not isinstance(entry, dict) or not entry:
            raise wrong_exclude(
                index,
                f"must be a mapping from fields to values, got {shown(entry)}; write exclude: "
                "[{backbone.num_layers: 6, pretrain.peak_lr: 2.0e-3}]",
            )
        _take_exclusion(rules, index, entry)
    return rules


def _take_exclusion(rules: OptionRules, index: int, entry: Mapping[str, Any]) -> None:
    owners = {_owner(name) for name in entry} - {""}
    if not owners:
        return
    if len(owners) > 1:
        raise wrong_exclude(
            index, f"names options of {' and '.join(sorted(owners))}; write one for each"
        )
    (objective,) = owners
    options = {n.partition(".")[2]: v for n, v in entry.items() if _owner(n)}
    others = {name: value for name, value in entry.items() if not _owner(name)}
    if ARM in others:
        raise wrong_exclude(index, f"names {ARM} beside options of '{objective}'; keep one of them")
    rules.exclusions[index] = (objective, options, others)


def _list(full: Mapping[str, Any], name: str, example: str) -> list[Any]:
    value = full.get(name)
    if value is not None and not isinstance(value, list | tuple):
        raise SpecError(
            f"{name} must be a list, got {shown(value)}; write {name}: {example}", key_path=(name,)
        )
    return list(value or ())


def _owner(name: str) -> str:
    """Return the objective of an option; empty for a field of the study."""
    section, dot, _ = name.partition(".")
    return section if dot and section not in SECTIONS else ""


def _told(owner: str) -> str:
    return f"objective '{owner}'" if owner else "the study"


def _has(arm: Mapping[str, Any], objective: str, options: Mapping[str, Any]) -> bool:
    return arm["objective"] == objective and is_matched(options, arm["options"])
