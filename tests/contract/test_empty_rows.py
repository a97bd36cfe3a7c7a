"""Rows so short that nothing of them is hidden: no NaN, no crash, and no say in the loss."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from objective_cases import CASES
from small_blocks import BATCH, ROWS, L, run_pretraining, write_blocks
from test_objectives_contract import blocks as full_rows
from test_objectives_contract import make, save_teacher

from mae_bench.contract.fixtures import B
from mae_bench.contract.fixtures import L as LONG
from mae_bench.data.blocks import load_blocks
from mae_bench.data.tokenizer import PAD, SEP
from mae_bench.draws import Block, Draws
from mae_bench.errors import DataError
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.health import validation_loss
from mae_bench.seeding import seed_for

LOW = 0.12  # hides 3 of the 22 tokens of a full row, and none of 4
RATIOS = {"mask_ratio": LOW, "decoder_mask_ratio": LOW, "mlm_mask_ratio": LOW, "cutoff_ratio": LOW}
TWO = {"corrupt_ratio": 0.06, "predict_ratio": 0.12}
SHOWN = ("causal", "rtd", "random_token_classification", "simcse", "contrastive")


def lowered(name, options):
    """Return options with ratios at which a text of four tokens hides none."""
    changed = dict(options)
    for key in ("parts", "steps"):
        if key in changed:
            changed[key] = {
                label: part if isinstance(part, float) else
                lowered(part.get("objective", label), part)
                for label, part in changed[key].items()
            }  # fmt: skip
            return changed
    if options.keys() & TWO.keys():
        return changed | {key: TWO[key] for key in options if key in TWO}
    known = OBJECTIVES.get(name).Options.model_fields
    for key, value in RATIOS.items():
        if key in known and (key != "mlm_mask_ratio" or changed.get("mlm_weight")):
            if key == "cutoff_ratio" and changed.get("view") != "cutoff":
                continue
            changed[key] = value
    return changed


LOWERED = [(name, lowered(name, options)) for name, options in CASES]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(CASES)]
EVERY = pytest.mark.parametrize(("name", "options"), LOWERED, ids=IDS)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    save_teacher(make("mlm", {}, None, seed=9), folder)
    return folder


def shortened(row_numbers):
    """Return rows of which these have four tokens."""
    ids = full_rows().ids.clone()
    for row in row_numbers:
        ids[row, 5], ids[row, 6:] = SEP, PAD
    return Block(ids, ids == PAD)


def output_of(objective, block, rows=None):
    numbers = torch.arange(B) if rows is None else rows
    return objective(objective.corrupt(block, Draws(0, 0, numbers, progress=0.5)))


@EVERY
def test_a_step_without_anything_to_predict_has_a_loss_and_no_gradient(name, options, teacher):
    objective = make(name, options, teacher).train()
    output = output_of(objective, shortened(range(B)))
    assert output.loss.isfinite()
    output.loss.backward()
    grads = [p.grad for p in objective.parameters() if p.grad is not None]
    assert grads and all(grad.isfinite().all() for grad in grads)
    if output.predicted == 0 and not options.get("variance_weight"):
        assert float(output.loss.detach()) == 0
        assert not any(grad.any() for grad in grads)
    objective.eval()
    with torch.no_grad():
        output = output_of(objective, shortened(range(B)))
    assert output.loss.isfinite() and all(
        value.isfinite().all() for value in output.metrics.values()
    )


def test_most_objectives_have_nothing_to_predict_there(teacher):
    counts = Counter()
    for name, options in LOWERED:
        objective = make(name, options, teacher).eval()
        with torch.no_grad():
            is_empty = output_of(objective, shortened(range(B))).predicted == 0
        counts[is_empty] += 1
        reads_rows = name in SHOWN or options.get("loss_on") == "all"
        if not reads_rows and name not in ("mixture", "distill"):
            assert is_empty, (name, options)
        least = OBJECTIVES.get(name).requires(parse_options(name, options)).least_tokens(LONG)
        assert least > 4 if is_empty else True
    assert counts[True] > 25


@EVERY
def test_rows_without_anything_to_predict_have_no_say(name, options, teacher):
    """The loss of full and short rows together is that of the full ones alone."""
    objective = make(name, options, teacher).eval()
    half = torch.arange(0, B, 2)
    with torch.no_grad():
        if output_of(objective, shortened(range(B))).predicted:
            return  # whole rows have a loss, whatever is hidden
        mixed = output_of(objective, shortened(range(1, B, 2)))
        ids = full_rows().ids[half]
        alone = output_of(objective, Block(ids, torch.zeros_like(ids, dtype=torch.bool)), half)
    assert mixed.predicted == alone.predicted > 0
    assert float(mixed.loss) == pytest.approx(float(alone.loss), rel=1e-4)


def write_short(folder, num_short):
    """Write rows of which the first ones have four tokens, and validation rows that all do."""
    blocks = write_blocks(folder / "blocks", is_padded=False)
    rows, validation = (np.load(blocks / f"{part}.npy") for part in ("rows", "validation"))
    rows[:num_short, 5] = validation[:, 5] = SEP
    rows[:num_short, 6:] = validation[:, 6:] = PAD
    np.save(blocks / "rows.npy", rows)
    np.save(blocks / "validation.npy", validation)
    meta = json.loads((blocks / "meta.json").read_text())
    (blocks / "meta.json").write_text(json.dumps(meta | {"has_pads": True}))


def test_empty_steps_are_counted_and_change_nothing(tmp_path):
    num_short = 9
    write_short(tmp_path, num_short)
    seen = []
    for epoch in range(4):
        generator = np.random.default_rng(seed_for("order", seed=0, epoch=epoch))
        order = generator.permutation(ROWS)
        seen += [order[i : i + BATCH] for i in range(0, ROWS, BATCH)]
    is_empty = [all(row < num_short for row in rows) for rows in seen[:10]]
    assert 0 < sum(is_empty) < 10
    out = run_pretraining(tmp_path, "mlm", {"mask_ratio": 0.1})
    cost, curve = (json.loads((out / f"{n}.json").read_text()) for n in ("cost", "curve"))
    assert cost["steps"] == 10 and cost["empty_steps"] == sum(is_empty)
    assert curve["step"] == [i + 1 for i in range(10) if not is_empty[i]]
    assert all(np.isfinite(curve["loss"])) and min(curve["loss"]) > 1
    assert cost["validation_loss"] is None  # nothing was predicted, which is not a loss of 0


def test_an_empty_step_moves_no_weight(tmp_path):
    """Else weight decay would move them, and with them the loss of the step after it."""
    write_short(tmp_path, 9)

    def starts_empty(seed):
        rows = np.random.default_rng(seed_for("order", seed=seed, epoch=0)).permutation(ROWS)
        return (rows[:BATCH] < 9).all() and (rows[BATCH : 2 * BATCH] >= 9).any()

    seed = next(seed for seed in range(200) if starts_empty(seed))
    losses = []
    for decay in (0.0, 10.0):
        out = run_pretraining(
            tmp_path, "mlm", {"mask_ratio": 0.1}, name=f"decay-{decay:g}", seed=seed,
            budget={"steps": 2}, warmup_ratio=0.0, weight_decay=decay,
        )  # fmt: skip
        losses.append(json.loads((out / "curve.json").read_text())["loss"])
    assert losses[0] == losses[1] and len(losses[0]) == 1


def test_a_pretraining_of_empty_steps_alone_is_refused(tmp_path):
    write_short(tmp_path, ROWS)
    with pytest.raises(DataError, match="'mlm' had nothing to predict in any of its 10 steps"):
        run_pretraining(tmp_path, "mlm", {"mask_ratio": 0.1})


def test_no_validation_loss_where_nothing_is_predicted(tmp_path, teacher):
    write_short(tmp_path, 2)
    data = load_blocks(tmp_path / "blocks")
    assert data.row_length == L
    objective = make("mlm", {"mask_ratio": 0.1}, teacher)
    assert validation_loss(objective, data, 0, "cpu") is None
