"""A study at a home: planned, run, resumed and read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.errors import StoreError
from mae_bench.planning.plan import Plan, make_plan
from mae_bench.planning.plugged import changed_sources
from mae_bench.planning.reasons import failure_reasons
from mae_bench.planning.shard import parse_shard
from mae_bench.planning.stage import Stage
from mae_bench.planning.stage_kinds import STAGE_KINDS
from mae_bench.results import ROWS_FILE, save_rows
from mae_bench.runner.changed_fields import changed_fields
from mae_bench.runner.claim_record import note_claims
from mae_bench.runner.collect import collect
from mae_bench.runner.completion import FINISHED, is_damaged, mark_finished, plan_key
from mae_bench.runner.devices import check_compile, check_device, check_workers, parse_batch_seeds
from mae_bench.runner.executors import Executor, WorkOrder, make_executor
from mae_bench.runner.executors.base import run_order
from mae_bench.runner.kept import ASKED_FILE
from mae_bench.runner.stages import Settings
from mae_bench.runner.tracking import Tracking, check_tracker
from mae_bench.runner.tracking import command as tracker_command
from mae_bench.runner.work import Emit, Event, ignore_event
from mae_bench.specs import Study
from mae_bench.store.artefact import read_done
from mae_bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Counts:
    """How far a plan is."""

    stages: int
    done: int
    failed: int
    cells: int
    cells_done: int
    cells_failed: int

    @property
    def num_left(self) -> int:
        """Stages that a run would begin."""
        return self.stages - self.done - self.failed

    @property
    def is_finished(self) -> bool:
        """Whether a run would do nothing."""
        return not self.num_left

    @property
    def left(self) -> str:
        """Return what a reader of the rows must know while cells are missing; empty at the end."""
        missing = self.cells - self.cells_done - self.cells_failed
        if not missing:
            return ""
        return (
            f"Not finished: {missing:,} of {self.cells:,} cells "
            f"{'is' if missing == 1 else 'are'} still to be run, and no "
            "verdict here is the last; `mae-bench run` goes on."
        )


class Session:
    """A study at a home. Reading writes nothing; `run` and `prepare` make the home."""

    def __init__(
        self,
        study: Study,
        *,
        home: Path | str | None = None,
        data_dir: Path | None = None,
        device: str = "auto",
        workers: int | None = None,
        executor: str | Executor = "local",
        shard: str | None = None,
        track: str | None = None,
        compile_by: str = "auto",
        batch_seeds: int | str = "auto",
    ) -> None:
        """Bind a study to a home.

        Args:
            study: as loaded.
            home: None for MAE_BENCH_HOME or the platform's cache folder.
            data_dir: local data; None for MAE_BENCH_DATA, if that is set, else for what the home
                was prepared from.
            device: ``auto``, ``cpu`` or ``cuda``.
            workers: processes; None for one a core, or one a GPU.
            executor: where workers run: a registered name, or one that was made with options.
            shard: ``2/8`` runs the second of eight shares alone; None runs all.
            track: the tracker that gets the curves of pretrainings; None for none.
            compile_by: ``auto``, ``off``, ``graph`` or ``inductor``: how training steps are run.
            batch_seeds: seeds of an arm that are trained as one program; ``auto`` is 10 on a GPU,
                as far as its memory suffices, and 1 on a CPU.
        """
        from mae_bench.runner.noted_data import data_dir_at

        check_workers(workers)
        check_device(device)
        check_compile(compile_by)
        self.asked = study
        self.store = Store(home)
        self.data_dir = data_dir_at(self.store, data_dir)
        self._device = device
        self._workers = workers
        # an unknown name is refused before anything is planned
        self._executor = make_executor(executor) if isinstance(executor, str) else executor
        self._shard = parse_shard(shard)
        check_tracker(track)
        self._track = track
        self._compile_by = compile_by
        self._batch_seeds = parse_batch_seeds(batch_seeds)
        self._tuned: dict[str, dict[str, Any]] = {}

    @cached_property
    def plan(self) -> Plan:
        """The plan, with what tuning has chosen."""
        return make_plan(self.asked, self.data_dir, self._tuned)

    @property
    def study(self) -> Study:
        """The study with all that was implied written out."""
        return self.plan.study

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What a run brings to an end: the plan's stages, or those of one shard."""
        return self.plan.stages if self._shard is None else self._shard.stages(self.plan.stages)

    @property
    def compile_by(self) -> str:
        """How training steps are run, as asked for."""
        return self._compile_by

    @property
    def folder(self) -> Path:
        """Where the study's rows are kept."""
        return self.store.study(self.asked.name)

    @cached_property
    def device(self) -> str:
        """The device that ``auto`` means here."""
        return self._executor.choose_device(self._device)

    def counts(self) -> Counts:
        """Return how far the plan is."""
        plan = self.plan
        reasons = failure_reasons(plan, self.store)
        done = {stage.key for stage in plan.stages if self.store.is_done(*stage.key)}
        keys = [("evaluate", cell.evaluate) for cell in plan.cells]
        return Counts(
            stages=len(plan.stages),
            done=len(done),
            failed=len(reasons),
            cells=len(keys),
            cells_done=sum(key in done for key in keys),
            cells_failed=sum(key in reasons for key in keys),
        )

    def changes(self) -> list[str]:
        """Return the fields that differ from the study last run under this name here."""
        return changed_fields(self.study, self.folder)

    def prepare(self, emit: Emit = ignore_event, retry_failed: bool = False) -> Counts:
        """Fetch and tokenise only: the stages that may use the network."""
        self._open(retry_failed)
        self._note_data()
        note_claims(self.plan, self.store)
        self.execute(self.plan.prepared, emit)
        return self.counts()

    def run(self, emit: Emit = ignore_event, retry_failed: bool = False) -> "pd.DataFrame":
        """Run what is not done, then derive and keep the rows.

        Args:
            emit: is called with each event.
            retry_failed: forget earlier failures of this study's stages first.

        Raises:
            StoreError: the home is full or cannot be written; what is done stays.
        """
        self._open(retry_failed)
        self._note_data()
        note_claims(self.plan, self.store)
        if is_damaged(self.store, self.asked):
            note = f"{self.folder / ROWS_FILE} was damaged; it is written again"
            emit(Event("message", ("", ""), "rows", note=note))
        self._keep_study()
        for _ in range(3):  # an artefact that is damaged when rows are read is built again
            if not self.counts().is_finished:
                self.execute(self.stages, emit)
            if not self._remove_damaged(emit):
                break
        rows = self.rows()
        with self.store.writing("the rows"):
            save_rows(rows, self.folder / ROWS_FILE)
        stages = [stage.key for stage in self.plan.stages]
        is_whole = all(self.store.is_done(*key) for key in stages)
        if is_whole and not changed_sources(self.plan, self.store):  # each run reports these
            mark_finished(self.store, self.asked, plan_key(self.asked, self.data_dir), stages)
        return rows

    def rows(self) -> "pd.DataFrame":
        """Return the rows of what is done and failed so far."""
        return collect(self.plan, self.store)

    def data_checksums(self) -> dict[str, dict[str, str]]:
        """Return the sha256 of every file of prepared data that is there, by stage and file."""
        return {
            stage.label: {
                name: facts["sha256"]
                for name, facts in (read_done(self.store.path(*stage.key)) or {}).items()
            }
            for stage in self.plan.prepared
            if self.store.is_done(*stage.key)
        }

    def _open(self, retry_failed: bool) -> None:
        self.store.open()
        if retry_failed:
            for stage in self.plan.stages:
                self.store.forget_failure(*stage.key)

    def _note_data(self) -> None:
        from mae_bench.runner.noted_data import note_data

        note_data(self.plan, self.store, self.data_dir)

    def _keep_study(self) -> None:
        with self.store.writing("the study"):
            (self.folder / FINISHED).unlink(missing_ok=True)
        text = json.dumps(self.study.model_dump(mode="json"), indent=1)
        self.store.write_text(self.folder / "study.json", text)
        asked = json.dumps(self.asked.model_dump(mode="json"), indent=1)
        self.store.write_text(self.folder / ASKED_FILE, asked)
        stages = [[stage.kind, stage.id, stage.label] for stage in self.plan.stages]
        cells = [[cell.id, cell.pretrain, cell.evaluate] for cell in self.plan.cells]
        plan = json.dumps({"stages": stages, "cells": cells})
        self.store.write_text(self.folder / "plan.json", plan)

    def use_tuned(self, tuned: Mapping[str, dict[str, Any]]) -> None:
        """Replace options of arms, by label, with what tuning chose; the plan is made anew."""
        self._tuned = dict(tuned)
        self.__dict__.pop("plan", None)

    def execute(self, stages: Sequence[Stage], emit: Emit = ignore_event) -> None:
        """Bring stages to an end, each after those that it needs; the store must be open."""
        left = sum(not self.store.is_done(*stage.key) for stage in stages)
        if not left:
            return
        settings = Settings(
            self.device,
            self.data_dir,
            compile_by=self._compile_by,
            batch_seeds=self._batch_seeds,
        )
        workers = self.choose_workers(left)
        is_elsewhere = self._executor.is_elsewhere
        order = WorkOrder(tuple(stages), self.store.home, settings, workers, is_elsewhere)
        if self._track is None:
            run_order(self._executor, order, emit)
            return
        with self.store.writing("the study"):
            self.folder.mkdir(parents=True, exist_ok=True)
        tracker = tracker_command(self._track, self.asked.name, self.folder)
        with Tracking(self._track, tracker, self.folder, self.store, emit) as tracking:
            run_order(self._executor, order, tracking)

    def choose_workers(self, num_stages: int) -> int:
        """Return the number of workers that so many stages get."""
        return self._executor.choose_workers(self._workers, self.device, num_stages)

    def _remove_damaged(self, emit: Emit) -> bool:
        """Remove artefacts whose numbers, which rows take, no longer have their checksum."""
        has_removed = False
        for stage in self.plan.stages:
            files = STAGE_KINDS[stage.kind].row_files
            if not files or not self.store.is_done(*stage.key):
                continue
            if reason := self.store.damage(*stage.key, only=files):
                self.store.remove(*stage.key)
                note = f"the artefact of '{stage.label}' was damaged ({reason}); it is built again"
                emit(Event("message", stage.key, stage.label, note=note))
                has_removed = True
        return has_removed


__all__ = ["Counts", "Session", "StoreError"]
