"""Bugs of a training that several ranks share; joined to the list of `bugs.py`."""

from bugs import Bug

RANKS = "tests/pretraining/test_ranks.py"
SAME = f"{RANKS}::test_two_ranks_train_what_one_process_trains"
BUGS = (
    Bug(
        "equal_ranks",
        "Ranks count alike, however many tokens each predicts.",
        "mae_bench/pretraining/rank_step.py",
        "weighed = output.loss * predicted",
        "weighed, predicted = output.loss, 1",
        (SAME,),
    ),
    Bug(
        "same_rows",
        "Every rank trains on the first share of a batch.",
        "mae_bench/pretraining/rank_step.py",
        "index.chunk(self.ranks.size)[self.ranks.number]",
        "index.chunk(self.ranks.size)[0]",
        (SAME,),
    ),
    Bug(
        "own_gradient_alone",
        "A row learns nothing from the losses of other ranks that compare theirs with it.",
        "mae_bench/model/across_ranks.py",
        "        dist.all_reduce(whole, group=context.group)\n",
        "",
        (SAME,),
    ),
    Bug(
        "own_means",
        "A term that is a mean over other tokens is weighed by those of the loss.",
        "mae_bench/model/across_ranks.py",
        "if not ranks.is_padded:",
        "if ranks.is_padded:",
        (SAME,),
    ),
    Bug(
        "same_dropout",
        "Row i of every rank loses the same numbers.",
        "mae_bench/pretraining/rank_step.py",
        "super().sow(number + self.ranks.number * RANK_STEPS)",
        "super().sow(number)",
        (f"{RANKS}::test_each_rank_drops_other_numbers",),
    ),
)
