"""Floors that learn from the corpus: one a size of it, none where nothing is pretrained."""

from family_encoders import save_family

from mae_bench.planning.plan import make_plan
from mae_bench.planning.reading import left_out_floors
from mae_bench.planning.study import study_of

LABELS = {"token unigram", "token trigram"}
RAW = {
    "name": "x",
    "objectives": ["mlm"],
    "tasks": ["blimp"],
    "protocols": ["score"],
    "recipes": {"score": {"max_pairs": 7}},
    "seeds": 2,
}


def test_they_read_the_rows_that_arms_are_pretrained_on():
    plan = make_plan(study_of(RAW | {"corpus_tokens": [10_000, 20_000]}), None)
    floors = [cell for cell in plan.cells if cell.is_floor]
    assert {cell.arm.label for cell in floors} == LABELS
    assert {cell.corpus_tokens for cell in floors} == {10_000, 20_000}
    assert len({cell.evaluate for cell in floors}) == len(floors) == 8
    arms = [cell for cell in plan.cells if cell.arm.label == "mlm"]
    by_size = {}
    for cell in arms:
        needs = plan.by_key["pretrain", cell.pretrain].needs
        by_size[cell.corpus_tokens] = next(need for need in needs if need[0] == "blocks")
    for cell in floors:
        stage = plan.by_key["evaluate", cell.evaluate]
        assert by_size[cell.corpus_tokens] in stage.needs
        assert [kind for kind, _ in stage.needs] == ["blocks", "tokenizer", "task"]
        assert cell.pretrain is cell.encoder is cell.pretrain_seed is None
        assert stage.spec.recipe["max_pairs"] == 7, "the sample is that of the arms"


def test_without_a_pretraining_there_is_nothing_to_learn_from(tmp_path):
    encoder = save_family("bert", tmp_path / "mine")
    raw = {key: value for key, value in RAW.items() if key != "objectives"}
    (sentence,) = left_out_floors(study_of(raw | {"encoders": [str(encoder)]}))
    assert sentence.startswith("the floors token unigram, token trigram are left out: they learn")
    assert left_out_floors(study_of(RAW)) == []
    others = raw | {"encoders": [str(encoder)], "tasks": ["world/topic"]}
    assert left_out_floors(study_of(others)) == []
