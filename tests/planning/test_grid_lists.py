"""Lists in a study: the points that they make, zip, exclude, and what is refused."""

import itertools

import pytest
from pydantic import ValidationError

from mae_bench.errors import SpecError
from mae_bench.planning.grid_lists import study_at
from mae_bench.planning.listable import grid_fields
from mae_bench.planning.study import study_of
from mae_bench.specs import Study, point_label
from mae_bench.specs.grid_points import points_of

DEEP = {"backbone": {"num_layers": [2, 4, 6]}}
TWO = DEEP | {"pretrain": {"peak_lr": [1e-3, 2e-3]}}
MAE = {"mae": {"mask_ratio": [0.3, 0.5], "decoder_layers": [1, 2]}}


def read(**fields):
    """Return a study of two objectives with these fields."""
    return study_of({"name": "g", "tasks": ["sst2"], "objectives": ["mlm", MAE]} | fields)


def labels(study):
    """Return the labels of a study's points."""
    return [point_label(at.point) for at in points_of(study)]


def test_a_plain_study_has_one_point_and_no_grid():
    study = read(backbone={"num_layers": 4})
    assert [at.point for at in points_of(study)] == [()]
    assert study_at(study, points_of(study)[0]) is study
    assert not {"grid", "zip", "exclude"} & study.canonical().keys()


def test_every_combination_is_a_point_and_the_last_field_varies_first():
    study = read(**TWO)
    pairs = itertools.product([2, 4, 6], [1e-3, 2e-3])
    assert labels(study) == [f"num_layers={n} peak_lr={lr}" for n, lr in pairs]
    for at, (layers, rate) in zip(
        points_of(study), itertools.product([2, 4, 6], [1e-3, 2e-3]), strict=True
    ):
        there = study_at(study, at)
        assert (there.backbone.num_layers, there.pretrain.peak_lr) == (layers, rate)
        assert not there.grid
        assert there.backbone.max_length == study.backbone.max_length


def test_what_is_stored_is_read_again_as_it_is():
    fields = TWO | {
        "finetune": {"epochs": [1, 2]},
        "zip": [["pretrain.peak_lr", "finetune.epochs"], ["mae.mask_ratio", "mae.decoder_layers"]],
        "exclude": [{"backbone.num_layers": 6, "mae.mask_ratio": 0.5}, {"pretrain.peak_lr": 1e-3}],
    }
    study = read(**fields)
    assert study_of(study.model_dump(mode="json")) == study
    assert Study.model_validate(study.model_dump()) == study
    written = {"grid": {"backbone.num_layers": [2, 4, 6], "pretrain.peak_lr": [1e-3, 2e-3]}}
    assert read(**written) == read(**TWO)


def test_zip_takes_values_together():
    sizes = {"backbone": {"num_layers": [2, 4], "hidden_size": [64, 128], "num_heads": 2}}
    study = read(**sizes, zip=[["backbone.num_layers", "backbone.hidden_size"]])
    assert labels(study) == ["num_layers=2 hidden_size=64", "num_layers=4 hidden_size=128"]
    repeated = {"backbone": {"num_layers": [2, 4, 4], "hidden_size": [64, 64, 128]}}
    repeated["zip"] = [["backbone.num_layers", "backbone.hidden_size"]]
    assert len(points_of(read(**repeated))) == 3
    zipped = read(zip=[["mae.mask_ratio", "mae.decoder_layers"]])
    assert [arm.label for arm in zipped.objectives] == [
        "mlm",
        "mae mask_ratio=0.3 decoder_layers=1",
        "mae mask_ratio=0.5 decoder_layers=2",
    ]


def test_exclude_leaves_out_points_arms_and_arms_at_points():
    points = read(**TWO, exclude=[{"backbone.num_layers": [4, 6], "pretrain.peak_lr": 2e-3}])
    assert labels(points) == [
        "num_layers=2 peak_lr=0.001",
        "num_layers=2 peak_lr=0.002",
        "num_layers=4 peak_lr=0.001",
        "num_layers=6 peak_lr=0.001",
    ]
    arms = read(exclude=[{"mae.mask_ratio": 0.5, "mae.decoder_layers": 2}])
    assert len(arms.objectives) == 4 and not arms.exclude
    some = read(**DEEP, exclude=[{"mae.mask_ratio": 0.5, "backbone.num_layers": 6}])
    without = {"mae mask_ratio=0.5 decoder_layers=1", "mae mask_ratio=0.5 decoder_layers=2"}
    assert [at.without for at in points_of(some)] == [frozenset(), frozenset(), without]
    assert {arm.label for arm in study_at(some, points_of(some)[2]).objectives}.isdisjoint(without)
    named = read(**DEEP, exclude=[{"arm": "mlm", "backbone.num_layers": 2}])
    assert [len(at.without) for at in points_of(named)] == [1, 0, 0]


def test_a_first_combination_that_cannot_be_may_be_left_out():
    heads = {"backbone": {"hidden_size": [64, 96], "num_heads": [3, 2]}}
    with pytest.raises((SpecError, ValidationError), match="multiple of num_heads"):
        read(**heads)
    study = read(**heads, exclude=[{"backbone.hidden_size": 64, "backbone.num_heads": 3}])
    assert len(points_of(study)) == 3
    assert study.backbone.num_heads == 2


def test_one_value_in_a_list_is_that_value():
    assert read(backbone={"num_layers": [4]}) == read(backbone={"num_layers": 4})


def test_lists_that_are_the_value_stay_it():
    study = read(finetune={"learning_rates": [1e-4, 1e-3]}, corpus={"sources": ["world"]})
    assert not study.grid and study.finetune.learning_rates == (1e-4, 1e-3)
    assert not {"finetune.learning_rates", "corpus.sources"} & set(grid_fields())
    assert {"corpus.tokenizer.vocab_size", "pretrain.budget.tokens"} <= set(grid_fields())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": {"num_layers": [2, 2]}}, "backbone.num_layers is given 2 twice"),
        (
            {
                "backbone": {"num_layers": [2, 2], "hidden_size": [64, 64]},
                "zip": [["backbone.num_layers", "backbone.hidden_size"]],
            },
            "backbone.num_layers is given, with backbone.hidden_size, 2 and 64 twice",
        ),
        ({"backbone": {"num_layers": []}}, "backbone.num_layers is given as an empty list"),
        ({"backbone": {"num_layers": [2, [4]]}}, r"holds \[4\]"),
        ({"backbone": {"num_layers": [2, "a"]}}, "whole number.*got 'a'.*num_layers=a"),
        ({"pretrain": {"budget": [{"steps": 1}]}}, "pretrain.budget is a mapping, got a list"),
        ({"corpus": {"sources": [["world"], ["wiki_en"]]}}, "holds a list already"),
        ({"grid": {"backbone.depth": [1, 2]}}, "grid names backbone.depth, which is no field"),
        (
            {"grid": {"mae.mask_ratio": [0.3, 0.5]}},
            "an option of an objective; .* under obj",
        ),
        ({"grid": [1]}, "grid must be a mapping"),
        ({"backbone": {"preset": ["cpu", "none"]}}, r"cpu \(at preset=none\); correct the lists"),
        (DEEP | {"grid": {"backbone.num_layers": [2, 3]}}, "once more under grid"),
        (DEEP | {"zip": 5}, "zip must be a list"),
        (DEEP | {"zip": ["a"]}, r"zip\[0\] must be a list of fields"),
        (DEEP | {"zip": [["backbone.num_layers", "backbone.hidden_size"]]}, "not given as a list"),
        (DEEP | {"zip": [["backbone.num_layers"]]}, "must name two fields"),
        (DEEP | {"zip": [[]]}, "must name two fields or more, got none"),
        (
            DEEP | {"pretrain": {"peak_lr": [1, 2]}, "zip": [["backbone.num_layers"] * 2]},
            "a second time",
        ),
        (TWO | {"zip": [["backbone.num_layers", "pretrain.peak_lr"]]}, "lists of one length"),
        (
            TWO | {"zip": [["backbone.num_layers", "mae.mask_ratio"]]},
            "objective 'mae' and the study",
        ),
        ({"zip": [["mlm.mask_ratio", "mlm.keep_share"]]}, "no objective has these as lists"),
        (DEEP | {"exclude": {"a": 1}}, "exclude must be a list"),
        (DEEP | {"exclude": [5]}, r"exclude\[0\]: must be a mapping"),
        (DEEP | {"exclude": [{"backbone.num_layers": 5}]}, "matches no combination"),
        (DEEP | {"exclude": [{"backbone.num_layer": 4}]}, "Did you mean 'backbone.num_layers'"),
        (DEEP | {"exclude": [{"mae.mask_ratio": 0.9}]}, "matches no combination"),
        (DEEP | {"exclude": [{"backbone.num_layers": True}]}, "matches no combination"),
        (
            DEEP | {"exclude": [{"backbone.num_layers": [None, True], "arm": "mlm"}]},
            r"\{backbone.num_layers: \[null, true\], arm: mlm\} matches no combination",
        ),
        (DEEP | {"exclude": [{"backbone.num_layers": [2, 4, 6]}]}, "leaves nothing to run"),
        (DEEP | {"exclude": [{"arm": "mlm"}]}, "names arm alone"),
        (DEEP | {"exclude": [{"arm": "mlx", "backbone.num_layers": 2}]}, "Did you mean 'mlm'"),
        (
            DEEP | {"exclude": [{"arm": "mlm", "mae.mask_ratio": 0.3, "backbone.num_layers": 2}]},
            "names arm beside options",
        ),
        (DEEP | {"exclude": [{"mae.mask_ratio": 0.3, "mlm.mask_ratio": 0.3}]}, "one for each"),
        (DEEP | {"tuning": {}}, "tuning finds options for one backbone"),
        ({"corpus": {"tokens": [10**5, 10**6]}, "corpus_tokens": [10**5]}, "means the same"),
        (
            {
                "backbone": {"num_layers": list(range(1, 40))},
                "pretrain": {"batch_rows": list(range(1, 40))},
            },
            "make 1,521 combinations; at most 1,000",
        ),
    ],
)
def test_what_makes_no_grid_is_refused_in_one_sentence(fields, message):
    with pytest.raises(SpecError, match=message) as caught:
        read(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("grid", "exclude", "message"),
    [
        ({"backbone.num_layers": 3}, [], "fits no point of the study's grid"),
        ({"backbone.num_heads": 3}, [], "its fields: backbone.num_layers"),
        ({"backbone.num_layers": None}, [], r"grid \{backbone.num_layers: null\} fits no point"),
        (
            {"backbone.num_layers": 6},
            [{"mae.mask_ratio": 0.3, "backbone.num_layers": 6}],
            "leaves out wherever the claim is about",
        ),
        ({"backbone.num_layers": [2, 4]}, [], None),
    ],
)
def test_claims_name_points_that_are_there(grid, exclude, message):
    arm = "mae mask_ratio=0.3 decoder_layers=1"
    claim = {"sentence": "s", "treatment": arm, "control": "mlm", "grid": grid}
    fields = DEEP | {"claims": [claim], "exclude": exclude}
    if message is None:
        assert read(**fields).claims[0].grid == grid
        return
    with pytest.raises(SpecError, match=message):
        read(**fields)
