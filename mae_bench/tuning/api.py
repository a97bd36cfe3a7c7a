"""Tunes a study: draws trials, runs them, keeps their values; a killed tuning resumes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from mae_bench.planning.stage import Stage
from mae_bench.planning.study import load_study
from mae_bench.runner.completion import FINISHED
from mae_bench.runner.executors import Executor
from mae_bench.runner.session import Session
from mae_bench.runner.work import Emit, Event, ignore_event
from mae_bench.specs import Study
from mae_bench.tuning.outcome import Outcome, load_outcome, save_outcome, use_outcome
from mae_bench.tuning.trials import Expect, spec_of


def no_expect(stages: Sequence[Stage]) -> None:
    """Ignore the stages."""


def tune(
    session: Session,
    emit: Emit = ignore_event,
    expect: Expect = no_expect,
    retry_failed: bool = False,
) -> Outcome:
    """Run the trials that are not done yet, and give the session's arms the best options.

    Args:
        session: of a study with a ``tuning`` section.
        emit: is called with each event.
        expect: is called with the stages of a round before they run.
        retry_failed: run failed trials again, and with ``tpe`` what was drawn after them.

    Raises:
        SpecError: the study has no such section.
        StoreError: the home is full or cannot be written; what is done stays.
    """
    from mae_bench.tuning.rounds import Rounds

    spec = spec_of(session.asked)
    session.store.open()
    session.folder.mkdir(parents=True, exist_ok=True)
    with _alone(session, emit):
        before = load_outcome(session)
        has_failed = before is not None and any(a.num_failed for a in before.arms.values())
        if before is not None and not (retry_failed and has_failed):
            outcome = before
        else:
            outcome = Rounds(session, spec, emit, expect).run(retry_failed)
            with session.store.writing("the tuning"):
                (session.folder / FINISHED).unlink(missing_ok=True)
            save_outcome(session, outcome)
    session.use_tuned(outcome.options)
    return outcome


@contextmanager
def _alone(session: Session, emit: Emit) -> Iterator[None]:
    """Hold the right to tune a study at this home; a killed holder loses it at once."""
    lock = FileLock(session.folder / "tuning.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = session.asked.name
        note = f"another process is tuning '{name}'; waiting for it"
        emit(Event("message", ("tuning", name), name, note=note))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def run_study(
    study: Study | str | Path,
    *,
    home: Path | str | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    executor: str | Executor = "local",
    shard: str | None = None,
    track: str | None = None,
    compile_by: str = "auto",
    batch_seeds: int | str = "auto",
    retry_failed: bool = False,
    emit: Emit = ignore_event,
) -> pd.DataFrame:
    """Run a study and return its rows, tuning first what is to be tuned.

    Running again resumes, or does nothing.

    Args:
        study: a study, a YAML file, or the name of a packaged one.
        home: where everything is kept; None for MAE_BENCH_HOME or the platform's cache folder.
        data_dir: local data; None for MAE_BENCH_DATA, if that is set.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes. More than 1 are spawned, which a script must allow by an
            ``if __name__ == "__main__":`` around its own call.
        executor: where workers run: a registered name, or one that was made with options.
        shard: ``2/8`` runs the second of eight shares alone; None runs all.
        track: tensorboard, wandb, trackio or mlflow, which get the curves of pretrainings.
        compile_by: ``auto``, ``off``, ``graph`` or ``inductor``: how training steps are run.
        batch_seeds: seeds of an arm that are trained as one program, or ``auto``, as in `Session`.
        retry_failed: try what failed in an earlier run again.
        emit: is called with each event.
    """
    if not isinstance(study, Study):
        study = load_study(study)
    session = Session(
        study,
        home=home,
        data_dir=data_dir,
        device=device,
        workers=workers,
        executor=executor,
        shard=shard,
        track=track,
        compile_by=compile_by,
        batch_seeds=batch_seeds,
    )
    if study.tuning is not None and use_outcome(session) is None:
        tune(session, emit, retry_failed=retry_failed)
    return session.run(emit, retry_failed)
