"""Bugs in the split of one budget between pretraining and fine-tuning, one place each."""

from bugs import Bug

BEST = "tests/analysis/test_best_split.py"
BOUGHT = "tests/protocols/test_bought_steps.py"
PLANS = "tests/planning/test_budget_split.py"
BUGS = (
    Bug(
        "one_step_too_many",
        "A fine-tune goes on until its share is overspent.",
        "mae_bench/protocols/bought_steps.py",
        "if spent + price > flops:",
        "if spent > flops:",
        (f"{BOUGHT}::test_both_parts_add_up_to_the_budget_within_a_step_of_each",),
    ),
    Bug(
        "whole_budget_twice",
        "A fine-tune has the whole budget, whatever the pretraining took.",
        "mae_bench/planning/budget_split.py",
        "whole.flops - pretrain)",
        "whole.flops)",
        (f"{PLANS}::test_each_share_buys_a_pretraining_and_the_rest_a_fine_tune",),
    ),
    Bug(
        "teacher_of_the_whole",
        "A student's teacher is pretrained with the whole budget and not with its share.",
        "mae_bench/planning/planner.py",
        "self._pretrain(teacher, tokens, seed, split), None",
        "self._pretrain(teacher, tokens, seed, NO_SPLIT), None",
        (f"{PLANS}::test_a_student_learns_from_a_teacher_of_its_own_share",),
    ),
    Bug(
        "head_for_nothing",
        "Steps of the head alone are not paid from the budget.",
        "mae_bench/protocols/bought_steps.py",
        "spent = paid = operations.total or 0.0",
        "spent = paid = 0.0",
        (f"{BOUGHT}::test_the_heads_own_steps_are_paid_first",),
    ),
    Bug(
        "best_by_its_mean",
        "The share of the best mean is called the best, whether or not others may be as good.",
        "mae_bench/analysis/budget_split.py",
        "if (line.label(best), line.label(s)) not in beaten",
        "if (line.label(s), line.label(best)) in beaten",
        (f"{BEST}::test_a_share_that_beats_every_other_is_the_best_and_a_tie_is_not_decidable",),
    ),
    Bug(
        "shares_in_one_column",
        "Rows of several shares are read as one setting.",
        "mae_bench/analysis/rows.py",
        "for split in (splits if ratio == -1 else [ratio])",
        "for split in splits",
        (f"{BEST}::test_a_share_that_beats_every_other_is_the_best_and_a_tie_is_not_decidable",),
    ),
)
