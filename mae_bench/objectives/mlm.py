"""BERT's masked language model, with the vocabulary head at predicted positions only.

Legend: B rows, T maskable tokens of a row.
"""

import math
from dataclasses import replace as changed
from typing import Any, Literal, Self

from pydantic import model_validator

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    MASK_ID,
    RANDOM,
    RatioSchedule,
    check_masking,
    hide,
    mean_flops,
    num_hidden,
    replace,
)
from mae_bench.masking.copies import hide_in_copies, in_copies, num_predicted, subset
from mae_bench.model.copy_gate import CopyGate
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import OBJECTIVES, Block, LossOutput, Objective, Trial, View
from mae_bench.objectives.targets import (
    MaskingOptions,
    all_positions,
    at_targets,
    masked_view,
    text_targets,
)
from mae_bench.specs import BackboneSpec, Ratio


@OBJECTIVES.register("mlm")
class MaskedLanguageModel(Objective):
    """Predict hidden tokens from a row in which most of them are replaced by [MASK]."""

    name = "mlm"
    summary = "predict hidden tokens; the encoder sees [MASK] in their place"
    source = "Devlin et al. 2019, arXiv:1810.04805"
    predicts_tokens = True
    shows_targets = "loss_on", "all"

    class Options(MaskingOptions):
        """mask_ratio .15 with 80/10/10, BERT's.

        Attributes:
            corrupt_ratio: share of a row that is replaced; None for mask_ratio.
            predict_ratio: share of a row that is predicted; None for mask_ratio (Wettig et al.
                2023, arXiv:2202.08005). Below corrupt_ratio, the loss is on a random
                subset of the replaced tokens. Above it, the encoder reads k = ceil(predict /
                corrupt) copies of the row; each replaces round(corrupt * T) tokens and predicts
                round(predict / k * T) of these, and none is predicted twice. Where predict is a
                multiple of corrupt, the copies replace disjoint sets and predict all of them;
                elsewhere what a copy replaces and does not predict may be another's target.
            loss_on: ``all`` is ELECTRA's all-tokens MLM (arXiv:2003.10555, section 3.4): every
                token but [CLS] and [SEP] is predicted, by a mixture of the vocabulary and of a
                copy of the token that the encoder sees, weighted by a learned gate. The paper
                replaces by a generator's tokens; here mask_share and random_share choose.
            hides_masks: whether other tokens cannot attend to [MASK], which then takes no part
                in their representation; each [MASK] still sees itself and all other tokens.
        """

        corrupt_ratio: Ratio | None = None
        predict_ratio: Ratio | None = None
        loss_on: Literal["masked", "all"] = "masked"
        hides_masks: bool = False

        @property
        def has_two_ratios(self) -> bool:
            """Whether what is replaced and what is predicted are counted apart."""
            return self.corrupt_ratio is not None or self.predict_ratio is not None

        @model_validator(mode="after")
        def _two_ratios(self) -> Self:
            if not self.has_two_ratios:
                return self
            if self.loss_on == "all" and self.predict_ratio is not None:
                raise ValueError(
                    f"predict_ratio {self.predict_ratio:g} means nothing with loss_on 'all', "
                    "which predicts every token; leave one of them out"
                )
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
            if self.loss_on == "masked" and self.copies > 1 and self.masking != RANDOM:
                raise ValueError(
                    "predict_ratio above corrupt_ratio deals a row's tokens out among copies one "
                    f"by one, got masking '{self.masking.scheme}'; leave out masking, or lower "
                    "predict_ratio"
                )
            return self

        @property
        def corrupted(self) -> float:
            """Share of a row that each copy replaces."""
            return self.corrupt_ratio or self._fixed

        @property
        def copies(self) -> int:
            """Passes of a row through the encoder."""
            if not self.has_two_ratios or self.loss_on == "all":
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

    def build(self, teacher: object) -> None:
        """Make the vocabulary head, tied to the input embedding, and the gate of copies."""
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size)
        if self.options.loss_on == "all":
            self.copy = CopyGate(width)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide mask_ratio of each row; copies of rows stand in B..2B-1 and so on."""
        options, vocab_size = self.options, self.backbone.vocab_size
        if options.loss_on == "all":
            ratio = options.corrupt_ratio or options.mask_ratio
            whole = options.model_copy(update={"mask_ratio": ratio})
            view = masked_view(block, draws, whole, vocab_size, self.lexicon)
            positions, ids, is_target = text_targets(block)
            return changed(view, target_positions=positions, target_ids=ids, is_target=is_target)
        if not options.has_two_ratios:
            return masked_view(block, draws, options, vocab_size, self.lexicon)
        return self._two_ratio_view(block, draws)

    def _two_ratio_view(self, block: Block, draws: Draws) -> View:
        options, copies, length = self.options, self.options.copies, block.ids.shape[1]
        if copies > 1:
            ratios = {"corrupted": options.corrupted, "predicted": options.predicted_by_copy}
            hidden, predicted = hide_in_copies(block, draws, copies=copies, **ratios)
        else:
            hidden = hide(block, draws, options.corrupted, options.masking, self.lexicon)
            predicted = subset(hidden, block, draws, options.predicted_by_copy)
        ids = block.ids.repeat(copies, 1)
        seen = replace(
            ids,
            hidden,
            in_copies(draws, "how", length, copies),
            in_copies(draws, "what", length, copies),
            shares=options.shares,
            vocab_size=self.backbone.vocab_size,
        )
        return View(
            input_ids=seen,
            positions=all_positions(ids),
            is_pad=None if block.is_pad is None else block.is_pad.repeat(copies, 1),
            target_positions=predicted.positions,
            target_ids=ids.gather(1, predicted.positions),
            is_target=predicted.is_target,
        )

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy at the predicted positions."""
        is_unseen = view.input_ids == MASK_ID if self.options.hides_masks else None
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad, is_unseen=is_unseen)
        features, targets = at_targets(hidden, view)
        weight = self.backbone.embedding.weight
        if self.options.loss_on == "all":
            given = at_targets(view.input_ids[..., None], view)[0][:, 0]
            loss = self.copy.loss(features, self.head, weight, targets=targets, given=given)
            return LossOutput(loss, len(targets))
        loss = self.head.loss(features, weight, targets)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = self.head.accuracy(features, weight, targets)
        return LossOutput(loss, len(targets), metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over whole rows, once for each copy; head at the predicted positions."""
        rows, length = shape.rows, shape.row_length
        if options.loss_on == "all":
            predicted = rows * (length - 2)
            gate = float(TRAIN * predicted * 2 * shape.backbone.width)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted) + gate)
        if options.has_two_ratios:
            passes = options.copies * rows
            head = shape.head(passes * options.num_predicted(length))
            return Flops(encoder=shape.encoder(rows=passes), head=head)

        def price(ratio: float) -> Flops:
            predicted = rows * num_hidden(length, ratio)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted))

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a row would hide nothing or everything."""
        check_masking(options.corrupt_ratio or options.mask_ratio, options.masking, row_length)
        if options.hides_masks and spec.is_recurrent:
            raise SpecError(
                f"hides_masks needs attention, backbone.arch '{spec.arch}' has none; "
                "choose modernbert or bert, or leave it out"
            )
        if options.has_two_ratios and not options.num_predicted(row_length):
            raise SpecError(
                f"predict_ratio {options.predict_ratio} predicts none of the {row_length - 2} "
                "maskable tokens of a row; raise it, or corpus.row_length"
            )

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, Any]:
        """The mask ratio."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05)}

    @classmethod
    def controls(cls, options: Options) -> dict[str, tuple[str, dict[str, Any]]]:
        """BERT's ratio, and [MASK] that the other tokens do not see."""
        given = options.canonical()
        ratios = ("mask_ratio", "corrupt_ratio", "predict_ratio")
        found = {}
        plain = {name: value for name, value in given.items() if name not in ratios}
        if plain != given:
            found["15% masked"] = (cls.name, plain)
        if not options.hides_masks and options.mask_share > 0:
            found["masks hidden"] = (cls.name, {**given, "hides_masks": True})
        return found
