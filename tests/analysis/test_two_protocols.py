"""Claims whose control is read under another protocol: verdicts, references, what is refused."""

import numpy as np
import pytest
from pydantic import ValidationError
from report_rows import row, small_study

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.references import judge_references, reference_table
from mae_bench.analysis.rows import read_scores
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.results import frame
from mae_bench.specs import Claim, Comparison, Reference

LARGE, SMALL = "finetune/large", "finetune/small"
SMALL_GRID = [0.60, 0.62, 0.61, 0.63, 0.59, 0.62]
LARGE_GRID = [0.65, 0.66, 0.66, 0.68, 0.63, 0.68]


def claim(**changes):
    fields = {"sentence": "s", "treatment": "mlm", "control": "mlm", "protocol": LARGE}
    return Claim(**{**fields, "control_protocol": SMALL, **changes})


def judged(*claims, small=SMALL_GRID, large=LARGE_GRID, references=()):
    values = {SMALL: {"mlm": small, "mae": small}, LARGE: {"mlm": large, "mae": small}}
    records = [
        row(arm, value, seed, protocol=protocol)
        for protocol, columns in values.items()
        for arm, column in columns.items()
        for seed, value in enumerate(column)
    ]
    study = small_study(protocols=(LARGE, SMALL), claims=claims, references=references)
    return study, read_scores(frame(records), study)


def test_the_same_arm_under_two_protocols_is_paired_by_seed():
    study, scores = judged(claim(), claim(treatment="mae"))
    wider, other_arm = judge_claims(study, scores)
    assert wider.outcome == "supported"
    assert wider.difference == pytest.approx(np.mean(LARGE_GRID) - np.mean(SMALL_GRID))
    assert f"mlm ({LARGE}) is better" in wider.reason
    assert other_arm.difference == pytest.approx(0) and other_arm.outcome == "not decidable"


def test_spread_of_one_arm_under_two_protocols():
    small = [0.4, 0.8, 0.5, 0.7, 0.6, 0.65]
    large = [0.64, 0.61, 0.631, 0.62, 0.625, 0.63]
    study, scores = judged(claim(test="spread"), small=small, large=large)
    (verdict,) = judge_claims(study, scores)
    assert verdict.difference < 0.2
    assert f"of mlm ({LARGE})" in verdict.reason and f"of mlm ({SMALL})" in verdict.reason


@pytest.mark.parametrize("value", [0.02, -0.02])
def test_a_reference_of_two_protocols_stands_beside_its_difference(value):
    sides = {"treatment": "mlm", "control": "mlm", "protocol": LARGE, "control_protocol": SMALL}
    reference = Reference(
        text="r", value=value, letter="P", source="x", comparison=Comparison(**sides)
    )
    study, scores = judged(references=(reference,))
    (verdict,) = verdicts = judge_references(study, scores)
    assert verdict.difference == pytest.approx(np.mean(LARGE_GRID) - np.mean(SMALL_GRID))
    assert verdict.outcome == ("supported" if value > 0 else "refuted")
    line = reference_table(study, verdicts).frame.iloc[0]
    assert line["measured here"] == f"mlm ({LARGE}) minus mlm ({SMALL})"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control_protocol": LARGE}, "another protocol than the treatment's"),
        ({"protocol": None}, "name both"),
        ({"test": "monotone", "along": "train_size", "direction": "rises"}, "not for test"),
    ],
)
def test_what_a_claim_refuses(changes, message):
    with pytest.raises(ValidationError, match=message):
        claim(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control_protocol": "finetune/smal"}, "finetune/small"),
        ({"control_protocol": None}, "with itself"),
        ({"control_protocol": "word_probe"}, "whose means cannot be compared"),
    ],
)
def test_what_a_study_refuses(changes, message):
    one = {"sentence": "s", "treatment": "mlm", "control": "mlm", "protocol": LARGE}
    raw = {
        "name": "x",
        "objectives": ["mlm"],
        "tasks": ["trec", "ud_pos/en"],
        "protocols": [LARGE, SMALL, "word_probe"],
        "recipes": {SMALL: {"learning_rates": [1e-3]}, LARGE: {"epochs": 9}},
        "claims": [{**one, "control_protocol": SMALL, **changes}],
    }
    with pytest.raises(SpecError, match=message):
        make_plan(study_of(raw), None)
