"""Rows of which one share is replaced and another predicted.

Source: Wettig et al. 2023, arXiv:2202.08005.
Legend: T maskable tokens of a row.
"""

import math
from typing import Self

from pydantic import model_validator

from mae_bench.draws import Draws
from mae_bench.masking import Lexicon, RatioSchedule, hide, replace
from mae_bench.masking.copies import hide_in_copies, in_copies, num_predicted, subset
from mae_bench.objectives.base import Block, View
from mae_bench.objectives.targets import MaskingOptions, all_positions
from mae_bench.specs import Ratio


class TwoRatioOptions(MaskingOptions):
    """One ratio for both, unless one of them is given.

    Attributes:
        corrupt_ratio: share of a row that is replaced; None for mask_ratio.
        predict_ratio: share of a row that is predicted; None for mask_ratio (Wettig et al.
            2023, arXiv:2202.08005). Below corrupt_ratio, the loss is on a random
            subset of the replaced tokens. Above it, the encoder reads k = ceil(predict /
            corrupt) copies of the row; each replaces round(corrupt * T) tokens and predicts
            round(predict / k * T) of these, and none is predicted twice. Where predict is a
            multiple of corrupt, the copies replace disjoint sets and predict all of them;
            elsewhere what a copy replaces and does not predict may be another's target.
    """

    corrupt_ratio: Ratio | None = None
    predict_ratio: Ratio | None = None

    @property
    def has_two_ratios(self) -> bool:
        """Whether what is replaced and what is predicted are counted apart."""
        return self.corrupt_ratio is not None or self.predict_ratio is not None

    @model_validator(mode="after")
    def _two_ratios(self) -> Self:
        if not self.has_two_ratios:
            return self
        if isinstance(self.mask_ratio, RatioSchedule):
            raise ValueError(
                "corrupt_ratio and predict_ratio need a mask_ratio that does not move, got a "
                "schedule; write one number"
            )
        is_given = "mask_ratio" in self.model_fields_set
        if is_given and self.corrupt_ratio and self.predict_ratio:
            raise ValueError(
                f"mask_ratio {self.mask_ratio:g} has no effect where corrupt_ratio and "
                "predict_ratio are both given; leave one of the three out"
            )
        return self

    @property
    def corrupted(self) -> float:
        """Share of a row that each copy replaces."""
        return self.corrupt_ratio or self._fixed

    @property
    def copies(self) -> int:
        """Passes of a row through the encoder."""
        if not self.has_two_ratios:
            return 1
        return max(1, math.ceil(self._predicted / self.corrupted - 1e-9))

    @property
    def predicted_by_copy(self) -> float:
        """Share of a row that each copy predicts."""
        each = self._predicted / self.copies
        return self.corrupted if math.isclose(each, self.corrupted) else each

    def num_predicted(self, row_length: int) -> int:
        """Return how many tokens each copy of a full row predicts."""
        return num_predicted(row_length, copies=self.copies, predicted=self.predicted_by_copy)

    @property
    def _predicted(self) -> float:
        return self.predict_ratio or self._fixed

    @property
    def _fixed(self) -> float:
        assert not isinstance(self.mask_ratio, RatioSchedule)
        return self.mask_ratio


def two_ratio_view(
    block: Block,
    draws: Draws,
    options: TwoRatioOptions,
    vocab_size: int,
    lexicon: Lexicon | None = None,
) -> View:
    """Return the copies of a block, the second of each row in B..2B-1 and so on."""
    copies, length = options.copies, block.ids.shape[1]
    if copies > 1:
        ratios = {"corrupted": options.corrupted, "predicted": options.predicted_by_copy}
        hidden, predicted = hide_in_copies(block, draws, copies=copies, **ratios)
    else:
        hidden = hide(block, draws, options.corrupted, options.masking, lexicon)
        predicted = subset(hidden, block, draws, options.predicted_by_copy)
    ids = block.ids.repeat(copies, 1)
    seen = replace(
        ids,
        hidden,
        in_copies(draws, "how", length, copies),
        in_copies(draws, "what", length, copies),
        shares=options.shares,
        vocab_size=vocab_size,
    )
    return View(
        input_ids=seen,
        positions=all_positions(ids),
        is_pad=None if block.is_pad is None else block.is_pad.repeat(copies, 1),
        target_positions=predicted.positions,
        target_ids=ids.gather(1, predicted.positions),
        is_target=predicted.is_target,
    )
