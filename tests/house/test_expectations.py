"""What reproductions and findings say that they can see is what `plan` computes."""

import pytest
from expectations import files, scales_of, text

from mae_bench.planning.study import load_study

SCALES = ["cpu", "gpu", "paper"]


@pytest.mark.parametrize(("name", "path"), files().items(), ids=files())
def test_expectations_are_what_plan_computes(name, path):
    assert path.read_text("utf-8") == text(path), (
        f"{name} sees or costs something else now; `python tests/expectations.py` writes it anew"
    )


@pytest.mark.parametrize(("name", "path"), files().items(), ids=files())
def test_each_scale_is_a_study_of_its_own(name, path):
    scales = scales_of(path)
    asked = SCALES if name.startswith("papers/") else SCALES[:-1]  # a finding is nobody's setting
    assert [scale for scale in scales if scale in asked] == asked
    studies = [load_study(path, (), scale) for scale in scales]
    assert len({study.name for study in studies}) == len(studies), "two scales share a folder"
    for study in studies:
        arms = {arm.label for arm in study.objectives} | {"random_init"}
        assert len(study.seeds) >= 6 and study.claims
        for sides in [*study.claims, *(reference.comparison for reference in study.references)]:
            assert {sides.treatment, sides.control} - {""} <= arms, sides
