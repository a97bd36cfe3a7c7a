"""Equal tuning: the same trials, budget, tasks and seeds for every arm, chosen without the test.

What to touch: how options are drawn. It is the only room that knows Optuna, and no arm may get a
trial more than another.

A trial of an arm is an ordinary pretraining at the budget of the ``tuning`` section and an
ordinary evaluation on its tasks that never reads the test split; its value is the mean over
tasks of the primary metric on the selection part. What is drawn: the peak rate of pretraining,
within a factor of the study's, and what the objective's ``search_space`` asks for. Options that
the study fixes stay fixed. The protocol chooses its own settings inside each evaluation, from
the grid of its recipe, as it does in the study itself. A teacher that is another arm is
pretrained in trials as the study writes it, at the budget of trials; in the study itself it is
the tuned one.
"""

from mae_bench.tuning.api import run_study, tune
from mae_bench.tuning.outcome import ArmOutcome, Outcome, load_outcome, use_outcome
from mae_bench.tuning.trials import base_plan, prepared_stages, price

__all__ = [
    "ArmOutcome",
    "Outcome",
    "base_plan",
    "load_outcome",
    "prepared_stages",
    "price",
    "run_study",
    "tune",
    "use_outcome",
]
