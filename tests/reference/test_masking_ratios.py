"""How much is hidden: schedules, shares by length, and what training makes of them."""

import json
import math

import pytest
import torch
from small_blocks import L, run_pretraining, write_blocks
from test_masking import rows_of

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    PAD_ID,
    Masking,
    RatioSchedule,
    check_masking,
    extremes,
    hide,
    mean_flops,
    num_hidden,
    ratio_at,
)
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.specs import BackboneSpec, Budget

POINTS = [0.0, 0.01, 0.2, 0.25, 0.4999, 0.5, 0.74, 0.75, 0.99, 1.0]


def test_schedules_match_plain_python():
    for done in POINTS:
        assert ratio_at(0.15, done) == 0.15
        assert RatioSchedule(start=0.3, end=0.15).at(done) == pytest.approx(0.3 - 0.15 * done)
        cosine = RatioSchedule(start=0.1, end=0.5, shape="cosine").at(done)
        assert cosine == pytest.approx(0.1 + 0.4 * math.sin(math.pi * done / 2) ** 2)
        step = RatioSchedule(start=0.6, end=0.2, shape="step").at(done)
        assert step == pytest.approx(0.6 if done < 0.5 else 0.2)
        levels = RatioSchedule(start=0.6, end=0.2, shape="step", num_levels=5).at(done)
        assert levels == pytest.approx([0.6, 0.5, 0.4, 0.3, 0.2, 0.2][int(done * 5)])


@pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
def test_schedules_start_and_end_where_they_say(shape):
    schedule = RatioSchedule(start=0.3, end=0.15, shape=shape)
    assert (schedule.at(0), schedule.at(1)) == pytest.approx((0.3, 0.15))
    assert extremes(schedule) == (0.15, 0.3) and extremes(0.2) == (0.2, 0.2)


@pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
def test_the_price_of_a_schedule_is_the_mean_over_steps(shape):
    schedule = RatioSchedule(start=0.6, end=0.2, shape=shape)
    spec = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2)
    step = StepShape(spec, 4, 64, 90)

    def price(ratio):
        return Flops(encoder=step.encoder(64 - num_hidden(64, ratio)))

    wanted = sum(price(schedule.at(k / 10_000)).total for k in range(10_000)) / 10_000
    assert mean_flops(schedule, price).total == pytest.approx(wanted, rel=1e-3)
    assert mean_flops(0.4, price).total == price(0.4).total


@pytest.mark.parametrize(("ratio", "short"), [(0.3, 0.1), (0.15, 0.3), (0.17, 0.0), (0.5, 0.5)])
def test_the_share_of_a_text_follows_its_length(ratio, short):
    lengths = list(range(3, 33))
    ids = rows_of(lengths, 32)
    masking = Masking(short_ratio=short)
    check_masking(ratio, masking, 32)
    hidden = hide(Block(ids, ids == PAD_ID), Draws(0, 0, torch.arange(len(ids))), ratio, masking)
    for row, length in enumerate(lengths):
        text = length - 2
        share = short + (ratio - short) * text / 30
        assert int(hidden.is_target[row].sum()) == math.floor(text * share + 0.5)
    assert hidden.is_target[-1].all()


def test_ratios_that_cannot_be_are_refused():
    with pytest.raises(SpecError, match=r"short_ratio 0.9 hides 17 tokens .* the 9 of a full row"):
        check_masking(0.15, Masking(short_ratio=0.9), 64)
    with pytest.raises(SpecError, match=r"'non_adjacent' .* at most 0.5 .* got short_ratio 0.6"):
        check_masking(0.4, Masking(scheme="non_adjacent", short_ratio=0.6), 64)
    with pytest.raises(SpecError, match=r"'non_adjacent' .* got mask_ratio 0.6"):
        check_masking(
            RatioSchedule(start=0.6, end=0.2), Masking(scheme="non_adjacent"), 64
        )  # at any time
    with pytest.raises(SpecError, match="hides 0 of the 62"):
        check_masking(RatioSchedule(start=0.3, end=0.001), Masking(), 64)


WRONG = [
    ({"masking": "spam"}, r"unknown masking scheme 'spam'.*Did you mean 'span'"),
    ({"masking": 5}, r"masking: must be the name of a scheme \(.*span.*\) or a mapping"),
    ({"masking": {"scheme": "random", "mean_length": 2}}, "'random' has no parameter 'mean_len"),
    ({"masking": {"scheme": "span", "mean_length": 0.5}}, r"masking.mean_length must be.*got 0\.5"),
    (
        {"mask_ratio": {"start": 0.3}},
        r"mask_ratio\.end is missing; it must be a number in \(0, 1\)",
    ),
    ({"mask_ratio": {"start": 0.3, "end": 0.1, "num_levels": 3}}, "belongs to shape 'step'"),
    (
        {"mask_ratio": 1.5},
        r"mask_ratio must be a number in \(0, 1\) or a mapping of start.*got 1.5",
    ),
    (
        {"mask_ratio": {"start": 0.3, "end": 0.1, "shape": "cosin"}},
        r"mask_ratio.shape must be 'linear' or 'cosine' or 'step', got 'cosin'. Did you mean 'cos",
    ),
    (
        {"mask_ratio": {"start": 0.3, "end": 0.1, "speed": 1}},
        r"unknown key 'speed' in mask_ratio; allowed: start, end, shape, num_levels",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_options_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        parse_options("mlm", options)


def test_ids_do_not_know_how_an_option_was_written():
    assert parse_options("mlm", {"masking": "random"}).canonical() == {}
    assert parse_options("mlm", {"masking": {"scheme": "span", "mean_length": 3}}).canonical() == {
        "masking": {"scheme": "span"}
    }
    schedule = {"start": 0.3, "end": 0.15}
    written = {"mask_ratio": {**schedule, "shape": "linear"}, "masking": "span"}
    parsed = parse_options("mlm", written)
    assert parsed.canonical() == {"mask_ratio": schedule, "masking": {"scheme": "span"}}
    assert parse_options("mlm", json.loads(json.dumps(parsed.canonical()))) == parsed


@pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
def test_training_hides_by_the_share_of_the_budget_that_is_spent(tmp_path, monkeypatch, shape):
    write_blocks(tmp_path / "blocks", is_padded=False)
    seen, unseen, corrupt = [], [], MaskedLanguageModel.corrupt

    def recording(self, block, draws):
        view = corrupt(self, block, draws)
        (seen if self.training else unseen).append(view.target_positions.shape[1])
        return view

    monkeypatch.setattr(MaskedLanguageModel, "corrupt", recording)
    options = {"mask_ratio": {"start": 0.6, "end": 0.2, "shape": shape}, "masking": "span"}
    out = run_pretraining(tmp_path, "mlm", options, budget=Budget(steps=8))
    schedule = RatioSchedule(**options["mask_ratio"])
    wanted = [math.floor((L - 2) * schedule.at(step / 8) + 0.5) for step in range(8)]
    assert seen == wanted and wanted[0] > wanted[-1]
    assert set(unseen) == {math.floor((L - 2) * 0.2 + 0.5)}  # validation, at the end's ratio
    cost = json.loads((out / "cost.json").read_text())
    kind = OBJECTIVES.get("mlm")
    shape_of_step = StepShape(BackboneSpec(num_layers=1, hidden_size=32, num_heads=2), 4, L, 60)
    step = kind.flops_per_step(parse_options("mlm", options), shape_of_step)
    assert cost["flops"] == pytest.approx(8 * step.total)
