"""Step times: break-even and verdicts from made-up clocks, and one measurement of a tiny shape."""

import json

import pytest

from mae_bench.analysis.speed import NEVER, break_even, judge, write_speed_report
from mae_bench.contract.step_time import measure, priced, published_cells
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.packaged import find_paper, kind_of, papers, suites
from mae_bench.planning.study import load_speed, load_study
from mae_bench.specs import BackboneSpec
from mae_bench.speeds import SpeedCell, SpeedShape, SpeedSpec

TINY = BackboneSpec(num_layers=2, hidden_size=32, num_heads=2, max_length=64)
SHAPE = SpeedShape(label="tiny", backbone=TINY, vocab_size=300, row_length=24, batch_rows=4)
SPEC = SpeedSpec(
    kind="speed", name="s", shapes=(SHAPE,), mask_ratios=(0.2, 0.5, 0.8), rounds=3, tolerance=0.1
)


def timed(costs, noise=(0.99, 1.0, 1.01)):
    """Return cells whose clocks say these relative costs."""
    cells = priced(SPEC, SHAPE)
    return [
        SpeedCell(**{**cell.__dict__, "seconds": tuple(2 * cost * n for n in noise),
                     "control_seconds": (2.0,) * 3})
        for cell, cost in zip(cells, costs, strict=True)
    ]  # fmt: skip


def test_break_even_is_interpolated():
    assert break_even([0.2, 0.5, 0.8], [1.2, 1.1, 0.9]) == pytest.approx(0.65)
    assert break_even([0.2, 0.5], [0.9, 0.8]) == 0.2
    assert break_even([0.2, 0.5], [1.3, 1.2]) == NEVER


def test_verdicts_follow_formula_and_rule():
    """The rule of one decoder layer on two is a half."""
    exact = [cell.predicted for cell in priced(SPEC, SHAPE)]
    formula, _ = judge(SPEC, timed(exact))
    assert (formula.outcome, formula.measured) == ("supported", pytest.approx(1))
    assert judge(SPEC, timed([2 * cost for cost in exact]))[0].outcome == "refuted"
    assert judge(SPEC, timed(exact, noise=(0.7, 1.0, 1.3)))[0].outcome == "not decidable"
    rule = judge(SPEC, timed([1.3, 1.0, 0.7]))[1]
    assert (rule.outcome, rule.expected, rule.measured) == (
        "supported", 0.5, pytest.approx(0.5, abs=0.02)
    )  # fmt: skip
    assert judge(SPEC, timed([1.3, 1.2, 1.1]))[1].outcome == "refuted"
    assert judge(SPEC, timed([1.4, 1.2, 0.99]))[1].outcome in ("refuted", "not decidable")


def test_a_measurement_becomes_a_report(tmp_path):
    cells = measure(SPEC.model_copy(update={"rounds": 2}), "cpu", lambda *_: None)
    assert [cell.mask_ratio for cell in cells] == [0.2, 0.5, 0.8]
    for cell in cells:
        assert len(cell.seconds) == len(cell.control_seconds) == 2 and min(cell.seconds) > 0
    spec = load_speed(find_paper("mae/speed"), scale="cpu")
    spec = SPEC.model_copy(update={"rounds": 2, "references": spec.references})
    page = write_speed_report(spec, cells, published_cells(spec), tmp_path / "r", {"command": "c"})
    assert "78% of RoBERTa" in page.read_text()
    assert len(json.loads((tmp_path / "r" / "cells.json").read_text())) == 3
    write_speed_report(spec, cells, published_cells(spec), tmp_path / "r", {"command": "c"})


def test_the_formula_gives_what_the_papers_state():
    spec = load_speed(find_paper("mae/speed"), scale="cpu")
    for reference, cell in zip(spec.references, published_cells(spec), strict=True):
        assert cell.predicted == pytest.approx(reference.value, abs=0.06), reference.text


def test_every_reproduction_has_three_scales():
    assert set(papers()) >= {
        "mae/speed", "mae_lm/effective_rank", "wettig/corruption_vs_prediction"
    }  # fmt: skip
    for name, path in papers().items():
        for scale in ("cpu", "gpu", "paper"):
            load = load_speed if kind_of(path) == "speed" else load_study
            assert load(path, (), scale).expectation, f"{name} {scale} says not what to expect"
    assert "papers/mae/speed" not in suites()
    assert "papers/mae_lm/effective_rank" in suites()
    assert find_paper("findings/whose_variance") == suites()["findings/whose_variance"]
    with pytest.raises(UnknownNameError, match="Did you mean 'mae/speed'"):
        find_paper("mae/sped")
    with pytest.raises(SpecError, match="mask_ratios must ascend"):
        load_speed(find_paper("mae/speed"), ["mask_ratios=[0.5, 0.2]"], "cpu")
