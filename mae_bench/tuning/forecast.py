"""Facts and warnings about a study's tuning, shown by a plan before and after it has run."""

from typing import TYPE_CHECKING, Any

from mae_bench.planning.train_sizes import too_large
from mae_bench.tuning.outcome import load_outcome
from mae_bench.tuning.trials import base_plan, price

if TYPE_CHECKING:
    from mae_bench.runner.session import Session


def tuning_facts(session: "Session") -> dict[str, Any] | None:
    """Return trials, cost and choice of a session's tuning; None where the study has none."""
    spec = session.asked.tuning
    if spec is None:
        return None
    outcome = load_outcome(session)
    flops, seconds = (0.0, 0.0) if outcome else price(session)
    return {
        "is_finished": outcome is not None,
        "trials": spec.trials,
        "flops": flops,
        "seconds": seconds,
        "chosen": outcome.options if outcome else {},
    }


def tuning_warnings(session: "Session") -> list[str]:
    """Return warnings about the trials of a tuning that has not run yet."""
    if session.asked.tuning is None:
        return []
    trials = base_plan(session)
    return too_large(trials, session.store, session.data_dir, "tuning.train_size", "trials")
