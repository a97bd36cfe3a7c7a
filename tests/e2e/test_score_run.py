"""A study scored by its objectives, from data with the Hub's fields to the report."""

import pytest
from command_line import call
from tiny_study import STUDY, rows

from mae_bench import report
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study

SCORED = (
    STUDY.replace("[mlm, {distill: {teacher: mlm}}]", "[mlm, causal, simcse]")
    .replace("[world/topic]", "[blimp, wikitext2]")
    .replace("train_sizes: [20]\n", "protocols: [score]\nrecipes: {score: {max_pairs: 12}}\n")
    .replace("steps: 40", "steps: 4")
    .replace("seeds: 2", "seeds: 1")
    .replace("noise: [clean, {typos: 0.1}]\n", "")
    .replace("finetune: {learning_rates: [1e-3], epochs: 1, min_steps: 2, max_length: 32}\n", "")
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path_factory.mktemp("data")
    pairs = {
        "sentence_good": [f"The dogs see {n} cats ." for n in range(20)],
        "sentence_bad": [f"The dogs sees {n} cats ." for n in range(20)],
        "linguistics_term": ["agreement"] * 15 + ["islands"] * 5,
        "UID": ["x"] * 20,
    }
    lines = {"text": ["", " = Title = \n", " Some words that stand in a line .\n"] * 4}
    for name, split, columns in (("blimp", "train", pairs), ("wikitext2_raw", "test", lines)):
        (folder / name).mkdir()
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / name / f"{split}.parquet")
    return folder


def test_a_study_is_scored_by_every_arm_that_can(data, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(SCORED)
    places = ("--home", tmp_path / "home", "--data-dir", data)
    code, out, err = call("run", study, *places, "--workers", "1")
    assert code == 0, err
    assert "without a result: random_init, simcse" in out + err
    kept = rows(tmp_path / "home")
    assert set(kept["arm"]) == {"mlm", "causal"}
    by_task = {
        task: set(part["metric"]) for task, part in kept[kept["arm"] == "mlm"].groupby("task")
    }
    assert by_task["blimp"] == {"accuracy", "accuracy/agreement", "accuracy/islands"}
    assert "pseudo_bits_per_character" in by_task["wikitext2"]
    causal = kept[(kept["arm"] == "causal") & (kept["task"] == "wikitext2")]
    assert set(causal["metric"]) == {"causal_bits_per_character", "causal_perplexity_per_word"}
    page = report(study, home=tmp_path / "home", data_dir=data, out=tmp_path / "report").read_text()
    assert "wikitext2 (pseudo_bits_per_character, lower is better)" in page


def planned(text, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return make_plan(load_study(path), None)


def test_what_cannot_be_scored_is_said_before_anything_runs(tmp_path):
    plan = planned(SCORED, tmp_path)
    assert {cell.arm.label for cell in plan.cells} == {"mlm", "causal"}
    none = SCORED.replace("[mlm, causal, simcse]", "[simcse, rtd]")
    with pytest.raises(SpecError, match=r"no arm can say \(random_init, simcse, rtd\); add one"):
        planned(none, tmp_path)
    with pytest.raises(SpecError, match=r"'score' cannot read task 'world/topic', .*minimal_pair"):
        planned(SCORED.replace("[blimp", "[world/topic, blimp"), tmp_path)
    with pytest.raises(SpecError, match=r"'finetune' cannot read task 'blimp'.* read by score"):
        planned(SCORED.replace("[score]", "[finetune]").replace("recipes", "# "), tmp_path)
