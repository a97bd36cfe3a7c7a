"""What a report shows of a session beside its rows: curves, tuning, data, notes."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.planning.reading import unread_pairs
from mae_bench.planning.warnings import empty_steps
from mae_bench.runner.claim_record import when_written
from mae_bench.runner.session import Session
from mae_bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from mae_bench.analysis.context import ReportContext
    from mae_bench.analysis.score_tables import Spread


def report_context(
    session: Session,
    rows: "pd.DataFrame",
    reproduce: str | None,
    language: str = "en",
    spread: "Spread" = "interval",
    foreign: Sequence[Path] = (),
) -> "ReportContext":
    """Return what a session's report shows beside its rows; see `write_page`."""
    from mae_bench.analysis.context import ReportContext
    from mae_bench.analysis.curves import load_curves
    from mae_bench.analysis.foreign import read_foreign
    from mae_bench.analysis.provenance import collect_provenance

    theirs = read_foreign(foreign)
    left, outcome = session.counts().left, None
    if session.asked.tuning is not None:
        from mae_bench.tuning import load_outcome

        outcome = load_outcome(session)
    return ReportContext(
        tuning=outcome.table() if outcome else None,
        tuning_edges=outcome.edge_sentence if outcome else "",
        curves=load_curves(rows, session.store.home, landmarks(session.store)),
        provenance={**collect_provenance(), "data": session.data_checksums()},
        notes=(
            *([left] if left else []),
            *session.plan.warnings,
            *empty_steps(session.plan, session.store),
        ),
        reproduce=reproduce,
        language=language,
        spread=spread,
        foreign=theirs,
        unread=unread_pairs(session.study),
        kinds={name: task.kind for name, task in session.plan.tasks.items()},
        options={arm.label: arm.options.model_dump(mode="json") for arm in session.plan.resolved},
        written=when_written(session.study, session.store, set(rows["arm"])),
    )


def landmarks(store: Store) -> Callable[[Path], float | None]:
    """Return what finds the `Curve.place_entropy` of a pretraining, which counts a text once."""
    from mae_bench.data.blocks import load_blocks
    from mae_bench.pretraining.landmark import landmark
    from mae_bench.pretraining.rebuild import trained_as

    @cache
    def counted(blocks: str, places: tuple[float, float, float]) -> float | None:
        folder = store.path("blocks", blocks)
        return landmark(load_blocks(folder), places) if folder.exists() else None

    def found(checkpoint: Path) -> float | None:
        spec, provisions = trained_as(checkpoint)
        return counted(spec.blocks, provisions.places) if spec and provisions.places else None

    return found
