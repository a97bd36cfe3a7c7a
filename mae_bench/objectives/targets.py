"""Hidden tokens as targets: what every objective that predicts tokens shares.

Legend: B rows, L positions, M predicted positions a row, N predicted tokens of a step, D features.
"""

from dataclasses import replace as changed
from pathlib import Path
from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    RANDOM,
    SEP_ID,
    Lexicon,
    Masking,
    MaskRatio,
    RatioSchedule,
    hide,
    replace,
)
from mae_bench.model.across_ranks import rebalanced
from mae_bench.model.backbone import Backbone
from mae_bench.model.last_layer import can_skip, states_at
from mae_bench.model.means import IGNORED, Number
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.model.token_guess import TokenGuess
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import OBJECTIVES, Block, LossOutput, View, parse_options
from mae_bench.results import read_json
from mae_bench.specs import Frozen, Share


class MaskingOptions(Frozen):
    """How tokens are hidden from an encoder that still sees every position."""

    mask_ratio: MaskRatio = 0.15
    masking: Masking = RANDOM
    mask_share: Share = 0.8
    random_share: Share = 0.1
    keep_share: Share = 0.1

    @model_validator(mode="after")
    def _sum(self) -> Self:
        total = self.mask_share + self.random_share + self.keep_share
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"mask_share + random_share + keep_share must be 1, they are {total:g}; "
                "change all three together"
            )
        return self

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of replacements by [MASK], by a random token, by the token itself."""
        return self.mask_share, self.random_share, self.keep_share


def masked_view(
    block: Block,
    draws: Draws,
    options: MaskingOptions,
    vocab_size: int,
    lexicon: Lexicon | None = None,
) -> View:
    """Return the block with hidden tokens replaced, and the hidden tokens as targets."""
    length = block.ids.shape[1]
    hidden = hide(block, draws, options.mask_ratio, options.masking, lexicon)
    seen = replace(
        block.ids,
        hidden,
        draws.uniform("how", length),
        draws.uniform("what", length),
        shares=options.shares,
        vocab_size=vocab_size,
    )
    return View(
        input_ids=seen,
        positions=all_positions(block.ids),
        is_pad=block.is_pad,
        target_positions=hidden.positions,
        target_ids=block.ids.gather(1, hidden.positions),
        is_target=hidden.is_target,
    )


def all_positions(ids: Tensor) -> Tensor:
    """Return [B, L] positions 0..L-1."""
    return torch.arange(ids.shape[1], device=ids.device).expand_as(ids)


def text_targets(block: Block) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return positions and ids [B, L - 2] of all tokens between [CLS] and [SEP], and `is_target`.

    The third is False at a short row's [SEP] and padding, and None where no row is padded.
    """
    positions, ids = all_positions(block.ids)[:, 1:-1], block.ids[:, 1:-1]
    if block.is_pad is None:
        return positions, ids, None
    return positions, ids, ~(block.is_pad[:, 1:-1] | (ids == SEP_ID))


def mlm_control(ratio: MaskRatio, masking: Masking) -> tuple[str, dict[str, object]]:
    """Return the mlm that hides as many tokens by the same scheme, all of them by [MASK]."""
    return "mlm", {
        "mask_ratio": ratio.canonical() if isinstance(ratio, RatioSchedule) else ratio,
        **({"masking": masking.canonical()} if masking != RANDOM else {}),
        "mask_share": 1.0,
        "random_share": 0.0,
        "keep_share": 0.0,
    }


def predicted(values: Tensor, view: View) -> Tensor:
    """Return [N, ...] of values [B, M, ...] where the view predicts, and where it is filled up."""
    return _chosen(values, view.is_target, view)


def labels_of(ids: Tensor, view: View) -> Tensor:
    """Return [N] of ids [B, M] where the view predicts, and `IGNORED` where it is filled up."""
    if view.keeps_filling and view.is_target is not None:
        ids = ids.masked_fill(~view.is_target, IGNORED)
    return predicted(ids, view)


def real(values: Tensor, view: View) -> Tensor:
    """Return [N, ...] of values [B, S, ...] at tokens, and at the padding that a view keeps."""
    return _chosen(values, None if view.is_pad is None else ~view.is_pad, view)


def filling(view: View) -> Tensor | None:
    """Return [N], whether an entry of `predicted` is filling; None where the view keeps none."""
    if view.keeps_filling and view.is_target is not None:
        return ~view.is_target.flatten()
    return None


def padding(view: View) -> Tensor | None:
    """Return [N], whether an entry of `real` is padding; None where the view keeps none."""
    if view.keeps_filling and view.is_pad is not None:
        return view.is_pad.flatten()
    return None


def number_of(entries: Tensor, is_filling: Tensor | None) -> Number:
    """Return how many of [N, ...] entries there are beside filling [N]."""
    return len(entries) if is_filling is None else (~is_filling).sum()


def _chosen(values: Tensor, is_there: Tensor | None, view: View) -> Tensor:
    return values.flatten(0, 1) if is_there is None or view.keeps_filling else values[is_there]


def before(view: View) -> View:
    """Return a view that gathers at the position before each target; [CLS] is never one."""
    assert view.target_positions is not None
    return changed(view, target_positions=view.target_positions - 1)


def at_targets(hidden: Tensor, view: View) -> tuple[Tensor, Tensor]:
    """Return features [N, D] and ids [N] at the predicted positions of all rows.

    Where the view keeps its filling, that is among them, with the id `IGNORED`.
    """
    assert view.target_positions is not None and view.target_ids is not None
    index = view.target_positions[..., None].expand(-1, -1, hidden.shape[-1])
    return predicted(hidden.gather(1, index), view), labels_of(view.target_ids, view)


def encoded_targets(
    backbone: Backbone, view: View, is_unseen: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return what `at_targets` does of an encoder's output that nothing else reads."""
    given, at = (view.input_ids, view.positions, view.is_pad), view.target_positions
    if is_unseen is None and at is not None and can_skip(backbone.encoder):
        ids, positions, is_pad = given
        states = states_at(backbone.encoder, at, positions, is_pad, input_ids=ids)
        assert view.target_ids is not None
        return predicted(states, view), labels_of(view.target_ids, view)
    return at_targets(backbone(*given, is_unseen=is_unseen), view)


def token_loss(guess: TokenGuess, view: View, *, is_training: bool) -> LossOutput:
    """Return the cross-entropy of predicted tokens, and beside it, in evaluation, the accuracy."""
    number = number_of(guess.targets, filling(view))
    metrics = {} if is_training else {"accuracy": guess.accuracy()}
    return LossOutput(guess.loss(number), number, metrics)


def mlm_term(backbone: Backbone, head: VocabularyHead, part: View) -> Tensor:
    """Return the cross-entropy of masked rows that are read in a pass of their own.

    For a loss that counts rows as what it predicts.
    """
    features, targets = encoded_targets(backbone, part)
    guess = TokenGuess(head, features, backbone.embedding.weight, targets)
    output = token_loss(guess, part, is_training=True)
    return rebalanced(output.loss, output.predicted, len(part.input_ids))


def saved_soft_head(folder: Path) -> str | None:
    """Return where a checkpoint holds a head that can give soft targets.

    None also where nothing says what the checkpoint is of: another suite's, or an objective that
    is not installed.
    """
    if not (folder / SPEC_FILE).exists():
        return None
    spec = read_json(folder / SPEC_FILE)
    try:
        options = parse_options(spec["objective"], spec["options"])
    except (KeyError, SpecError):
        return None
    return OBJECTIVES.get(spec["objective"]).provides(options).soft_head
