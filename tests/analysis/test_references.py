"""Published beside measured: the direction decides, the numbers keep their sign."""

import numpy as np
import pytest
from report_rows import small_study, table

from mae_bench.analysis.references import judge_references, reference_table
from mae_bench.analysis.report import write_report
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.errors import UnknownNameError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import Reference

BASE = np.array([0.5, 0.55, 0.52, 0.51, 0.54, 0.53])
GAIN = np.array([0.05, 0.051, 0.049, 0.05, 0.052, 0.048])


def reference(value, **side):
    return Reference(
        text="a published thing", value=value, letter="S", source="a paper",
        comparison={"treatment": "mae", "control": "mlm", **side},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.02, "supported"), (-0.02, "refuted"), (None, "supported")]
)
def test_the_published_direction_is_what_is_judged(value, outcome, tmp_path):
    study = small_study(references=(reference(value),))
    rows = table({"mlm": BASE, "mae": BASE + GAIN})
    scores = read_scores(rows, study)
    (verdict,) = judge_references(study, scores, read_metrics(rows, study))
    assert verdict.outcome == outcome
    assert verdict.difference == pytest.approx(0.05) and 0 < verdict.low < verdict.high
    line = reference_table(study, [verdict]).frame.iloc[0]
    assert line["difference"] == "+5.0" and line["known by"].startswith("secondary notes")
    assert line["difference there"] == {0.02: "+2.0", -0.02: "\N{MINUS SIGN}2.0"}.get(
        value, "not stated"
    )
    page = write_report(rows, study, tmp_path / "report").read_text()
    assert "Published beside measured" in page and "secondary notes" in page


def test_a_reference_names_arms_of_the_study():
    raw = {
        "name": "small",
        "objectives": ["mlm", "mae"],
        "tasks": ["world/topic"],
        "references": [reference(0.1, treatment="may").model_dump()],
    }
    with pytest.raises(UnknownNameError, match=r"references\[0\].comparison.treatment"):
        make_plan(study_of(raw), None)
