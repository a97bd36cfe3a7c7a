"""What the command line plans and reports, as functions for Python; runs are `run_study`."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.errors import DataError, SpecError
from mae_bench.planning.plan import Plan
from mae_bench.planning.study import in_file, load_study
from mae_bench.planning.warnings import prepared_warnings
from mae_bench.results import NO_ROWS, ROWS_FILE
from mae_bench.runner.executors import Executor
from mae_bench.runner.session import Counts, Session
from mae_bench.specs import Study

if TYPE_CHECKING:  # `status` opens a session too, and needs none of these
    import pandas as pd

    from mae_bench.analysis.score_tables import Spread
    from mae_bench.planning.estimate import Estimate


@dataclass(frozen=True)
class PlannedStudy:
    """A study as it stands at a home: what it asks for, what is done, what the rest will cost.

    Attributes:
        plan: arms, stages and cells, with what tuning has chosen.
        home: where results are kept.
        counts: stages and cells in all, done and failed.
        estimate: FLOPs, seconds, disk, and the effects that its seeds can show.
        num_workers: processes that a run would use.
        tuning: trials and their cost; None where the study has no ``tuning`` section.
        warnings: one sentence each.
        tasks: kind, language and rows of each; see `mae_bench.planning.planned_tasks`.
        own_tasks: what each of the study's own files was read as, a line each.
    """

    plan: Plan
    home: Path
    counts: Counts
    estimate: "Estimate"
    num_workers: int
    tuning: dict[str, Any] | None
    warnings: tuple[str, ...]
    tasks: tuple[Mapping[str, object], ...] = ()
    own_tasks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mae-bench plan --json`` prints."""
        return {
            "study": self.plan.study.model_dump(mode="json"),
            "home": str(self.home),
            "counts": dataclasses.asdict(self.counts),
            **dataclasses.asdict(self.estimate),
            "workers": self.num_workers,
            "tuning": self.tuning,
            "tasks": list(self.tasks),
            "own_tasks": list(self.own_tasks),
            "warnings": [*self.warnings, *self.estimate.assumptions],
            "stage_ids": [list(stage.key) for stage in self.plan.stages],
        }


def plan(
    study: Study | str | Path,
    *,
    home: Path | str | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    executor: str | Executor = "local",
) -> PlannedStudy:
    """Return what a study asks for and what it will cost. Nothing is run or written.

    Args:
        study: a study, a YAML file, or the name of a packaged one.
        home: whose finished results count; None for MAE_BENCH_HOME or the user's cache folder.
        data_dir: local data; None for MAE_BENCH_DATA, if that is set.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes; None for one a core, or one a GPU.
        executor: where workers would run: a registered name, or one made with options.

    Raises:
        SpecError: the study is wrong, or names what is not registered.
    """
    return planned(open_session(study, (), None, home, data_dir, device, workers, executor))


def report(
    study: Study | str | Path,
    *,
    home: Path | str | None = None,
    data_dir: Path | None = None,
    out: Path | None = None,
    language: str = "en",
    spread: "Spread" = "interval",
    foreign: Sequence[Path] = (),
) -> Path:
    """Write the report on what is done so far and return its page, ``index.html``.

    Args:
        study: a study, a YAML file, or the name of a packaged one.
        home: where it was run; None for MAE_BENCH_HOME or the user's cache folder.
        data_dir: local data; None for MAE_BENCH_DATA, if that is set.
        out: the report's folder, new, empty, or of an earlier report; None for one in the home.
        language: ``en`` or ``zh``.
        spread: what tables of scores print after ±: half of the 95% ``interval``, or the ``sd``.
        foreign: files of results that others published, which are shown beside those of the study.

    Raises:
        SpecError: no report is written in that language, or with that spread.
        DataError: nothing of the study is done at this home, or a foreign file cannot be read.
        StoreError: ``out`` holds something other than a report.
    """
    from mae_bench.analysis.score_tables import check_spread

    check_spread(spread)
    session = open_session(study, (), None, home, data_dir)
    rows = finished_rows(session)
    return write_page(session, rows, out, None, language=language, spread=spread, foreign=foreign)


def evaluate(
    encoders: Sequence[str],
    tasks: Sequence[str],
    protocols: Sequence[str] = ("finetune",),
    *,
    home: Path | str | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    **fields: Any,
) -> "pd.DataFrame":
    """Put finished encoders, each with its own tokenizer, through tasks; return the rows.

    Evaluating again resumes, or does nothing.

    Args:
        encoders: folders, Hub ids, or runs of the home as ``study:arm:seed``; ``label=`` before
            one gives it a name.
        tasks: registered names.
        protocols: registered names.
        home: where everything is kept; None for MAE_BENCH_HOME or the platform's cache folder.
        data_dir: local data; None for MAE_BENCH_DATA, if that is set.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes; see `run_study`.
        **fields: others of a study: train_sizes, noise, seeds, recipes.

    Raises:
        SpecError: an encoder, a task or a field is wrong.
    """
    from mae_bench.planning.evaluation import evaluation_study
    from mae_bench.runner.find_encoder import find_encoder
    from mae_bench.store.store import Store

    items = [find_encoder(text, Store(home)) for text in encoders]
    asked = {"tasks": list(tasks), "protocols": list(protocols), **fields}
    study = evaluation_study(items, asked)
    return Session(study, home=home, data_dir=data_dir, device=device, workers=workers).run()


def open_session(
    study: Study | str | Path,
    overrides: Sequence[str] = (),
    scale: str | None = None,
    home: Path | str | None = None,
    data_dir: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    executor: str | Executor = "local",
    shard: str | None = None,
    track: str | None = None,
    compile_by: str = "auto",
    batch_seeds: int | str = "auto",
) -> Session:
    """Return a study at a home, planned with what its tuning has chosen, if that is finished.

    ``overrides`` and ``scale`` are those of `load_study`, for a study that is read from a file;
    the others those of `Session`.
    """
    loaded = study if isinstance(study, Study) else load_study(study, overrides, scale)
    session = Session(
        loaded,
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
    try:
        session.plan  # noqa: B018  # finds the names that no registry knows, while the file is known
        if loaded.tuning is not None:
            from mae_bench.tuning import use_outcome

            use_outcome(session)
            session.plan  # noqa: B018  # with the options that were chosen
    except SpecError as error:
        if isinstance(study, Study):
            raise
        raise in_file(error, study, overrides, scale) from None
    return session


def planned(session: Session) -> PlannedStudy:
    """Return what a session's study asks for and will cost."""
    from mae_bench.planning.estimate import estimate
    from mae_bench.planning.planned_tasks import told_of_tasks
    from mae_bench.tasks.own import own_summary

    made, counts = session.plan, session.counts()
    warnings = [*made.warnings, *prepared_warnings(made, session.store, session.data_dir)]
    tuning = None
    if made.study.tuning is not None:
        from mae_bench.tuning.forecast import tuning_facts, tuning_warnings

        tuning = tuning_facts(session)
        warnings += tuning_warnings(session)
    num_workers = session.choose_workers(counts.num_left)
    return PlannedStudy(
        plan=made,
        home=session.store.home,
        counts=counts,
        estimate=estimate(made, session.store, session.device, num_workers),
        num_workers=num_workers,
        tuning=tuning,
        warnings=tuple(warnings),
        tasks=told_of_tasks(made, session.store, session.data_dir),
        own_tasks=tuple(own_summary(spec) for spec in made.study.own_tasks),
    )


def finished_rows(session: Session) -> "pd.DataFrame":
    """Return the rows of what is done and failed so far.

    Raises:
        DataError: there are none, or only rows of another form of the study.
    """
    rows = session.rows()
    if not rows.empty:
        return rows
    kept = session.folder / ROWS_FILE
    if kept.exists():
        changed = ", ".join(session.changes())
        why = f"the study differs from them in {changed}" if changed else "its data are others"
        raise DataError(
            f"nothing of '{session.asked.name}' is done in this form, but {kept} holds rows of it: "
            f"{why}; give the --data-dir (or MAE_BENCH_DATA), --scale and --set that it ran with"
        )
    raise DataError(NO_ROWS)


def write_page(
    session: Session,
    rows: "pd.DataFrame",
    out: Path | None,
    reproduce: str | None,
    *,
    language: str = "en",
    spread: "Spread" = "interval",
    foreign: Sequence[Path] = (),
) -> Path:
    """Write a session's report and return its page.

    Args:
        session: whose study the rows are of.
        rows: as `finished_rows` returns them.
        out: as in `report`.
        reproduce: the command that makes the rows again, shown on the page.
        language: as in `report`.
        spread: as in `report`.
        foreign: as in `report`.
    """
    from mae_bench.analysis.report import write_report
    from mae_bench.reporting import report_context

    context = report_context(session, rows, reproduce, language, spread, foreign)
    return write_report(rows, session.study, out or session.folder / "report", context=context)
