"""Draws a trial's options with Optuna, as a pure function of seed, trial number and history.

Every trial has a sampler of its own, so that a resumed tuning draws what an undisturbed one
would have drawn; Optuna's own samplers start anew after a resume and repeat themselves. With the
``random`` sampler the peak rate of trial ``n`` is the same for every arm.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import optuna

from mae_bench.errors import SpecError
from mae_bench.objectives.base import OBJECTIVES, Trial, parse_options
from mae_bench.objectives.trial import Choice
from mae_bench.seeding import seed_for
from mae_bench.specs import PEAK_LR, ArmSpec, PretrainRecipe, TuningSpec

Space = Callable[[Trial], dict[str, object]]
Fits = Callable[[str, object], bool]


class FreeTrial:
    """A trial that draws nothing for what the study fixes, and numbers of four digits at most.

    Nor does it draw options that the fixed ones exclude, as a temperature that nothing reads.
    So a choice can be written into a study by hand, and 0.15 is never 0.15000000000000002.
    """

    def __init__(self, trial: Trial, fixed: Mapping[str, object], fits: Fits) -> None:
        """Wrap a trial; ``fixed`` are values by name, ``fits`` whether an option goes with them."""
        self.trial = trial
        self.fixed = fixed
        self.fits = fits

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a number."""
        if name in self.fixed:
            return cast(float, self.fixed[name])
        if not self.fits(name, low):
            return low
        return float(f"{self.trial.suggest_float(name, low, high, step=step, log=log):.4g}")

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Draw a whole number."""
        if name in self.fixed:
            return cast(int, self.fixed[name])
        if not self.fits(name, low):
            return low
        return self.trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Draw one of the choices."""
        if name in self.fixed:
            return cast(Choice, self.fixed[name])
        possible = [choice for choice in choices if self.fits(name, choice)]
        if len(possible) < 2:
            return (possible or choices)[0]
        return self.trial.suggest_categorical(name, possible)


def space_of(arm: ArmSpec, recipe: PretrainRecipe, spec: TuningSpec) -> Space:
    """Return what draws the options of an arm, and its peak rate under a key of its own.

    What the study fixes is not drawn.
    """
    kind = OBJECTIVES.get(arm.objective)

    def fits(name: str, value: object) -> bool:
        if name not in kind.Options.model_fields:
            return True  # a name of the search alone
        try:
            parse_options(arm.objective, {**arm.options, name: value})
        except SpecError:
            return False
        return True

    def space(trial: Trial) -> dict[str, object]:
        drawn: dict[str, object] = {}
        if not kind.is_trained:
            return drawn
        free = FreeTrial(trial, arm.options, fits)
        if spec.peak_lr_factor > 1 and arm.peak_lr is None:
            low, high = recipe.peak_lr / spec.peak_lr_factor, recipe.peak_lr * spec.peak_lr_factor
            drawn[PEAK_LR] = free.suggest_float(PEAK_LR, low, high, log=True)
        suggested = kind.search_space(free)
        return drawn | {
            name: value
            for name, value in suggested.items()
            if name not in arm.options and fits(name, value)
        }

    return space


def is_empty(space: Space) -> bool:
    """Whether a space has nothing to choose."""
    probe = _memory(optuna.samplers.RandomSampler(seed=0)).ask()
    space(cast(Trial, probe))
    return not probe.params


def draw(
    spec: TuningSpec, number: int, history: Sequence[optuna.trial.FrozenTrial], space: Space
) -> optuna.trial.FrozenTrial:
    """Return a trial that is to be run, with its options as the attribute ``options``.

    Args:
        spec: the sampler and its seed.
        number: of the trial, from 0.
        history: the finished trials before it, in order; ``random`` ignores it.
        space: what is to be drawn.
    """
    memory = _memory(sampler_of(spec, number))
    if spec.sampler != "random":
        memory.add_trials(history)
    trial = memory.ask()
    options = space(cast(Trial, trial))
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={"options": options},
    )


def sampler_of(spec: TuningSpec, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial, with every argument written out."""
    seed = seed_for("tuning", seed=spec.seed, trial=number) % 2**32
    if spec.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        consider_prior=None,  # the first six are deprecated: None is True, 1, True, False and
        prior_weight=None,  # Optuna's own two functions; another value would warn
        consider_magic_clip=None,
        consider_endpoints=None,
        gamma=None,
        weights=None,
        n_startup_trials=min(10, max(2, spec.trials // 3)),
        n_ei_candidates=24,
        seed=seed,
        multivariate=True,
        group=False,
        warn_independent_sampling=None,  # deprecated; None is False
        constant_liar=False,  # trials of one arm run one after another
        constraints_func=None,
    )


def _memory(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study
    try:
        return optuna.create_study(
            storage=optuna.storages.InMemoryStorage(), sampler=sampler, direction="maximize"
        )
    finally:
        optuna.logging.set_verbosity(level)
