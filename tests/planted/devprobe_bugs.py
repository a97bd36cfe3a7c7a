"""Bugs of what runs on a device: linear models, lengths of batches, recorded fine-tune steps."""

from bugs import Bug

NEWTON, STEPS = "tests/reference/test_newton.py", "tests/protocols/test_tuning_steps.py"
BUCKETS = "tests/training/test_length_buckets.py"
BUGS = (
    Bug(
        "penalised_intercept",
        "The device's logistic regression shrinks its intercepts, too.",
        "mae_bench/training/newton.py",
        "    shrinkage[..., -1] = 0.0\n",
        "",
        (f"{NEWTON}::test_the_loss_is_scikit_learns_optimum",),
    ),
    Bug(
        "uncentred_ridge",
        "The device's ridge forgets that its features were centred.",
        "mae_bench/training/rotation.py",
        "offsets = offsets.flatten(1) - (flat @ self.mean.unsqueeze(-1)).squeeze(-1)",
        "offsets = offsets.flatten(1)",
        (f"{NEWTON}::test_ridge_is_scikit_learns",),
    ),
    Bug(
        "penalties_of_other_targets",
        "The labels of several targets are repeated in another order than their penalties.",
        "mae_bench/tasks/stacked.py",
        "targets = targets.repeat_interleave(len(penalties), dim=1)",
        "targets = targets.repeat(1, len(penalties), 1)",
        (f"{NEWTON}::test_tables_and_targets_that_are_solved_together_are_those_solved_alone",),
    ),
    Bug(
        "buckets_are_charged",
        "What a GPU pads beside is charged, so that budgets buy fewer steps there.",
        "mae_bench/training/batching.py",
        "return (*shape[:-1], int(self.lengths[index].max()))",
        "return shape",
        (f"{BUCKETS}::test_pads_are_marked_and_no_batch_is_longer_than_the_longest_text",),
    ),
    Bug(
        "rates_share_moments",
        "A fine-tune at the second rate starts with the moments that the first one left.",
        "mae_bench/protocols/tuning_steps.py",
        "        forget_moments(latest.optimizer)\n",
        "",
        (f"{STEPS}::test_a_replayed_step_is_a_single_one",),
    ),
)
