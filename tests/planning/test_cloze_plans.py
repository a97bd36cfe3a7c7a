"""Which arms a plan asks to fill the gap of a prompt, and which it names as left out."""

import pytest

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.protocols.prompts import CLOZES, cloze_of
from mae_bench.tasks import TASKS

RAW = {"name": "gaps", "tasks": ["sst2"], "protocols": ["zero_shot"], "seeds": 1}


def planned(*objectives):
    return make_plan(study_of({**RAW, "objectives": list(objectives)}), None)


def test_only_arms_that_can_be_told_which_tokens_to_predict_are_asked():
    """A deshuffling head predicts tokens, those that it shuffled; causal reads no gap."""
    plan = planned("mlm", "mae", "deshuffle", "causal")
    asked = {cell.arm.label for cell in plan.cells if not cell.is_floor}
    assert asked == {"mlm", "mae"}
    (warning,) = [text for text in plan.warnings if text.startswith("zero_shot on sst2")]
    assert "leaves out random_init, deshuffle, causal" in warning


def test_a_study_whose_arms_fill_no_gap_is_refused():
    with pytest.raises(SpecError, match="needs an objective that predicts hidden tokens"):
        planned("deshuffle", "causal")


@pytest.mark.parametrize("name", CLOZES)
def test_a_packaged_prompt_has_words_for_the_labels_of_its_task(name):
    assert cloze_of(TASKS.get(name), {}) is CLOZES[name]
