"""A training step that several ranks take together, each with its share of the batch's rows."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mae_bench.errors import DataError, SpecError
from mae_bench.model.across_ranks import JoinedRanks, joined
from mae_bench.model.means import Number
from mae_bench.objectives.base import LossOutput, Objective, View
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.ranks import DataParallel
from mae_bench.pretraining.run import Run
from mae_bench.pretraining.step import Forward, Part, Step

RANK_STEPS = 1 << 40  # from one rank's dropout to the next's: more than a training has steps


def make_step(run: Run, batches: Batches) -> Step:
    """Return the step of a training by one process, or by several ranks, and its optimizer."""
    if isinstance(run.ranks, DataParallel):
        run.ranks.check(run.recipe)
        return RankStep(run.ranks, run, batches)
    own = run.make_optimizer()
    return Step(run.objective, own, batches, run.recipe, run.spec.seed, run.requires)


class RankStep(Step):
    """A step whose gradient is the mean over what all ranks predict.

    Rows, masks and the other draws are those of a single process. Only dropout differs: torch draws
    it for the tensors of a pass, so it changes with the rows that a rank or a micro-batch has.

    Args:
        ranks: that take it.
        run: whose objective they have placed.
        batches: whole.
    """

    why_not_recorded = "several ranks take each step together"

    def __init__(self, ranks: DataParallel, run: Run, batches: Batches) -> None:
        own = run.make_optimizer()
        super().__init__(run.objective, own, batches, run.recipe, run.spec.seed, run.requires)
        self.ranks = ranks
        self.joined = JoinedRanks(ranks.group, ranks.control, batches.has_pads)
        self.summed = torch.zeros((), device=self.device)
        # where ranks wait for each other inside of a backward pass, none may leave it out
        self.is_joined_inside = bool(run.requires.whole_batch) or ranks.has_shards
        for part in run.objective.modules():
            if isinstance(part, Objective) and not _is_composite(part):
                self._watch(part)

    def split(self, index: Tensor) -> Sequence[Tensor]:
        """Return the micro-batches of this rank's share of a batch's row numbers."""
        return super().split(index.chunk(self.ranks.size)[self.ranks.number])

    def output(self, view: View, forward: Forward) -> LossOutput:
        """Return the loss of a view, whose terms may read the rows of all ranks."""
        with joined(self.joined):
            return super().output(view, lambda v: self.ranks.inside(lambda: forward(v)))

    def gradients(self, parts: Sequence[Part]) -> int:
        """Add this rank's gradient, each part weighed by what it predicts; return how much."""
        self.summed.zero_()
        total = 0
        for part in parts:
            output = part()
            predicted = int(output.predicted)
            if predicted or self.is_joined_inside:
                weighed = output.loss * predicted
                weighed.backward()
                self.summed += weighed.detach()
                total += predicted
        return total

    def with_memory(self, number: int, gradients: Callable[[], Number]) -> Number:
        """Return what all ranks predicted, once their gradients are added up."""
        # not inside: a rank that is short of memory tries again by itself
        own = int(super().with_memory(number, gradients))
        total = self.ranks.reduce(self.trained, own, self.summed)
        if total:
            self.loss_sum += self.summed
        return total

    def sow(self, number: int) -> None:
        """Seed dropout for a step, apart for each rank: else row i of all would lose the same."""
        super().sow(number + self.ranks.number * RANK_STEPS)

    def _halve(self, cause: str) -> None:
        if self.ranks.has_shards:  # others would wait for the shards of parts that they do not have
            raise DataError(
                f"{self.device} has not the memory for {self.micro_rows} rows of '"
                f"{self.objective.name}', and ranks with shards take the same parts; start more "
                f"ranks, or lower pretrain.batch_rows ({cause})"
            )
        super()._halve(cause)

    def _watch(self, part: Objective) -> None:
        """Refuse an objective that says what it needs of a batch, and does not ask ranks for it."""
        needs, asked = part.requires(part.options), [0, 0]

        def begin(*_: object) -> None:
            asked[:] = self.joined.num_gathered, self.joined.num_rebalanced

        def end(*_: object) -> None:
            if not part.training:
                return
            why = ""
            if needs.whole_batch and self.joined.num_gathered == asked[0]:
                why = f"{needs.whole_batch}, and it does not gather what other ranks have"
            elif (
                needs.counts_apart
                and self.batches.has_pads
                and self.joined.num_rebalanced == asked[1]
            ):
                why = "its terms are means over different numbers of tokens, and rows are padded"
            if why:
                raise SpecError(
                    f"'{part.name}' cannot be trained by several ranks: {why}; train it by one"
                )

        part.register_forward_pre_hook(begin)
        part.register_forward_hook(end)


def _is_composite(objective: Objective) -> bool:
    return any(isinstance(m, Objective) for m in objective.modules() if m is not objective)
