"""Variants: the same protocol under several recipes, as columns of one study."""

import pytest

from mae_bench.errors import MaeBenchError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"sources": ["world"], "tokens": 5_000, "row_length": 32},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "protocols": ["finetune", "finetune/slow", "linear_probe/tail"],
    "finetune": {"epochs": 5},
    "recipes": {
        "finetune/slow": {"layer_lr_decay": 0.9},
        "linear_probe/tail": {"long_text": "tail"},
    },
    "train_sizes": [20],
    "seeds": 1,
}


def plan(**changes):
    raw = {**RAW, **changes}
    if "recipes" not in changes:  # those that nothing reads are refused
        recipes = RAW["recipes"].items()
        raw["recipes"] = {name: recipe for name, recipe in recipes if name in raw["protocols"]}
    return make_plan(study_of(raw), None)


def cells_of(made, protocol):
    return [cell for cell in made.cells if cell.protocol == protocol]


def recipe_of(made, protocol):
    (recipe,) = {
        repr(made.by_key["evaluate", cell.evaluate].spec.recipe)
        for cell in cells_of(made, protocol)
    }
    return recipe


def test_a_variant_is_the_protocol_with_what_it_changes():
    made = plan()
    assert recipe_of(made, "finetune") == repr({"epochs": 5, "max_length": 32})
    assert recipe_of(made, "finetune/slow") == repr(
        {"epochs": 5, "max_length": 32, "layer_lr_decay": 0.9}
    )
    assert recipe_of(made, "linear_probe/tail") == repr({"max_length": 32, "long_text": "tail"})
    protocols = {stage.spec.protocol for stage in made.stages if stage.kind == "evaluate"}
    assert protocols == {"finetune", "linear_probe", "majority", "tfidf"}


def test_plain_protocols_keep_their_ids_beside_variants():
    alone = plan(protocols=["finetune"], recipes={})
    assert {cell.id for cell in cells_of(alone, "finetune")} == {
        cell.id for cell in cells_of(plan(), "finetune")
    }


def test_a_variant_that_changes_nothing_is_run_once_and_has_rows_of_its_own():
    made = plan(protocols=["finetune", "finetune/same"], recipes={"finetune/same": {}})
    plain, same = cells_of(made, "finetune"), cells_of(made, "finetune/same")
    assert [cell.evaluate for cell in plain] == [cell.evaluate for cell in same]
    assert not {cell.id for cell in plain} & {cell.id for cell in same}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocols": ["finetune/other"]}, "variant 'finetune/other', which has no recipe"),
        (
            {"protocols": ["finetune/A b"], "recipes": {"finetune/A b": {}}},
            "a variant is a protocol, a slash and a name",
        ),
        ({"protocols": ["finetune/slow"], "recipes": {"finetune/slow": {"lorra": {}}}}, "lora"),
        ({"recipes": {"fine/slow": {}}}, "unknown protocol"),
        ({"protocols": ["finetune"], "finetune": {"reinit_layers": 2}}, "at most the 1 layers"),
        (
            {"protocols": ["finetune"], "tasks": ["stsb"],
             "finetune": {"class_weights": "balanced"}},
            "means nothing to tasks of kind 'regress'",
        ),
        (
            {"protocols": ["finetune"], "finetune": {"lora": {"rank": 2}},
             "backbone": {**RAW["backbone"], "arch": "gru"}},
            "take a backbone with attention",
        ),
        ({"claims": [{"sentence": "x", "treatment": "mlm", "control": "random_init",
                      "protocol": "finetune/none"}]}, "protocol must be one of"),
    ],
)  # fmt: skip
def test_wrong_variants_are_sentences(changes, message):
    with pytest.raises(MaeBenchError, match=message):
        plan(**changes)
