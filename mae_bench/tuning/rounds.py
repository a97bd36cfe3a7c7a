"""Rounds of trials: drawn and recorded, run as stages, their values given to Optuna.

A trial is written down whole before it runs, so that a kill leaves it running with all of its
options; the next process finds its finished stages in the store and does the rest. ``random``
needs one round; ``tpe`` one for each trial, since a draw depends on the values before it.
"""

import sqlite3
from functools import partial

import optuna

from mae_bench.errors import SpecError
from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key, Stage
from mae_bench.runner.session import Session
from mae_bench.runner.work import Emit
from mae_bench.specs import ArmSpec, TuningSpec
from mae_bench.tuning.draw import draw, is_empty, space_of
from mae_bench.tuning.edges import search_edges
from mae_bench.tuning.outcome import ArmOutcome, Outcome, TrialOutcome, best_of
from mae_bench.tuning.trials import (
    Expect,
    arm_keys,
    base_plan,
    cost_of,
    trial_plan,
    trial_study,
    value_of,
)

DATABASE = "tuning.db"
_RUNNING = optuna.trial.TrialState.RUNNING
_FAIL = optuna.trial.TrialState.FAIL


class Rounds:
    """The tuning of one study; hold its lock."""

    def __init__(self, session: Session, spec: TuningSpec, emit: Emit, expect: Expect) -> None:
        """Open the database."""
        self.session, self.spec = session, spec
        self.emit, self.expect = emit, expect
        self.study = trial_study(session.asked)
        self.keys = arm_keys(session, base_plan(session))
        spaces = {a.label: space_of(a, self.study.pretrain, spec) for a in self.study.objectives}
        self.spaces = {label: space for label, space in spaces.items() if not is_empty(space)}
        with session.store.writing(DATABASE):
            self.storage = optuna.storages.RDBStorage(
                "sqlite://",  # a path would be read as a URL, with its `?`, `%` and braces
                engine_kwargs={
                    "creator": partial(sqlite3.connect, session.folder / DATABASE, timeout=60),
                },
            )
        self.studies = {label: self.open(label) for label in self.spaces}
        self.plans: dict[tuple[str, int], Plan | SpecError] = {}

    def run(self, retry_failed: bool) -> Outcome:
        """Bring every trial to an end and choose."""
        if retry_failed:
            for label in self.spaces:
                self.forget(label)
        # What `random` draws depends on no value, so all its trials can run side by side.
        ends = [self.spec.trials]
        if self.spec.sampler != "random":
            ends = list(range(1, self.spec.trials + 1))
        for end in ends:
            self.round(end)
        arms = {arm.label: self.outcome(arm) for arm in self.study.objectives}
        return Outcome(sampler=self.spec.sampler, trials=self.spec.trials, arms=arms)

    def round(self, end: int) -> None:
        """Bring the trials below a number to an end, in every arm."""
        with self.session.store.writing(DATABASE):
            for label, study in self.studies.items():
                trials = study.get_trials(deepcopy=False)
                # all are written down before any runs: a kill loses no draw and repeats none
                for number in range(len(trials), end):
                    study.add_trial(draw(self.spec, number, trials, self.spaces[label]))
        running = [
            (label, trial)
            for label, study in self.studies.items()
            for trial in study.get_trials(states=(_RUNNING,))
        ]
        running.sort(key=lambda item: item[1].number)  # so that all arms get ahead alike
        plans = [self.plan(label, trial) for label, trial in running]
        stages: dict[Key, Stage] = {}
        for plan in plans:
            for stage in plan.stages if isinstance(plan, Plan) else ():
                stages.setdefault(stage.key, stage)
        self.expect(list(stages.values()))
        self.session.execute(list(stages.values()), self.emit)
        for (label, trial), plan in zip(running, plans, strict=True):
            value, failure = (None, str(plan))
            if isinstance(plan, Plan):
                value, failure = value_of(plan, self.session.store)
            self.end(label, trial, value, failure)

    def end(
        self, label: str, trial: optuna.trial.FrozenTrial, value: float | None, failure: str
    ) -> None:
        """Write down what a trial gave."""
        with self.session.store.writing(DATABASE):
            if value is None:
                self.storage.set_trial_user_attr(trial._trial_id, "failure", failure)
                self.studies[label].tell(trial.number, state=_FAIL)
            else:
                self.studies[label].tell(trial.number, value)

    def plan(self, label: str, trial: optuna.trial.FrozenTrial) -> Plan | SpecError:
        """Return the plan of a trial, or why its options do not fit together."""
        key = (label, trial.number)
        if key not in self.plans:
            options: dict[str, object] = trial.user_attrs["options"]
            try:
                self.plans[key] = trial_plan(
                    self.study, self.session.data_dir, label, trial.number, options
                )
            except SpecError as error:
                self.plans[key] = error
        return self.plans[key]

    def open(self, label: str) -> optuna.Study:
        """Return Optuna's study of an arm, of this section and no other."""
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study
        try:
            with self.session.store.writing(DATABASE):
                return optuna.create_study(
                    storage=self.storage,
                    sampler=optuna.samplers.RandomSampler(seed=0),  # `draw` has its own
                    study_name=f"{label} {self.keys[label]}",
                    direction="maximize",
                    load_if_exists=True,
                )
        finally:
            optuna.logging.set_verbosity(level)

    def forget(self, label: str) -> None:
        """Start an arm anew if a trial failed; what is in the store is not run again."""
        study = self.studies[label]
        failed = study.get_trials(states=(_FAIL,))
        for trial in failed:
            plan = self.plan(label, trial)
            for stage in plan.stages if isinstance(plan, Plan) else ():
                self.session.store.forget_failure(*stage.key)
        if failed:
            self.plans = {key: p for key, p in self.plans.items() if key[0] != label}
            with self.session.store.writing(DATABASE):
                optuna.delete_study(study_name=study.study_name, storage=self.storage)
            self.studies[label] = self.open(label)

    def outcome(self, arm: ArmSpec) -> ArmOutcome:
        """Return what the tuning of an arm chose and took."""
        key = self.keys[arm.label]
        if arm.label not in self.studies:
            return ArmOutcome(key=key, note="nothing to choose")
        store, trials, plans = self.session.store, [], []
        drawn = self.studies[arm.label].get_trials()
        for frozen in drawn:
            plan = self.plan(arm.label, frozen)
            mine = [plan] if isinstance(plan, Plan) else []
            cost = cost_of(mine, store)
            plans += mine
            trials.append(
                TrialOutcome(
                    number=frozen.number,
                    options=frozen.user_attrs["options"],
                    value=frozen.value,
                    failure=frozen.user_attrs.get("failure", ""),
                    tokens=cost.tokens,
                    flops=cost.flops,
                    seconds=cost.seconds,
                )
            )
        valued = [(trial.value, trial) for trial in trials if trial.value is not None]
        best = min(valued, key=lambda pair: -pair[0])[1] if valued else None
        whole = cost_of(plans, store)
        values = [trial.value for trial in trials]
        return ArmOutcome(
            key=key,
            chosen=best.options if best else {},
            edges=search_edges(drawn[best.number]) if best else None,
            value=best.value if best else None,
            trials=tuple(trials),
            tokens=whole.tokens,
            flops=whole.flops,
            seconds=whole.seconds,
            best_of=best_of(values) if self.spec.sampler == "random" else (),
            note="" if best else "every trial failed: the study's own options stay",
        )
