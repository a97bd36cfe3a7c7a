"""A study scored by its objectives, from data with the Hub's fields to the report."""

import pytest
from command_line import call
from local_data import write_split
from tiny_study import rows, short_study, write_study

from mae_bench import report
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of

SCORED = {
    "objectives": ["mlm", "causal", "simcse"],
    "tasks": ["blimp", "wikitext2"],
    "protocols": ["score"],
    "recipes": {"score": {"max_pairs": 12}},
    "train_sizes": None,
    "finetune": None,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    pairs = {
        "sentence_good": [f"The dogs see {n} cats ." for n in range(20)],
        "sentence_bad": [f"The dogs sees {n} cats ." for n in range(20)],
        "linguistics_term": ["agreement"] * 15 + ["islands"] * 5,
        "UID": ["x"] * 20,
    }
    lines = {"text": ["", " = Title = \n", " Some words that stand in a line .\n"] * 4}
    write_split(folder, "blimp", "train", pairs)
    write_split(folder, "wikitext2_raw", "test", lines)
    return folder


def test_a_study_is_scored_by_every_arm_that_can(data, tmp_path, home):
    study = write_study(tmp_path, **SCORED)
    places = ("--home", home, "--data-dir", data)
    code, out, err = call("run", study, *places, "--workers", "1")
    assert code == 0, err
    assert "without a result: random_init, simcse" in out + err
    kept = rows(home)
    assert set(kept["arm"]) == {"mlm", "causal", "token unigram", "token trigram"}
    floors = kept[kept["arm"].str.startswith("token")]
    assert floors["is_floor"].all() and set(floors["n_test"][floors["task"] == "blimp"]) == {12}
    unigram = floors[floors["arm"] == "token unigram"]
    assert "pseudo_bits_per_character" in set(unigram["metric"])
    by_task = {
        task: set(part["metric"]) for task, part in kept[kept["arm"] == "mlm"].groupby("task")
    }
    assert by_task["blimp"] == {"accuracy", "accuracy/agreement", "accuracy/islands"}
    assert "pseudo_bits_per_character" in by_task["wikitext2"]
    causal = kept[(kept["arm"] == "causal") & (kept["task"] == "wikitext2")]
    assert set(causal["metric"]) == {"causal_bits_per_character", "causal_perplexity_per_word"}
    page = report(study, home=home, data_dir=data, out=tmp_path / "report").read_text()
    assert "token unigram" in page
    assert "wikitext2 (pseudo_bits_per_character ↓)" in page


def planned(**changes):
    return make_plan(study_of(short_study(**SCORED | changes)), None)


def test_what_cannot_be_scored_is_said_before_anything_runs():
    plan = planned()
    assert {cell.arm.label for cell in plan.cells if not cell.is_floor} == {"mlm", "causal"}
    with pytest.raises(SpecError, match=r"no arm can say \(random_init, simcse, rtd\); add one"):
        planned(objectives=["simcse", "rtd"])
    with pytest.raises(SpecError, match=r"'score' cannot read task 'world/topic', .*minimal_pair"):
        planned(tasks=["world/topic", *SCORED["tasks"]])
    with pytest.raises(SpecError, match=r"'finetune' cannot read task 'blimp'.* read by score"):
        planned(protocols=["finetune"], recipes=None)
