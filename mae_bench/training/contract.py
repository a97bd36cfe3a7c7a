"""What every objective must keep to, as checks that raise a sentence: for third parties too.

Each check builds the objective on a one-layer encoder and random rows, so that all of them take
seconds. Legend: B rows, V token ids.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import mean

import torch
from torch import Tensor

from mae_bench.costs import StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import MaeBenchError
from mae_bench.masking import MASK_ID, NUM_SPECIAL
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.objectives.base import Objective, View, parse_options
from mae_bench.specs import BackboneSpec, Frozen
from mae_bench.training.checkpoint import load_objective_state, save_checkpoint
from mae_bench.training.specimen import ALIKE, SPEC, B, Specimen, V, draws, rows

STEPS, FALL = 60, 0.8  # the loss on six rows must end below this share of where it began
FLOPS_SHAPES = ((1, 32, 2, 24, 6), (2, 64, 2, 40, 3), (3, 48, 4, 16, 5))
FLOPS_TOLERANCE = 0.01
TIMES = tuple((place + 0.5) / 40 for place in range(40))  # shares of a budget
ALL_BY_MASK = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}


class ContractError(MaeBenchError):
    """An objective does not keep to the contract."""


def tensors(view: View, prefix: str = "") -> dict[str, Tensor]:
    """Return every tensor of a view and of its parts, by path."""
    found = {}
    for field in dataclasses.fields(view):
        value = getattr(view, field.name)
        if isinstance(value, Tensor):
            found[prefix + field.name] = value
    for name, part in view.parts.items():
        found |= tensors(part, f"{prefix}{name}.")
    return found


def mapped(view: View, change: Callable[[Tensor], Tensor]) -> View:
    """Return the view with every tensor changed."""
    own = {
        field.name: change(getattr(view, field.name))
        for field in dataclasses.fields(view)
        if isinstance(getattr(view, field.name), Tensor)
    }
    parts = {name: mapped(part, change) for name, part in view.parts.items()}
    return dataclasses.replace(view, **own, parts=parts)


def check_declaration(case: Specimen) -> None:
    """Name, summary and source are there, and options are frozen."""
    kind = case.kind
    _hold(kind.name == case.name, f"its class says name = '{kind.name}'; name it '{case.name}'")
    for field in ("summary", "source"):
        _hold(bool(getattr(kind, field, "")), f"its class has no {field}; say one in a phrase")
    _hold(issubclass(kind.Options, Frozen), "Options must be a subclass of mae_bench.specs.Frozen")


def check_json(case: Specimen) -> None:
    """Options survive JSON, and defaults stay out of ids."""
    parsed = parse_options(case.name, case.options)
    again = parse_options(case.name, json.loads(json.dumps(parsed.canonical())))
    _hold(again == parsed, "its options change on the way through JSON; use plain JSON types")
    extra = set(parsed.canonical()) - set(case.options)
    _hold(not extra, f"options that were not given enter the id: {sorted(extra)}")


def check_purity(case: Specimen) -> None:
    """`corrupt` is a function of rows and draws, and leaves its rows alone."""
    objective = case.make()
    for is_padded in (False, True):
        block = rows(is_padded)
        before = block.ids.clone()
        torch.manual_seed(1)
        first = tensors(objective.corrupt(block, draws()))
        torch.manual_seed(2)
        second = tensors(objective.corrupt(block, draws()))
        _hold(
            torch.equal(block.ids, before), "corrupt changes the rows that it is given; copy them"
        )
        _hold(first.keys() == second.keys(), "corrupt returns other fields the second time")
        for name, value in first.items():
            _hold(
                torch.equal(value, second[name]),
                f"corrupt gives another {name} for the same rows and draws; draw through `draws`",
            )


def check_batching(case: Specimen) -> None:
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
                _hold(
                    torch.equal(value, whole[name][row::B][: len(value)]),
                    f"{name} of row {row} depends on the rows beside it; draw by row, and keep "
                    "copies of rows in the order 0..B-1, 0..B-1",
                )


def check_positions(case: Specimen) -> None:
    """What is shown and what is predicted have places inside the row; targets are its tokens."""
    objective = case.make()
    for is_padded in (False, True):
        block = rows(is_padded)
        view = objective.corrupt(block, draws())
        _hold(
            view.positions.shape == view.input_ids.shape,
            f"positions {tuple(view.positions.shape)} must have the shape of input_ids "
            f"{tuple(view.input_ids.shape)}",
        )
        inside = (view.positions >= 0) & (view.positions < SPEC.max_length)
        _hold(bool(inside.all()), f"positions must lie in 0..{SPEC.max_length - 1}")
        _hold(len(view.input_ids) % B == 0, "input_ids must hold each row equally often")
        if view.target_positions is None or not case.kind.predicts_tokens:
            continue
        ids = block.ids.repeat(len(view.target_positions) // B, 1)
        is_counted = _is_target(view)
        wanted = ids.gather(1, view.target_positions)
        _hold(
            torch.equal(_ids(view)[is_counted], wanted[is_counted]),
            "target_ids are not the row's own tokens at target_positions",
        )
        _hold(
            bool((wanted[is_counted] >= NUM_SPECIAL).all()),
            "it predicts [CLS], [SEP] or padding; leave them out by is_target",
        )


def check_leak(case: Specimen) -> None:
    """Changing hidden tokens changes targets, never what the encoder is given.

    Only where the objective hides tokens of a row by a mask ratio and predicts these; replacing
    by random tokens or by nothing is switched off, for it leaves tokens visible by design.
    """
    fields = case.kind.Options.model_fields
    if not case.kind.predicts_tokens or "mask_ratio" not in fields:
        return
    hard = {name: value for name, value in ALL_BY_MASK.items() if name in fields}
    objective = case.make(options={**case.options, **hard})
    for is_padded in (False, True):
        block = rows(is_padded)
        view = objective.corrupt(block, draws())
        if view.target_positions is None or len(view.target_positions) != B:
            return
        is_hidden = torch.zeros_like(block.ids, dtype=torch.bool)
        is_hidden.scatter_(1, view.target_positions, _is_target(view))
        if not _is_hidden_wholly(view, is_hidden):
            return
        other = (block.ids + ALIKE - NUM_SPECIAL) % (V - NUM_SPECIAL) + NUM_SPECIAL
        changed = objective.corrupt(
            Block(torch.where(is_hidden, other, block.ids), block.is_pad), draws()
        )
        same = torch.equal(view.input_ids, changed.input_ids)
        _hold(same, "the encoder's input changes with tokens that it must predict: they leak")
        _hold(
            torch.equal(view.positions, changed.positions),
            "the positions that the encoder is given change with the identity of hidden tokens",
        )


def check_gradient(case: Specimen) -> None:
    """Gradients reach all of the backbone, and sixty steps on six rows learn them."""
    for is_padded in (False, True):
        objective = case.make().train()
        block = rows(is_padded)
        trained = [p for p in objective.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=3e-3)
        losses = []
        with torch.random.fork_rng():
            for step in range(STEPS):
                torch.manual_seed(step)
                output = objective(objective.corrupt(block, draws()))
                _hold(output.predicted > 0, "forward says that nothing was predicted")
                _hold(bool(output.loss.isfinite()), f"the loss is not finite at step {step}")
                output.loss.backward()
                if step == 0:
                    _check_reached(objective)
                optimizer.step()
                optimizer.zero_grad()
                losses.append(float(output.loss.detach()))
        _hold(
            losses[-1] < FALL * losses[0],
            f"the loss on {B} rows went from {losses[0]:.3f} to {losses[-1]:.3f} in {STEPS} steps; "
            f"it must fall below {FALL} of where it began",
        )


def _check_reached(objective: Objective) -> None:
    silent = [name for name, p in objective.backbone.named_parameters() if p.grad is None]
    _hold(not silent, f"no gradient reaches the backbone's {', '.join(silent[:3])}")
    size = sum(
        float(p.grad.abs().sum()) for p in objective.backbone.parameters() if p.grad is not None
    )
    _hold(size > 0, "the gradient of the backbone is zero everywhere")


def check_flops(case: Specimen) -> None:
    """`flops_per_step` is within 1% of torch's own count, at several shapes and architectures."""
    for arch in ("modernbert", "bert"):
        for layers, width, heads, length, count in FLOPS_SHAPES:
            spec = BackboneSpec(
                arch=arch, num_layers=layers, hidden_size=width, num_heads=heads, max_length=64
            )
            options = dict(case.options)
            if options.get("decoder_width", width) % (width // heads):
                options["decoder_width"] = width * 2
            objective = case.make(spec=spec, options=options)
            block = rows(count=count, length=length)
            whole = replace(draws(count), progress=0.0)
            views = [objective.corrupt(block, replace(whole, progress=t)) for t in TIMES]
            objective.to("meta").train()
            ends = {
                _counted(objective, view) for view in (views[0], views[len(TIMES) // 2], views[-1])
            }
            # a price that moves in training is that of an average step
            real = ends.pop() if len(ends) == 1 else mean(_counted(objective, v) for v in views)
            shape = StepShape(spec, count, length, V)
            told = case.kind.flops_per_step(objective.options, shape).total
            _hold(
                abs(told - real) <= FLOPS_TOLERANCE * real,
                f"flops_per_step says {told:.4g}, torch counts {real:.4g} ({arch}, {layers} layers "
                f"of {width}, {count} rows of {length}); count every pass, forward and backward",
            )


def _counted(objective: Objective, view: View) -> float:
    """Return what torch counts of a step of an objective on the meta device."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        objective(mapped(view, lambda tensor: tensor.to("meta"))).loss.backward()
    return float(counter.get_total_flops())


def check_reload(case: Specimen) -> None:
    """A saved checkpoint gives the same loss."""
    objective = case.make(seed=1).eval()
    view = objective.corrupt(rows(), draws())
    folder = case.folder / f"saved-{case.name}"
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(objective, folder, folder)
    other = case.make(seed=2)
    other.backbone.encoder = load_backbone(folder).encoder
    load_objective_state(other, folder)
    other.eval()
    with torch.no_grad():
        before, after = float(objective(view).loss), float(other(view).loss)
    _hold(
        before == after,
        f"the loss is {before:.6f} before saving and {after:.6f} after loading; every trained part "
        "must be in state_to_save",
    )


def check_start(case: Specimen) -> None:
    """The backbone starts as every other objective's does."""
    for seed in (0, 1):
        ours = case.make(seed=seed).backbone.state_dict()
        wanted = build_backbone(SPEC, V, seed).state_dict()
        moved = [name for name in wanted if not torch.equal(ours[name], wanted[name])]
        _hold(not moved, f"the backbone does not start as others do: {', '.join(moved[:3])} differ")


CHECKS: dict[str, Callable[[Specimen], None]] = {
    "declaration": check_declaration,
    "json": check_json,
    "purity": check_purity,
    "batching": check_batching,
    "positions": check_positions,
    "leak": check_leak,
    "gradient": check_gradient,
    "flops": check_flops,
    "reload": check_reload,
    "start": check_start,
}


def run_checks(case: Specimen) -> Iterator[tuple[str, str]]:
    """Yield each check with what is wrong, or with nothing."""
    for name, check in CHECKS.items():
        try:
            check(case)
        except ContractError as error:
            yield name, str(error)
        except Exception as error:  # a third party's code may fail in any way
            yield name, f"it raised {type(error).__name__}: {error}"
        else:
            yield name, ""


def _hold(is_true: bool, sentence: str) -> None:
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


def _is_hidden_wholly(view: View, is_hidden: Tensor) -> bool:
    """Whether all that is predicted is absent from the input or [MASK] there."""
    if len(view.input_ids) != len(is_hidden):
        return False
    shown = is_hidden.gather(1, view.positions.clamp(max=is_hidden.shape[1] - 1))
    return bool((view.input_ids[shown] == MASK_ID).all())
