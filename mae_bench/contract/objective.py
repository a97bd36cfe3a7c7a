"""What every objective must keep to, as checks that raise a sentence: for third parties too.

Each check builds the objective on a one-layer encoder and random rows, so that all of them take
seconds. Those of `corrupt` alone are in `views`. Legend: B rows, V token ids.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import mean

import torch
from torch import Tensor

from mae_bench.backbones import BACKBONES
from mae_bench.contract.batched import check_batched
from mae_bench.contract.fixtures import (
    FLOPS_SHAPES,
    FLOPS_TOLERANCE,
    SPEC,
    B,
    Fixture,
    V,
    draws,
    rows,
)
from mae_bench.contract.outcome import outcomes
from mae_bench.contract.recorded import check_recorded
from mae_bench.contract.scorer import check_scorer
from mae_bench.contract.untrained import check_untrained
from mae_bench.contract.views import (
    check_batching,
    check_kept_positions,
    check_leak,
    check_positions,
    check_purity,
    hold,
)
from mae_bench.costs import StepShape
from mae_bench.draws import Block
from mae_bench.masking import PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.model.generators import kept_generators
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    Objective,
    Provisions,
    Requirements,
    View,
    parse_options,
)
from mae_bench.objectives.view_tensors import mapped
from mae_bench.pretraining.checkpoint import load_objective_state, save_checkpoint
from mae_bench.specs import BackboneSpec, Frozen

STEPS, FALL = 60, 0.8  # the loss on six rows must end below this share of where it began
TIMES = tuple((moment + 0.5) / 40 for moment in range(40))  # shares of a budget


def check_declaration(case: Fixture) -> None:
    """Name, summary and source are there, and options are frozen."""
    kind = case.kind
    hold(kind.name == case.name, f"its class says name = '{kind.name}'; name it '{case.name}'")
    for field in ("summary", "source"):
        hold(bool(getattr(kind, field, "")), f"its class has no {field}; say one in a phrase")
    hold(issubclass(kind.Options, Frozen), "Options must be a subclass of mae_bench.specs.Frozen")


def check_json(case: Fixture) -> None:
    """Options survive JSON, and defaults stay out of ids."""
    parsed = parse_options(case.name, case.options)
    again = parse_options(case.name, json.loads(json.dumps(parsed.canonical())))
    hold(again == parsed, "its options change on the way through JSON; use plain JSON types")
    extra = set(parsed.canonical()) - set(case.options)
    hold(not extra, f"options that were not given enter the id: {sorted(extra)}")


def check_gradient(case: Fixture) -> None:
    """Gradients reach all of the backbone, sixty steps on six rows learn them, averages follow."""
    for is_padded in (False, True):
        objective = case.make().train()
        block = rows(is_padded)
        trained = [p for p in objective.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=3e-3)
        losses = []
        with kept_generators():
            for step in range(STEPS):
                torch.default_generator.manual_seed(step)  # alone: the rest notes each call's stack
                output = objective(objective.corrupt(block, draws()))
                hold(output.predicted > 0, "forward says that nothing was predicted")
                hold(bool(output.loss.isfinite()), f"the loss is not finite at step {step}")
                output.loss.backward()
                if step == 0:
                    _check_reached(objective)
                optimizer.step()
                optimizer.zero_grad()
                before = _beside_trained(objective) if step == 0 else {}
                objective.after_step()
                _check_followed(objective, before)
                losses.append(float(output.loss.detach()))
        hold(
            losses[-1] < FALL * losses[0],
            f"the loss on {B} rows went from {losses[0]:.3f} to {losses[-1]:.3f} in {STEPS} steps; "
            f"it must fall below {FALL} of where it began",
        )


def _check_reached(objective: Objective) -> None:
    silent = [name for name, p in objective.backbone.named_parameters() if p.grad is None]
    hold(not silent, f"no gradient reaches the backbone's {', '.join(silent[:3])}")
    size = sum(
        float(p.grad.abs().sum()) for p in objective.backbone.parameters() if p.grad is not None
    )
    hold(size > 0, "the gradient of the backbone is zero everywhere")


def _beside_trained(objective: Objective) -> dict[str, Tensor]:
    """Return copies of what is saved and not trained, as a moving average is."""
    trained = {name for name, p in objective.named_parameters() if p.requires_grad}
    saved = objective.state_to_save().items()
    return {name: value.clone() for name, value in saved if name not in trained}


def _check_followed(objective: Objective, before: dict[str, Tensor]) -> None:
    if type(objective).after_step is Objective.after_step or not before:
        return
    after = objective.state_to_save()
    hold(
        any(not torch.equal(value, after[name]) for name, value in before.items()),
        f"after_step leaves {next(iter(before))} and all else that no gradient trains as it was; "
        "let it follow the trained weights",
    )


def check_flops(case: Fixture) -> None:
    """`flops_per_step` is within 1% of torch's own count, at several shapes and architectures."""
    for arch in [name for name, kind in BACKBONES if kind.has_attention]:
        for layers, width, heads, length, count in FLOPS_SHAPES:
            spec = BackboneSpec(
                arch=arch, num_layers=layers, hidden_size=width, num_heads=heads, max_length=64
            )
            options = dict(case.options)
            if options.get("decoder_width", width) % (width // heads):
                options["decoder_width"] = width * 2
            seen = replace(case, options=options), spec, rows(count=count, length=length)
            ends = _counted_at((TIMES[0], TIMES[len(TIMES) // 2], TIMES[-1]), *seen)
            # a price that moves in training is that of an average step
            counted = ends[0] if len(set(ends)) == 1 else mean(_counted_at(TIMES, *seen))
            shape = StepShape(spec, count, length, V)
            parsed = parse_options(case.name, options)
            formula = case.kind.flops_per_step(parsed, shape).total
            hold(
                abs(formula - counted) <= FLOPS_TOLERANCE * counted,
                f"flops_per_step says {formula:.4g}, torch counts {counted:.4g} ({arch}, {layers} "
                f"layers of {width}, {count} rows of {length}); count every pass, forward and "
                "backward",
            )


def _counted_at(
    moments: Sequence[float], case: Fixture, spec: BackboneSpec, block: Block
) -> list[float]:
    """Return what torch counts of a step at each share of the budget."""
    objective = case.make(spec=spec)
    whole = draws(len(block.ids))
    views = [objective.corrupt(block, replace(whole, progress=moment)) for moment in moments]
    objective.to("meta").train()
    by_form: dict[str, float] = {}  # no tensor holds values there, so that equal forms cost alike
    seen = [mapped(view, lambda tensor: tensor.to("meta")) for view in views]
    return [_counted(objective, view, by_form) for view in seen]


def _counted(objective: Objective, view: View, by_form: dict[str, float]) -> float:
    """Return what torch counts of a step of an objective on the meta device, once for each form."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    form = repr(view)
    if form not in by_form:
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            objective(view).loss.backward()
        by_form[form] = float(counter.get_total_flops())
    return by_form[form]


def check_reload(case: Fixture) -> None:
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
    hold(
        before == after,
        f"the loss is {before:.6f} before saving and {after:.6f} after loading; every trained part "
        "must be in state_to_save",
    )


def check_provisions(case: Fixture) -> None:
    """What it says that its checkpoints provide is saved in them."""
    objective = case.make()
    requires = case.kind.requires(objective.options)
    provides = case.kind.provides(objective.options)
    hold(
        isinstance(requires, Requirements) and isinstance(provides, Provisions),
        "requires and provides must return Requirements and Provisions; change fields of what "
        "super() returns by dataclasses.replace",
    )
    if (head := provides.soft_head) is not None:
        hold(
            isinstance(dict(objective.named_modules()).get(head), VocabularyHead),
            f"provides names '{head}' as soft_head, and no VocabularyHead has that name",
        )
    if (predictor := provides.predictor) is None:
        return
    fixture = Fixture(predictor.objective, predictor.options, case.folder)
    options = parse_options(predictor.objective, predictor.options)
    hold(
        "mask_ratio" in fixture.kind.Options.model_fields
        and fixture.kind.requires(options).teacher is None,
        f"provides names '{predictor.objective}' as predictor, which must have a mask_ratio and no "
        "teacher",
    )
    saved = objective.state_to_save()
    lost = [name for name in fixture.make().state_to_save() if predictor.prefix + name not in saved]
    hold(
        not lost,
        f"its predictor '{predictor.objective}' reads {', '.join(lost[:3])}, which state_to_save "
        "does not hold",
    )


def check_start(case: Fixture) -> None:
    """The backbone starts as every other objective's does, or as the teacher that it asks for."""
    for seed in (0, 1):
        ours = case.make(seed=seed).backbone.state_dict()
        wanted = build_backbone(SPEC, V, seed).state_dict()
        moved = [name for name in wanted if not torch.equal(ours[name], wanted[name])]
        if moved and (folder := case.teacher_folder()).exists():
            taught = load_backbone(folder).state_dict()
            moved = [name for name in moved if not torch.equal(ours[name], taught[name])]
        hold(not moved, f"the backbone does not start as others do: {', '.join(moved[:3])} differ")


def check_short(case: Fixture) -> None:
    """Texts of one token, of which most ratios hide none, give a finite loss, or none."""
    ids = rows().ids.clone()
    ids[:, 2], ids[:, 3:] = SEP_ID, PAD_ID
    for objective in (case.make().train(), case.make().eval()):
        output = objective(objective.corrupt(Block(ids, ids == PAD_ID), draws()))
        hold(
            output.predicted == 0 or bool(output.loss.isfinite()),
            f"the loss on texts of one token is {float(output.loss.detach())}; where nothing is "
            "hidden, let it be 0 or say predicted = 0",
        )


CHECKS: dict[str, Callable[[Fixture], None]] = {
    "declaration": check_declaration,
    "json": check_json,
    "purity": check_purity,
    "batching": check_batching,
    "positions": check_positions,
    "kept_positions": check_kept_positions,
    "leak": check_leak,
    "gradient": check_gradient,
    "flops": check_flops,
    "reload": check_reload,
    "provisions": check_provisions,
    "scorer": check_scorer,
    "start": check_start,
    "short": check_short,
    "recorded": check_recorded,
    "batched": check_batched,
}
UNTRAINED_CHECKS: dict[str, Callable[[Fixture], None]] = {  # it has no step to look at
    **{name: CHECKS[name] for name in ("declaration", "json", "provisions", "start")},
    "untrained": check_untrained,
}


def run_checks(case: Fixture) -> Iterator[tuple[str, str]]:
    """Yield each check with what is wrong, or with nothing."""
    return outcomes(CHECKS if case.kind.is_trained else UNTRAINED_CHECKS, case)
