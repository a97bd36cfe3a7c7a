"""When a home first saw each claim of a study: before what it reads could be seen, or after.

`studies/<name>/claims.json` is written when a study is prepared or run, before its stages. What is
judged counts, not its sentence: a claim whose margin was changed is another one. Rows of one of its
arms show no difference yet: studies that share a home share their controls. A home whose study was
run before this record was kept cannot say.
"""

import json
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mae_bench.errors import DataError
from mae_bench.results import ROWS_FILE, load_rows
from mae_bench.specs import Claim, Study, Written
from mae_bench.specs.claim_axes import sides_of
from mae_bench.store.store import Store

if TYPE_CHECKING:
    from mae_bench.planning.plan import Plan

RECORD = "claims.json"
_WORDS: dict[bool | None, Written] = {False: "before rows", True: "post hoc", None: "unknown"}


def note_claims(plan: "Plan", store: Store) -> None:
    """Add the claims that this home has not yet seen to its record of the study.

    Raises:
        StoreError: the home cannot be written.
    """
    folder = store.study(plan.study.name)
    seen = _read(store, plan.study.name)
    known = {_key(item["claim"]) for item in seen or ()}
    new = [claim for claim in plan.study.claims if _key(judged(claim)) not in known]
    if not new:
        return
    arms = arms_with_rows(plan, store)
    earlier = _claims_of_earlier_run(store, plan.study.name) if seen is None else set()
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    added = []
    for claim in new:
        had_rows = could_be_seen(claim, arms)
        is_of_earlier_run = had_rows and _key(judged(claim)) in earlier
        added.append({
            "claim": judged(claim),
            "first_seen": now,
            "had_rows": None if is_of_earlier_run else had_rows,
        })  # fmt: skip
    store.write_text(folder / RECORD, json.dumps([*(seen or ()), *added], indent=1))


def when_written(study: Study, store: Store, arms: Collection[str]) -> tuple[Written, ...]:
    """Return of each claim of a study whether it was there before rows of what it compares.

    Args:
        study: whose claims are asked for.
        store: of the home.
        arms: that have rows now; a claim that was never prepared or run here is later than they.
    """
    seen = _read(store, study.name)
    if seen is None and _claims_of_earlier_run(store, study.name):
        return tuple(_WORDS[None] for _ in study.claims)
    had_rows: dict[str, bool | None] = {_key(i["claim"]): i["had_rows"] for i in seen or ()}
    return tuple(
        _WORDS[had_rows.get(_key(judged(claim)), could_be_seen(claim, arms))]
        for claim in study.claims
    )


def could_be_seen(claim: Claim, arms: Collection[str]) -> bool:
    """Whether what a claim is about could be read off the rows of some arms."""
    sides = sides_of(claim)
    return sum(side in arms for side in sides) >= min(2, len(sides))


def arms_with_rows(plan: "Plan", store: Store) -> frozenset[str]:
    """Return the arms of which any row is there, or could be made of what is done.

    Of rows that cannot be read nobody knows whose they were: any arm's.
    """
    arms = {cell.arm.label for cell in plan.cells if store.is_done("evaluate", cell.evaluate)}
    path = store.study(plan.study.name) / ROWS_FILE
    if path.exists():
        try:
            arms |= set(load_rows(path)["arm"])
        except (DataError, OSError, ValueError):
            arms |= {cell.arm.label for cell in plan.cells}
    return frozenset(arms)


def judged(claim: Claim) -> dict[str, Any]:
    """Return what a claim is judged by: all of it but its sentence."""
    return {name: value for name, value in claim.canonical().items() if name != "sentence"}


def _key(claim: dict[str, Any]) -> str:
    return json.dumps(claim, sort_keys=True)


def _read(store: Store, name: str) -> Sequence[dict[str, Any]] | None:
    """Return the record of a study; None where there is none, or none that can be read."""
    try:
        content = json.loads((store.study(name) / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, list) else None


def _claims_of_earlier_run(store: Store, name: str) -> set[str]:
    """Return the claims of the study last run under a name here, by what they are judged by."""
    try:
        content = json.loads((store.study(name) / "study.json").read_bytes())
        return {_key(judged(Claim.model_validate(claim))) for claim in content["claims"]}
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return set()
