"""What every objective's `corrupt` must keep to, as checks that raise a sentence.

Legend: B' rows that the encoder reads, B of the corpus, S tokens shown of L, V token ids.
"""

import torch
from torch import Tensor

from mae_bench.contract.fixtures import ALIKE, SPEC, B, Fixture, L, V, draws, rows
from mae_bench.draws import Block, Draws
from mae_bench.errors import MaeBenchError, SpecError
from mae_bench.masking import NUM_SPECIAL
from mae_bench.objectives.base import Objective, View, parse_options
from mae_bench.objectives.view_tensors import tensors

ALL_BY_MASK = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}
WIDE_V = 1000  # ids of which few random ones are by chance another token of the row
MOVED_SHARE = 0.1  # of the shown tokens: above such chances, below any compaction


class ContractError(MaeBenchError):
    """An objective or a backbone does not keep to the contract."""


def check_purity(case: Fixture) -> None:
    """`corrupt` is a function of rows and draws, and leaves its rows alone."""
    objective = case.make()
    for is_padded in (False, True):
        block = rows(is_padded)
        before = block.ids.clone()
        torch.manual_seed(1)
        first = tensors(objective.corrupt(block, draws()))
        torch.manual_seed(2)
        second = tensors(objective.corrupt(block, draws()))
        hold(torch.equal(block.ids, before), "corrupt changes the rows that it is given; copy them")
        hold(first.keys() == second.keys(), "corrupt returns other fields the second time")
        for name, value in first.items():
            hold(
                torch.equal(value, second[name]),
                f"corrupt gives another {name} for the same rows and draws; draw through `draws`",
            )


def check_batching(case: Fixture) -> None:
    """A row is corrupted alike whatever rows stand beside it."""
    objective = case.make()
    for is_padded in (False, True):
        block = rows(is_padded)
        whole = tensors(objective.corrupt(block, draws()))
        for row in range(B):
            pad = None if block.is_pad is None else block.is_pad[row : row + 1]
            one = Draws(0, 0, torch.tensor([row]))
            alone = tensors(objective.corrupt(Block(block.ids[row : row + 1], pad), one))
            for name, value in alone.items():
                hold(
                    torch.equal(value, whole[name][row::B][: len(value)]),
                    f"{name} of row {row} depends on the rows beside it; draw by row, and keep "
                    "copies of rows in the order 0..B-1, 0..B-1",
                )


def check_positions(case: Fixture) -> None:
    """What is shown and what is predicted have places inside the row; targets are its tokens."""
    objective = case.make()
    for is_padded in (False, True):
        block = rows(is_padded)
        view = objective.corrupt(block, draws())
        hold(
            view.positions.shape == view.input_ids.shape,
            f"positions {tuple(view.positions.shape)} must have the shape of input_ids "
            f"{tuple(view.input_ids.shape)}",
        )
        inside = (view.positions >= 0) & (view.positions < SPEC.max_length)
        hold(bool(inside.all()), f"positions must lie in 0..{SPEC.max_length - 1}")
        hold(len(view.input_ids) % B == 0, "input_ids must hold each row equally often")
        if view.target_positions is None or not case.kind.predicts_tokens:
            continue
        ids = block.ids.repeat(len(view.target_positions) // B, 1)
        is_counted = _is_target(view)
        wanted = ids.gather(1, view.target_positions)
        hold(
            torch.equal(_ids(view)[is_counted], wanted[is_counted]),
            "target_ids are not the row's own tokens at target_positions",
        )
        hold(
            bool((wanted[is_counted] >= NUM_SPECIAL).all()),
            "it predicts [CLS], [SEP] or padding; leave them out by is_target",
        )


def check_kept_positions(case: Fixture) -> None:
    """Shown tokens have the positions that they have in the row, unless declared otherwise.

    The ids of these rows tell where each token stood.
    """
    objective = case.make(vocab_size=WIDE_V)
    if case.kind.provides(objective.options).moves_tokens:
        return
    for is_padded in (False, True):
        block = rows(is_padded)
        numbered = torch.where(
            block.ids < NUM_SPECIAL, block.ids, NUM_SPECIAL + torch.arange(B * L).view(B, L)
        )
        view = objective.corrupt(Block(numbered, block.is_pad), draws())
        own = numbered.repeat(len(view.input_ids) // B, 1)
        is_same = view.input_ids[:, :, None] == own[:, None]  # [B', S, L]
        is_text = view.input_ids >= NUM_SPECIAL
        is_own = is_text & is_same.any(2)
        moved = int((is_own & (is_same.int().argmax(2) != view.positions)).sum())
        total = int(is_text.sum())
        hold(
            moved <= MOVED_SHARE * total,
            f"{moved} of {total} shown tokens have another position than in their row; give each "
            "its own, or let provides() say moves_tokens where they change places by design",
        )


def check_leak(case: Fixture) -> None:
    """Changing hidden tokens changes targets, never what the encoder is given.

    Wherever a row's own tokens are predicted, unless the objective declares that they show.
    Where an option lets some hidden tokens stand, all are replaced by [MASK].
    """
    if case.kind.provides(parse_options(case.name, case.options)).shows_targets:
        return
    objective = _all_by_mask(case)
    for is_padded in (False, True):
        block = rows(is_padded)
        view = objective.corrupt(block, draws())
        where = view.target_positions
        if where is None or not _predicts_own(view, where, block):
            return
        is_target = _is_target(view)
        for first in range(0, len(view.input_ids), B):  # copies of a row may hide apart
            copy = slice(first, first + B)
            own = copy if len(where) == len(view.input_ids) else slice(B)
            is_hidden = torch.zeros_like(block.ids, dtype=torch.bool)
            is_hidden.scatter_(1, where[own], is_target[own])
            other = (block.ids + ALIKE - NUM_SPECIAL) % (V - NUM_SPECIAL) + NUM_SPECIAL
            changed = objective.corrupt(
                Block(torch.where(is_hidden, other, block.ids), block.is_pad), draws()
            )
            same = torch.equal(view.input_ids[copy], changed.input_ids[copy])
            hold(
                same,
                "the encoder's input changes with tokens that it must predict: they leak; hide "
                "them, or let provides() say shows_targets where they show by design",
            )
            hold(
                torch.equal(view.positions[copy], changed.positions[copy]),
                "the positions that the encoder is given change with the identity of hidden tokens",
            )


def hold(is_true: bool, sentence: str) -> None:
    """Raise the sentence unless it is true that the contract is kept."""
    if not is_true:
        raise ContractError(sentence)


def _is_target(view: View) -> Tensor:
    return (
        torch.ones_like(_ids(view), dtype=torch.bool) if view.is_target is None else view.is_target
    )


def _ids(view: View) -> Tensor:
    if view.target_ids is None:
        raise ContractError("a view has target_positions and no target_ids")
    return view.target_ids


def _all_by_mask(case: Fixture) -> Objective:
    fields = case.kind.Options.model_fields
    hard = {name: value for name, value in ALL_BY_MASK.items() if name in fields}
    try:
        return case.make(options={**case.options, **hard})
    except SpecError:  # its other options leave nothing to replace
        return case.make()


def _predicts_own(view: View, where: Tensor, block: Block) -> bool:
    """Whether all targets are the row's own tokens at the target positions."""
    if view.target_ids is None or view.target_ids.shape != where.shape:
        return False
    is_same = block.ids.repeat(len(where) // B, 1).gather(1, where) == view.target_ids
    return bool(is_same[_is_target(view)].all())
