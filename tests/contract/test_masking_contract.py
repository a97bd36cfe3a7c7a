"""Every masking scheme with every objective that hides tokens."""

import pytest
import torch
from objective_cases import CASES
from test_objectives_contract import make

from mae_bench.contract.fixtures import FLOPS_SHAPES, SPEC, B, Fixture, L, V, draws
from mae_bench.contract.fixtures import rows as blocks
from mae_bench.contract.objective import CHECKS
from mae_bench.contract.views import tensors
from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import MASKINGS, NUM_SPECIAL
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json

MASKED = [
    (name, options)
    for name, options in CASES
    if "masking" in OBJECTIVES.get(name).Options.model_fields
]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(MASKED)]
FIRST = {name: options for name, options in reversed(MASKED)}  # of each objective, its plain case
SCHEMES = pytest.mark.parametrize("scheme", MASKINGS.names())


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    save_checkpoint(make("mlm", {}, None, seed=9), folder, folder)
    write_json({"objective": "mlm", "options": {}}, folder / "spec.json")
    return folder


def checked(name, options):
    """Return options as a study would accept them."""
    parsed = parse_options(name, options)
    OBJECTIVES.get(name).check(parsed, SPEC, L)
    return parsed


def is_refused(name, options):
    """Whether an objective says that its options and this scheme do not go together."""
    try:
        checked(name, options)
    except SpecError as error:
        assert "masking" in str(error)
        return True
    return False


@SCHEMES
@pytest.mark.parametrize("name", FIRST)
def test_every_objective_takes_every_scheme(name, scheme):
    kind, part = OBJECTIVES.get(name), MASKINGS.get(scheme)
    options = {**FIRST[name], "masking": scheme}
    if name == "contrastive":
        options["view"] = "cutoff"  # its view that hides tokens
    parsed = checked(name, options)
    assert kind.requires(parsed).uses_ngrams is part.needs_ngrams
    assert kind.requires(parsed).uses_lexicon or not part.needs_lexicon
    assert parse_options(name, parsed.canonical()) == parsed
    if part.max_ratio < 1 and "mask_ratio" in kind.Options.model_fields:
        with pytest.raises(SpecError, match=f"'{scheme}' can hide at most"):
            checked(name, {**options, "mask_ratio": 0.7})


@pytest.mark.parametrize("is_padded", [False, True])
@SCHEMES
@pytest.mark.parametrize(("name", "options"), MASKED, ids=IDS)
def test_masks_are_pure_alike_in_any_batch_and_as_many_as_random(
    name, options, scheme, is_padded, teacher
):
    chosen = {**options, "masking": scheme}
    if is_refused(name, chosen):
        return
    objective, plain = make(name, chosen, teacher), make(name, options, teacher)
    block = blocks(is_padded)
    before = block.ids.clone()
    view, wanted = objective.corrupt(block, draws()), plain.corrupt(block, draws())
    whole, again = tensors(view), tensors(objective.corrupt(block, draws()))
    assert torch.equal(block.ids, before)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    for row in (0, 3, B - 1):
        pad = None if block.is_pad is None else block.is_pad[row : row + 1]
        one = Block(block.ids[row : row + 1], pad)
        alone = tensors(objective.corrupt(one, Draws(0, 0, torch.tensor([row]))))
        for key, value in alone.items():
            assert torch.equal(value, whole[key][row::B][: len(value)]), key
    assert {key: value.shape for key, value in whole.items()} == {
        key: value.shape for key, value in tensors(wanted).items()
    }
    if view.is_target is not None:  # counts of random are held by the contract of objectives
        assert torch.equal(view.is_target.sum(1), wanted.is_target.sum(1))
    if view.target_positions is not None and OBJECTIVES.get(name).predicts_tokens:
        counts = torch.ones_like(view.target_ids, dtype=torch.bool)
        is_target = counts if view.is_target is None else view.is_target
        assert (view.target_ids[is_target] >= NUM_SPECIAL).all()


RATIOS = {"contrastive": ("cutoff_ratio",), "mae_bottleneck": ("mask_ratio", "decoder_mask_ratio")}


def hiding(name, scheme, ratio):
    """Return an objective's plain options with this scheme and ratio."""
    view = {"view": "cutoff"} if name == "contrastive" else {}
    ratios = dict.fromkeys(RATIOS.get(name, ("mask_ratio",)), ratio)
    return {**FIRST[name], **view, **ratios, "masking": scheme}


@pytest.mark.parametrize("ratio", [0.05, 0.9])
@SCHEMES
@pytest.mark.parametrize("name", FIRST)
def test_every_objective_runs_or_refuses_at_the_ends_of_the_ratios(name, scheme, ratio, teacher):
    options = hiding(name, scheme, ratio)
    refusal = None
    if ratio > MASKINGS.get(scheme).max_ratio:
        refusal = f"'{scheme}' can hide at most 0.5 of a text, got .*ratio 0.9"
    elif name == "deshuffle" and ratio == 0.05:
        refusal = "at least 2 must change places"
    if refusal:
        with pytest.raises(SpecError, match=refusal):
            checked(name, options)
        return
    checked(name, options)
    objective = make(name, options, teacher).eval()
    with torch.no_grad():
        output = objective(objective.corrupt(blocks(is_padded=True), draws()))
    assert output.loss.isfinite() and output.predicted > 0


@SCHEMES
@pytest.mark.parametrize("name", ["mlm", "mae", "mae_bottleneck", "rtd"])
def test_every_scheme_trains_reloads_and_costs_what_random_does(name, scheme, teacher, tmp_path):
    options = {**FIRST[name], "masking": scheme}
    if name == "mae_bottleneck":
        options["decoder_mask_ratio"] = 0.4  # what non_adjacent can hide of short rows too
    objective, block = make(name, options, teacher).train(), blocks(is_padded=True)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=5e-3)
    losses = []
    for step in range(20):
        output = objective(objective.corrupt(block, draws()))
        output.loss.backward()
        if step == 0:
            assert all(p.grad is not None for p in objective.backbone.parameters())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    CHECKS["reload"](Fixture(name, options, tmp_path))
    plain = {**options, "masking": FIRST[name].get("masking", "random")}
    for _, _, _, length, count in FLOPS_SHAPES:  # of equal forms, what torch counts is equal
        block = blocks(count=count, length=length)
        views = [
            make(name, each, teacher).corrupt(block, draws(count)) for each in (options, plain)
        ]
        ours, theirs = ({k: v.shape for k, v in tensors(view).items()} for view in views)
        assert ours == theirs
        shape = StepShape(SPEC, count, length, V)
        prices = {
            OBJECTIVES.get(name).flops_per_step(checked(name, each), shape).total
            for each in (options, plain)
        }
        assert len(prices) == 1


def test_no_two_schemes_hide_the_same():
    views = [
        make("mlm", {"masking": scheme, "mask_ratio": 0.4}, None).corrupt(blocks(), draws())
        for scheme in MASKINGS.names()
    ]
    for number, first in enumerate(views):
        for second in views[:number]:
            assert not torch.equal(first.target_positions, second.target_positions)
