"""SimCSE: two views of a text must be nearer to each other than to the rest of the batch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.masking import RANDOM, num_hidden
from mae_bench.model.generators import kept_generators
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
from mae_bench.objectives.views import cut, last_start, start_in
from mae_bench.seeding import seed_for
from mae_bench.specs import BackboneSpec, Frozen, Ratio

EVALUATION = -1  # no step of a training, so the dropout is nobody's


@OBJECTIVES.register("simcse")
class SimCSE(Objective["SimCSE.Options"]):
    """InfoNCE over mean-pooled views, with the other rows of the batch as negatives.

    ``view: dropout`` encodes a text twice under different dropout; ``view: spans`` encodes two
    random stretches of it (as DeCLUTR does, arXiv:2006.03659). Differs from the paper: it trains
    from the study's initial weights, pools by mean because the fine-tunes do, and by default has no
    dropout in ModernBERT's attention; the paper's form is ``attention_dropout: true``.
    """

    name = "simcse"
    summary = "pull two views of a text together, push other texts away"
    source = "Gao et al. 2021, arXiv:2104.08821"
    why_not_recorded = why_not_batched = ""

    class Options(Frozen):
        """Dropout views, temperature .05, projector in training only; no MLM term.

        Attributes:
            view: ``dropout`` encodes a row twice under different dropout; ``spans`` encodes two
                stretches of it, drawn at random.
            dropout: of the encoder in training, with dropout views.
            attention_dropout: whether it acts in ModernBERT's attention too, as in the paper's
                encoder; BERT's always has it.
            span_ratio: length of a stretch, as a share of a full row.
            mlm_weight: of an MLM term on the same rows, in a pass of its own.
            mlm_mask_ratio: share of the tokens that this term hides.
        """

        OWN: ClassVar[dict[str, tuple[str, ...]]] = {
            "dropout": ("dropout", "attention_dropout"),
            "spans": ("span_ratio",),
        }

        view: Literal["dropout", "spans"] = "dropout"
        dropout: Annotated[float, Field(gt=0, lt=1)] = 0.1
        attention_dropout: bool = False
        span_ratio: Ratio = 0.5
        temperature: Annotated[float, Field(gt=0)] = 0.05
        mlm_weight: Annotated[float, Field(ge=0)] = 0.0
        mlm_mask_ratio: Ratio = 0.15

        @model_validator(mode="after")
        def _fits(self) -> Self:
            for view, names in self.OWN.items():
                if view != self.view:
                    where = f"with view '{self.view}'; leave it out, or set view: {view}"
                    refuse_unread(self, names, where)
            if self.mlm_weight == 0:
                where = "where mlm_weight is 0; leave it out, or raise mlm_weight"
                refuse_unread(self, ["mlm_mask_ratio"], where)
            return self

    def build(self, teacher: object) -> None:
        """Make the projector, and the vocabulary head where the MLM term is on."""
        width = self.backbone.width
        with self.own_start("projector"):
            self.projector = build_projector(width)
        if self.options.mlm_weight > 0:
            self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)
        if self.options.view == "dropout":
            self._set_dropout()

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Stack two views of each row: first views in rows 0..B-1, second in B..2B-1."""
        parts = {}
        if self.options.mlm_weight > 0:
            masking = MaskingOptions(mask_ratio=self.options.mlm_mask_ratio)
            parts["mlm"] = masked_view(block, draws, masking, self.backbone.vocab_size)
        if self.options.view == "dropout":
            twice = None if block.is_pad is None else torch.cat([block.is_pad, block.is_pad])
            ids = torch.cat([block.ids, block.ids])
            return View(ids, all_positions(ids), twice, parts=parts)
        length = block.ids.shape[1]
        span = _span_length(self.options, length)
        shares = draws.uniform("spans", 2).split(1, dim=1)
        views = [cut(block, start_in(share, 1, last_start(block, span)), span) for share in shares]
        ids = torch.cat([ids for ids, _ in views])
        is_pad = torch.cat([is_pad for _, is_pad in views]) if block.is_pad is not None else None
        return View(ids, all_positions(ids), is_pad, parts=parts)

    def forward(self, view: View) -> LossOutput:
        """Return InfoNCE, symmetric over the two views, plus the weighted MLM term."""
        with self._views_differ():
            hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        first, second = self.projector(mean_pool(hidden, view.is_pad)).chunk(2)
        similarity = similarities(first, second, self.options.temperature)
        loss = info_nce(similarity)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = matched(similarity)
        if self.options.mlm_weight > 0:
            mlm = mlm_term(self.backbone, self.head, view.parts["mlm"])  # the views show no [MASK]
            loss = loss + self.options.mlm_weight * mlm
        return LossOutput(loss, len(first), metrics)

    def _set_dropout(self) -> None:
        if self.options.attention_dropout:
            self.backbone.set_dropout(self.options.dropout)
        else:
            self.backbone.set_layer_dropout(self.options.dropout)

    @contextmanager
    def _views_differ(self) -> Iterator[None]:
        """Turn dropout on in evaluation too, by a fixed seed: without it both views are one."""
        if self.training or self.options.view != "dropout":
            yield
            return
        with kept_generators():
            torch.manual_seed(seed_for("dropout", seed=0, step=EVALUATION))
            self.backbone.train()
            self._set_dropout()  # a reloaded encoder has its own
            try:
                yield
            finally:
                self.backbone.eval()

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Both views, projector, similarities; a third pass for the MLM term."""
        length = shape.row_length
        if options.view == "spans":
            length = _span_length(options, length) + 2
        width = shape.backbone.width
        encoder = shape.encoder(length, rows=2 * shape.rows)
        head = float(TRAIN * (2 * shape.rows * 4 * width**2 + 2 * shape.rows**2 * width))
        if options.mlm_weight > 0:
            encoder += shape.encoder()
            predicted = shape.rows * num_hidden(shape.row_length, options.mlm_mask_ratio)
            head += shape.head(predicted)
        return Flops(encoder=encoder, head=head)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a view or the MLM term would be empty."""
        if options.view == "spans":
            num_hidden(row_length, options.span_ratio)
        if options.mlm_weight > 0:
            num_hidden(row_length, options.mlm_mask_ratio)

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """A hidden token where the MLM term is on, and all rows of a batch."""
        term = ((options.mlm_mask_ratio, RANDOM),) if options.mlm_weight > 0 else ()
        return replace(
            super().requires(options),
            hides=term,
            whole_batch=WHOLE_BATCH,
            sets_dropout=options.view == "dropout",
        )

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
        """Kind of view and temperature."""
        return {
            "view": trial.suggest_categorical("view", ["dropout", "spans"]),
            "temperature": trial.suggest_float("temperature", 0.02, 0.2, log=True),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """Views of the other kind, as the paper sets crops against dropout (its table 1).

        And the loss without the MLM term, where there is one, which the paper ablates.
        """
        given = options.canonical()
        own = ("view", *chain.from_iterable(cls.Options.OWN.values()))
        shared = {name: value for name, value in given.items() if name not in own}
        controls = {"dropout views": (cls.name, shared)}
        if options.view == "dropout":
            controls = {"cropped views": (cls.name, {**shared, "view": "spans"})}
        if options.mlm_weight > 0:
            bare = {name: value for name, value in given.items() if not name.startswith("mlm_")}
            controls["without mlm"] = (cls.name, bare)
        return controls


def _span_length(options: SimCSE.Options, row_length: int) -> int:
    return num_hidden(row_length, options.span_ratio)
