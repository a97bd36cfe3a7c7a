"""What a tuning chose and what it took, kept as ``tuned.json`` in the study's folder."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from mae_bench.plurals import counted
from mae_bench.specs import Frozen
from mae_bench.tuning.trials import arm_keys, base_plan

if TYPE_CHECKING:
    from mae_bench.runner.session import Session

TUNED = "tuned.json"


class TrialOutcome(Frozen):
    """One trial; ``failure`` says why there is no value."""

    number: int
    options: dict[str, Any]
    value: float | None = None
    failure: str = ""
    tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0


class ArmOutcome(Frozen):
    """The tuning of one arm.

    Attributes:
        key: of all that it depends on.
        chosen: options of the best trial, the earlier one of equals; nothing where every trial
            failed or there was nothing to choose.
        value: of the best trial, on the selection part.
        trials: all of them, failed ones too.
        tokens: of all trials; parts that trials share count once.
        flops: likewise.
        seconds: likewise.
        best_of: expected best value of 1, 2, ... random trials; empty for another sampler.
        note: why there are no trials, or no choice.
        edges: chosen values at the edge of their search, as ``lowest`` or ``highest``; None where
            nothing was chosen, or before this was recorded.
    """

    key: str
    chosen: dict[str, Any] = Field(default_factory=dict)
    edges: dict[str, str] | None = None
    value: float | None = None
    trials: tuple[TrialOutcome, ...] = ()
    tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    best_of: tuple[float, ...] = ()
    note: str = ""

    @property
    def num_failed(self) -> int:
        """How many trials have no value."""
        return sum(trial.value is None for trial in self.trials)

    @property
    def chosen_text(self) -> str:
        """The choice in words."""
        text = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.chosen.items()
        )
        return text or self.note

    @property
    def edges_text(self) -> str:
        """The chosen values at an edge in words."""
        if self.edges is not None:
            return ", ".join(f"{name} {end}" for name, end in self.edges.items()) or "none"
        return "not recorded" if self.chosen else "nothing chosen"

    @property
    def best_of_text(self) -> str:
        """The expected best of 1, 2, 4, ... and of all trials."""
        n = len(self.best_of)
        shown = [k for k in range(1, n + 1) if k == n or k & (k - 1) == 0]
        return ", ".join(f"{k}: {self.best_of[k - 1]:.3f}" for k in shown) or "none"


class Outcome(Frozen):
    """The tuning of every arm that the study names, by label."""

    sampler: str
    trials: int
    arms: dict[str, ArmOutcome]

    @property
    def options(self) -> dict[str, dict[str, object]]:
        """What replaces the study's options, by label; an arm without a choice is there too."""
        return {label: arm.chosen for label, arm in self.arms.items()}

    @property
    def edge_sentence(self) -> str:
        """How many arms have a choice at the edge of its search, and which; empty if unknown."""
        known = {label: arm for label, arm in self.arms.items() if arm.edges is not None}
        arms = counted(len(known), "tuned arm")
        named = [f"{label}: {arm.edges_text}" for label, arm in known.items() if arm.edges]
        text = f"Chosen at the edge of its search: {len(named)} of {arms}"
        if named:
            text += f" ({'; '.join(named)}). Beyond an edge may lie a better value"
        return f"{text}." if known else ""

    def table(self) -> list[dict[str, object]]:
        """Return one mapping an arm, as reports show it."""
        return [
            {
                "arm": label,
                "chosen": arm.chosen_text,
                "at the edge": arm.edges_text,
                "selection value": arm.value,
                "trials": len(arm.trials),
                "failed": arm.num_failed,
                "sampler": self.sampler,
                "expected best of k": arm.best_of_text,
                "tokens": arm.tokens,
                "FLOPs": arm.flops,
                "seconds": arm.seconds,
            }
            for label, arm in self.arms.items()
        ]


def best_of(values: Sequence[float | None]) -> tuple[float, ...]:
    """Return the expected best of k = 1, 2, ... trials drawn at random (arXiv:1909.03004, eq. 1).

    A failed trial counts as the worst value seen. Nothing is returned where all have failed.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ()
    worst, n = min(known), len(values)
    ordered = sorted(worst if value is None else value for value in values)
    return tuple(
        sum(
            value * ((rank / n) ** k - ((rank - 1) / n) ** k)
            for rank, value in enumerate(ordered, 1)
        )
        for k in range(1, n + 1)
    )


def load_outcome(session: "Session") -> Outcome | None:
    """Return the finished tuning of a study; None if it has none, or it was of another study."""
    if session.asked.tuning is None:
        return None
    keys = arm_keys(session, base_plan(session))
    try:
        text = (session.folder / TUNED).read_bytes()
        outcome = Outcome.model_validate_json(text)
    except (OSError, ValidationError):
        return None
    kept_keys = {label: arm.key for label, arm in outcome.arms.items()}
    return outcome if kept_keys == keys else None


def save_outcome(session: "Session", outcome: Outcome) -> None:
    """Keep an outcome in one rename."""
    text = json.dumps(outcome.model_dump(mode="json"), indent=1, allow_nan=False)
    session.store.write_text(session.folder / TUNED, text)


def use_outcome(session: "Session") -> Outcome | None:
    """Give a session's arms what their tuning chose; return the outcome, if there is one."""
    session.plan  # noqa: B018  # so that what is wrong is the study's, not that of its trials
    outcome = load_outcome(session)
    if outcome is not None:
        session.use_tuned(outcome.options)
    return outcome
