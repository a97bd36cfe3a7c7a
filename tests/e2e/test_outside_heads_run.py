"""Encoders from outside that are scored by their own heads, from the plan to the report."""

import pytest
from family_encoders import save_family
from scored_cases import save_arm

from mae_bench.planning.shorthand import study_of
from mae_bench.runner.session import Session

RAW = {
    "name": "heads",
    "tasks": ["text/world"],
    "protocols": ["score"],
    "recipes": {"score": {"max_characters": 150, "word_ratios": [0.3], "max_length": 20}},
    "seeds": 1,
}


def session_of(folder, *encoders, **fields):
    raw = RAW | {"encoders": [str(each) for each in encoders]} | fields
    return Session(study_of(raw), home=folder / "home", device="cpu", workers=1)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    made = session_of(
        folder,
        save_family("xlm-roberta", folder / "masked", head="ForMaskedLM"),
        save_family("llama", folder / "causal", head="ForCausalLM"),
        save_family("bert", folder / "bare"),
        save_arm(folder / "ours", "mae"),
    )
    made.run()
    return made


def test_each_that_can_is_scored_and_next_tokens_are_another_measure(session):
    rows = session.rows()
    assert rows["failure"].isna().all() and set(rows["objective"]) == {"outside"}
    by_arm = {arm: set(part["metric"]) for arm, part in rows.groupby("arm")}
    pseudo = {"pseudo_bits_per_character", "pseudo_perplexity_per_word"}
    assert (
        by_arm["masked"] == by_arm["ours"] == pseudo | {"masked_word_accuracy_30", "word_error_30"}
    )
    assert by_arm["causal"] == {"causal_bits_per_character", "causal_perplexity_per_word"}
    assert set(by_arm) == {"masked", "ours", "causal"}
    assert (rows[rows["metric"].str.endswith("bits_per_character")]["value"] > 0).all()


def test_a_head_that_changed_since_the_plan_is_refused(tmp_path):
    folder = save_arm(tmp_path / "ours", "mlm")
    session = session_of(tmp_path, folder)
    assert session.plan.cells
    path = folder / "objective.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + bytes(4))
    session.run()
    (failure,) = set(session.rows()["failure"])
    assert "is not the one that was planned" in failure


def test_a_head_that_is_in_no_file_fails_in_a_sentence_and_stops_no_other(tmp_path):
    from safetensors.torch import load_file, save_file

    bad = save_family("roberta", tmp_path / "bad", head="ForMaskedLM")
    weights = load_file(bad / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "lm_head" not in name}
    save_file(kept, bad / "model.safetensors", metadata={"format": "pt"})
    session = session_of(tmp_path, bad, save_family("bert", tmp_path / "good", head="ForMaskedLM"))
    session.run()
    rows = session.rows()
    assert set(rows[rows["failure"].isna()]["arm"]) == {"good"}
    (failure,) = set(rows[rows["arm"] == "bad"]["failure"])
    assert "lacks weights of the head" in failure
