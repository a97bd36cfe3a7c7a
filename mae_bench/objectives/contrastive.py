"""Contrastive learning from changed texts: stretches, texts with gaps, texts in disorder."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    RANDOM,
    Masking,
    MaskRatio,
    check_masking,
    hide,
    mean_flops,
    num_hidden,
)
from mae_bench.model.info_nce import (
    WHOLE_BATCH,
    build_projector,
    info_nce,
    matched,
    mean_pool,
    similarities,
)
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Requirements,
    Trial,
    View,
    refuse_unread,
)
from mae_bench.objectives.targets import MaskingOptions, all_positions, masked_view, mlm_term
from mae_bench.objectives.views import cut, last_start, maskable, other_draws, permute, start_in
from mae_bench.specs import BackboneSpec, Count, Frozen, Ratio


@OBJECTIVES.register("contrastive")
class Contrastive(Objective["Contrastive.Options"]):
    """InfoNCE between an anchor and its positive, with the other rows of the batch as negatives.

    ``view: spans``: the anchor is a stretch of a row, the positives are shorter ones that overlap
    it or touch it, and their vectors are averaged (DeCLUTR). A row stands for DeCLUTR's document,
    and lengths are fixed where it draws them.
    ``view: cutoff``: both sides are the row without some of its tokens, drawn for each (ConSERT,
    which sets their vectors to zero; here they leave the input, and the others keep their
    positions).
    ``view: shuffle``: the positive is the row with all its tokens in random order; the anchor is
    the row as it stands, so that the encoder also reads text in its order (ConSERT).
    Differs from both papers: it trains from the study's initial weights, through a projector, and
    takes its negatives from the other side alone, as `simcse` does.
    """

    name = "contrastive"
    summary = "pull stretches, gapped or shuffled views of a text together, push other texts away"
    source = "Giorgi et al. 2021, arXiv:2006.03659 (spans); Yan et al. 2021, arXiv:2105.11741"
    why_not_recorded = why_not_batched = ""

    class Options(Frozen):
        """DeCLUTR's temperature and two positives; ConSERT's cutoff of 15%; no MLM term.

        Attributes:
            view: how a second view is made: ``spans``, ``cutoff`` or ``shuffle``.
            anchor_ratio: length of the anchor, as a share of a full row.
            positive_ratio: length of a positive.
            num_positives: of each anchor.
            cutoff_ratio: share of tokens that a side loses.
            masking: which ones it loses.
            mlm_weight: of an MLM term on the same rows; DeCLUTR trains with one.
            mlm_mask_ratio: share of the tokens that this term hides.
        """

        OWN: ClassVar[dict[str, tuple[str, ...]]] = {
            "spans": ("anchor_ratio", "positive_ratio", "num_positives"),
            "cutoff": ("cutoff_ratio", "masking"),
            "shuffle": (),
        }

        view: Literal["spans", "cutoff", "shuffle"] = "spans"
        anchor_ratio: Ratio = 0.5
        positive_ratio: Ratio = 0.25
        num_positives: Count = 2
        cutoff_ratio: MaskRatio = 0.15
        masking: Masking = RANDOM
        temperature: Annotated[float, Field(gt=0)] = 0.05
        mlm_weight: Annotated[float, Field(ge=0)] = 0.0
        mlm_mask_ratio: Ratio = 0.15

        @model_validator(mode="after")
        def _fits(self) -> Self:
            for view, names in self.OWN.items():
                for name in names:
                    if view != self.view and name in self.model_fields_set:
                        raise ValueError(
                            f"{name} belongs to view '{view}', got view '{self.view}'; leave "
                            f"{name} out or set view: {view}"
                        )
            if self.mlm_weight == 0:
                where = "where mlm_weight is 0; leave it out, or raise mlm_weight"
                refuse_unread(self, ["mlm_mask_ratio"], where)
            return self

        @property
        def positives(self) -> int:
            """Positives of an anchor: several where they are stretches."""
            return self.num_positives if self.view == "spans" else 1

    def build(self, teacher: object) -> None:
        """Make the projector, and the vocabulary head where the MLM term is on."""
        width = self.backbone.width
        with self.own_start("projector"):
            self.projector = build_projector(width)
        if self.options.mlm_weight > 0:
            self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Return the anchors, with their positives and the MLM rows as parts.

        The positives are [P * B, S]: the first of every row, then the second.
        """
        parts = {}
        if self.options.mlm_weight > 0:
            masking = MaskingOptions(mask_ratio=self.options.mlm_mask_ratio)
            parts["mlm"] = masked_view(block, draws, masking, self.backbone.vocab_size)
        if self.options.view == "spans":
            anchor, parts["positives"] = _spans(block, draws, self.options)
        elif self.options.view == "cutoff":
            anchor = self._cutoff(block, draws)
            parts["positives"] = self._cutoff(block, other_draws(draws, "positives"))
        else:
            positions = all_positions(block.ids)
            order = draws.uniform("order", block.ids.shape[1])
            anchor = View(block.ids, positions, block.is_pad)
            shuffled = permute(block.ids, maskable(block), order)
            parts["positives"] = View(shuffled, positions, block.is_pad)
        return View(anchor.input_ids, anchor.positions, anchor.is_pad, parts=parts)

    def _cutoff(self, block: Block, draws: Draws) -> View:
        options = self.options
        kept = hide(block, draws, options.cutoff_ratio, options.masking, self.lexicon).kept
        is_pad = None if block.is_pad is None else block.is_pad.gather(1, kept)
        return View(block.ids.gather(1, kept), kept, is_pad)

    def _vectors(self, view: View) -> Tensor:
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        projected: Tensor = self.projector(mean_pool(hidden, view.is_pad))
        return projected

    def forward(self, view: View) -> LossOutput:
        """Return InfoNCE, symmetric over anchors and positives, plus the weighted MLM term."""
        anchors, options = self._vectors(view), self.options
        positives = self._vectors(view.parts["positives"]).unflatten(0, (options.positives, -1))
        similarity = similarities(anchors, positives.mean(0), options.temperature)
        loss = info_nce(similarity)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = matched(similarity)
        if options.mlm_weight > 0:
            mlm = mlm_term(self.backbone, self.head, view.parts["mlm"])
            loss = loss + options.mlm_weight * mlm
        return LossOutput(loss, len(anchors), metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Anchors, positives, projector and similarities; a further pass for the MLM term."""
        rows, width = shape.rows, shape.backbone.width
        sides = (1 + options.positives) * rows
        head = float(TRAIN * (sides * 4 * width**2 + 2 * rows**2 * width))
        rest = Flops(head=head)
        if options.mlm_weight > 0:
            predicted = rows * num_hidden(shape.row_length, options.mlm_mask_ratio)
            rest += Flops(encoder=shape.encoder(), head=shape.head(predicted))
        if options.view == "spans":
            anchor, positive = _lengths(options, shape.row_length)
            encoder = shape.encoder(anchor + 2)
            encoder += shape.encoder(positive + 2, rows=options.positives * rows)
            return rest + Flops(encoder=encoder)
        if options.view == "shuffle":
            return rest + Flops(encoder=shape.encoder(rows=2 * rows))

        def price(ratio: float) -> Flops:
            kept = shape.row_length - num_hidden(shape.row_length, ratio)
            return rest + Flops(encoder=shape.encoder(kept, rows=2 * rows))

        return mean_flops(options.cutoff_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a view or the MLM term would be empty or whole."""
        if options.view == "spans":
            _lengths(options, row_length)
        if options.view == "cutoff":
            check_masking(options.cutoff_ratio, options.masking, row_length)
        if options.mlm_weight > 0:
            num_hidden(row_length, options.mlm_mask_ratio)

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """A hidden token where the MLM term is on, and all rows of a batch."""
        term = ((options.mlm_mask_ratio, RANDOM),) if options.mlm_weight > 0 else ()
        return replace(super().requires(options), hides=term, whole_batch=WHOLE_BATCH)

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The head of the MLM term; a stretch stands at other positions than in its row."""
        return replace(
            super().provides(options),
            soft_head="head" if options.mlm_weight > 0 else None,
            moves_tokens=options.view == "spans",
        )

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """The temperature."""
        return {"temperature": trial.suggest_float("temperature", 0.02, 0.2, log=True)}

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same loss with views that dropout alone makes."""
        names = ("temperature", "mlm_weight", "mlm_mask_ratio")
        return {"simcse": ("simcse", {k: v for k, v in options.canonical().items() if k in names})}


def _lengths(options: Contrastive.Options, row_length: int) -> tuple[int, int]:
    """Return the tokens of an anchor and of a positive.

    Raises:
        SpecError: one of them would be empty, or the whole row.
    """
    anchor, positive = options.anchor_ratio, options.positive_ratio
    for name, ratio in (("anchor_ratio", anchor), ("positive_ratio", positive)):
        try:
            num_hidden(row_length, ratio)
        except SpecError as error:
            raise SpecError(
                f"{name} {ratio} of the {row_length - 2} tokens in a row of {row_length} is a "
                f"stretch of none or all of them; change {name} or corpus.row_length"
            ) from error
    return num_hidden(row_length, anchor), num_hidden(row_length, positive)


def _spans(block: Block, draws: Draws, options: Contrastive.Options) -> tuple[View, View]:
    """Return anchors, and the positives that overlap or touch them."""
    size, part = _lengths(options, block.ids.shape[1])
    start = start_in(draws.uniform("anchor", 1), 1, last_start(block, size))
    first = (start - part).clamp(min=1)
    last = torch.minimum(last_start(block, part), start + size)
    shares = draws.uniform("positives", options.num_positives).split(1, dim=1)
    cuts = [cut(block, start_in(share, first, last), part) for share in shares]
    return _stacked(block, [cut(block, start, size)]), _stacked(block, cuts)


def _stacked(block: Block, cuts: list[tuple[Tensor, Tensor]]) -> View:
    ids = torch.cat([ids for ids, _ in cuts])
    is_pad = None if block.is_pad is None else torch.cat([is_pad for _, is_pad in cuts])
    return View(ids, all_positions(ids), is_pad)
