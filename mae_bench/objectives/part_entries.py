"""Parts as a study writes them, and the one form that they take in ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, InstanceOf, PlainSerializer, TypeAdapter, ValidationError

from mae_bench.errors import SpecError
from mae_bench.objectives.base import (
    OBJECTIVES,
    Objective,
    Provisions,
    Requirements,
    parse_options,
)
from mae_bench.sentences import describe, shown
from mae_bench.specs import Frozen
from mae_bench.specs.base import InWords

AMOUNTS = ("weight", "share")


@dataclass(frozen=True)
class Part:
    """One of the objectives that a whole is made of.

    Attributes:
        label: the key under which it is written.
        objective: its registered name.
        options: parsed.
        amount: its weight, or its share of the budget.
        entry: all of these as ids hold them, without defaults.
    """

    label: str
    objective: str
    options: Frozen
    amount: Any
    entry: Mapping[str, object]

    @property
    def kind(self) -> type[Objective]:
        """Its class."""
        return OBJECTIVES.get(self.objective)

    @cached_property
    def requires(self) -> Requirements:
        """What it would require alone."""
        return self.kind.requires(self.options)

    @cached_property
    def provides(self) -> Provisions:
        """What it would provide alone."""
        return self.kind.provides(self.options)


Parts = Annotated[
    tuple[
        Annotated[InstanceOf[Part], PlainSerializer(lambda part: dict(part.entry))],
        ...,
    ],
    Field(min_length=1),
    InWords("a list of at least 1 (each a mapping)"),
]


def parse_parts(raw: object, amount: str, kind: Any, default: float | None = None) -> list[Part]:
    """Return parts with their options parsed.

    Args:
        raw: a mapping from labels to options, or entries; or a bare amount instead of options.
        amount: key of what the whole adds to a part's options.
        kind: type of the amount.
        default: of the amount; None where it must be given.

    Raises:
        SpecError: an entry without an amount, or with an amount or options that are not allowed.
    """
    if isinstance(raw, Mapping):
        named = [(str(label), given) for label, given in raw.items()]
    elif isinstance(raw, list | tuple) and all(isinstance(item, Mapping) for item in raw):
        named = [(str(item.get("label", item.get("objective"))), item) for item in raw]
    else:
        raise SpecError(
            f"parts are a mapping from objectives to their options, got {shown(raw)}; write for "
            f"instance {{mlm: {{{amount}: 0.5}}, mae: {{{amount}: 0.5}}}}"
        )
    if not named:
        raise SpecError("parts must name at least one objective, got none")
    parts = [_part(label, given, amount, kind, default) for label, given in named]
    labels = [part.label for part in parts]
    if len(set(labels)) < len(labels):
        raise SpecError(f"the labels of parts must differ, got {', '.join(labels)}; rename one")
    return parts


def _part(label: str, given: object, amount: str, kind: Any, default: float | None) -> Part:
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = {amount: given}
    if not isinstance(given, Mapping | None):
        raise SpecError(f"part '{label}' must hold options or its {amount}, got {given!r}")
    options = {str(key): value for key, value in (given or {}).items() if key != "label"}
    objective = options.pop("objective", label)
    entry: dict[str, object] = {"label": label}
    if objective != label:
        entry["objective"] = objective
    for other in AMOUNTS:
        if other != amount and other in options:
            raise SpecError(
                f"part '{label}' takes a {amount}, got a {other}; parts of a mixture have weights, "
                "steps of phases have shares",
                label,
            )
    if amount not in options and default is None:
        raise SpecError(f"part '{label}' has no {amount}; write it beside the part's options")
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    try:
        value = adapter.validate_python(written := options.pop(amount, default))
    except ValidationError as error:
        # one error for each member of the union that was tried; a schedule is the last member
        details = error.errors()[-1 if isinstance(written, Mapping) else 0]
        reason = f"must be {describe(kind)}, got {shown(written)}"
        if details["type"] == "value_error":
            reason = details["msg"].removeprefix("Value error, ")
        raise SpecError(f"part '{label}': {amount}: {reason}", label) from None
    if value != default:
        entry[amount] = adapter.dump_python(value, mode="json", exclude_defaults=True)
    try:
        parsed = parse_options(objective, options)
    except SpecError as error:
        raise SpecError(f"part '{label}': {error}", error.got) from None
    return Part(label, objective, parsed, value, entry | parsed.canonical())
