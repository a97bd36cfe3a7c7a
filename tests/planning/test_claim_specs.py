"""What a study may claim: each test has its own keys, and names what the study has."""

import pytest

from mae_bench.errors import MaeBenchError, SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study, study_of
from mae_bench.specs import Claim
from mae_bench.specs.claim_axes import axis_values

STUDY = {
    "name": "small",
    "corpus": {"sources": ["world"], "tokens": 20000},
    "corpus_tokens": [20000, 10000, 40000],
    "objectives": [
        {"mlm": {"label": "mlm 15%", "mask_ratio": 0.15}},
        {"mlm": {"label": "mlm 40%", "mask_ratio": 0.4}},
        {"mlm": {"label": "mlm 80%", "mask_ratio": 0.8}},
        "mae",
        "random_init",
    ],
    "tasks": ["world/topic"],
    "train_sizes": [20, 50, "all"],
    "noise": ["clean", {"typos": {"rate": [0.2, 0.1]}}, {"typos": {"rate": 0.3, "where": "both"}}],
    "seeds": 6,
}
SIDES = {"sentence": "s", "treatment": "mae", "control": "mlm 15%"}
GOOD = {
    "size": {"test": "monotone", "treatment": "mae", "along": "train_size", "direction": "rises"},
    "gap": {**SIDES, "test": "monotone", "along": "corpus_tokens", "direction": "falls"},
    "noise": {
        "test": "monotone",
        "treatment": "mae",
        "along": "noise_rate",
        "direction": "falls",
        "noise": "typos (test)",
    },
    "arms": {
        "test": "monotone",
        "along": ["mlm 15%", "mlm 40%", "mlm 80%"],
        "direction": "falls",
        "task": "world/topic",
    },
    "crossing": {**SIDES, "test": "crossing", "along": "train_size", "direction": "rises"},
    "between": {
        **SIDES,
        "test": "crossing",
        "along": "corpus_tokens",
        "direction": "falls",
        "between": [10000, 40000],
    },
    "seconds": {
        **SIDES,
        "test": "ratio",
        "cost": "pretrain_s",
        "expected": "formula",
        "tolerance": 0.25,
    },
    "flops": {
        **SIDES,
        "test": "ratio",
        "cost": "pretrain_flops",
        "expected": 0.7,
        "tolerance": 0.05,
    },
    "evaluations": {
        **SIDES,
        "test": "ratio",
        "cost": "evaluate_s",
        "expected": 1,
        "tolerance": 0.1,
        "task": "world/topic",
    },
    "spread": {**SIDES, "test": "spread", "noise": "clean"},
}


def study_with(*claims):
    return study_of({**STUDY, "claims": [{"sentence": "s", **claim} for claim in claims]})


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_of_claim_can_be_planned(name):
    study = study_with(GOOD[name])
    assert make_plan(study, None).study.claims == study.claims
    (claim,) = study.claims
    assert Claim.model_validate(claim.model_dump(mode="json")) == claim, "kept and read again"


def test_claims_move_no_stage():
    plain = [stage.id for stage in make_plan(study_with(), None).stages]
    assert [s.id for s in make_plan(study_with(*GOOD.values()), None).stages] == plain


def test_the_ends_of_a_list_of_arms_are_its_sides():
    (claim,) = study_with(GOOD["arms"]).claims
    assert (claim.treatment, claim.control) == ("mlm 80%", "mlm 15%")


def test_axes_are_in_their_order():
    study = study_with(*(GOOD[name] for name in ("size", "gap", "noise", "arms", "crossing")))
    values = [axis_values(claim, study) for claim in study.claims]
    assert values == [
        (20, 50, "all"),
        (10000, 20000, 40000),
        (0.0, 0.1, 0.2),
        ("mlm 15%", "mlm 40%", "mlm 80%"),
        (20, 50, "all"),
    ]


def without(name, *keys, **changes):
    return {key: value for key, value in GOOD[name].items() if key not in keys} | changes


WRONG = {
    "no axis": (without("size", "along"), "claims[0]: test 'monotone' needs along; write along:"),
    "no direction": (without("crossing", "direction"), "test 'crossing' needs direction"),
    "wrong direction": (without("size", direction="up"), "claims[0].direction", "got 'up'"),
    "wrong axis": (without("size", along="seeds"), "claims[0].along must be train_size,"),
    "no cost": (without("flops", "cost"), "test 'ratio' needs cost; write cost: pretrain_s"),
    "no tolerance": (without("flops", "tolerance"), "needs tolerance; write tolerance: 0.1"),
    "no expected": (without("flops", "expected"), "test 'ratio' needs expected"),
    "a formula of FLOPs": (
        without("flops", expected="formula"),
        "expected must be a number for cost 'pretrain_flops', got 'formula'",
    ),
    "expected is a word": (
        without("flops", expected="half"),
        "claims[0].expected must be a number",
    ),
    "a key of another test": (
        without("spread", direction="rises"),
        "direction is not for test 'spread', got 'rises'; it is for monotone, crossing",
    ),
    "a margin": (without("size", margin=0.1), "margin is not for test 'monotone', got 0.1"),
    "an axis of superiority": ({**SIDES, "along": "train_size"}, "along is not for test"),
    "no control": (without("spread", "control"), "claims[0].control is missing"),
    "no treatment": (without("size", "treatment"), "claims[0].treatment is missing"),
    "two arms": (
        without("arms", along=["mlm 15%", "mae"]),
        "along must list at least 3 arms, each once, got mlm 15%, mae",
    ),
    "arms and a control": (
        without("arms", control="mae"),
        "treatment and control are the last and the first of the arms in along",
    ),
    "an unknown arm": (
        without("arms", along=["mlm 15%", "mlm 40", "mae"]),
        "claims[0].along[1] must be one of",
        "Did you mean 'mlm 40%'",
    ),
    "a crossing of arms": (
        without("crossing", along=["mlm 15%", "mlm 40%", "mae"]),
        "along must name an axis of the study for test 'crossing', got a list",
    ),
    "an axis that is fixed": (
        without("size", train_size=20),
        "train_size must be left out along train_size, got 20",
    ),
    "an axis without values": (
        without("gap", along="pretrain_ratio"),
        "claims[0].along: test 'monotone' needs at least 3 values of pretrain_ratio in the study, "
        "got none",
    ),
    "two noises": (
        without("noise", "noise"),
        "claims[0].noise must name one noise along noise_rate, got none, which may be typos (both)",
    ),
    "clean along the noise": (without("noise", noise="clean"), "claims[0].noise must be one of"),
    "between what is not there": (
        without("between", between=[10000, 15000]),
        "claims[0].between[1] must be a value of corpus_tokens in the study (10000, 20000, 40000), "
        "got 15000",
    ),
    "between downwards": (
        without("between", between=[20000, 10000]),
        "claims[0].between must go up corpus_tokens, got 20000 and 10000",
    ),
    "between one": (
        without("between", between=[10000]),
        "claims[0].between[1] is missing; it must be a value of the axis",
    ),
    "a ratio of no pretraining": (
        without("seconds", control="random_init"),
        "claims[0].control must be an arm that is pretrained here",
    ),
    "a task of a pretraining": (
        without("seconds", task="world/topic"),
        "task is not read by a ratio of pretrain_s, got 'world/topic'",
    ),
    "a metric of a cost": (
        without("evaluations", metric="accuracy"),
        "metric is not read by a ratio of evaluate_s",
    ),
    "itself": (without("spread", control="mae"), "claims[0] compares 'mae' with itself"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_claim_is_answered_in_one_sentence(case, tmp_path):
    import yaml

    claim, *parts = WRONG[case]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "claims": [{"sentence": "s", **claim}]}))
    with pytest.raises(MaeBenchError) as caught:
        make_plan(load_study(path), None)
    text = str(caught.value)
    assert "\n" not in text
    for part in parts:
        assert part in text, text
    assert isinstance(caught.value, SpecError)
