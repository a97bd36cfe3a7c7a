"""What a plan reckons for encoders from outside: their own sizes, not those of the study."""

import shutil

import pytest
import transformers
from family_encoders import save_family

from mae_bench.errors import SpecError
from mae_bench.planning.encoder_costs import WeightCost, cost_of_folder
from mae_bench.planning.estimate import estimate
from mae_bench.planning.modelled import ROUGH_EVALUATE_S, ROUGH_FLOPS_PER_S, ROUGH_PREPARE_S
from mae_bench.planning.plan import make_plan
from mae_bench.planning.shorthand import study_of
from mae_bench.store.store import Store
from mae_bench.training.measured_cost import measure_cost

HUB = f"owner/name@{'0123456789' * 4}"
RAW = {
    "name": "x",
    "tasks": ["world/topic"],
    "seeds": 1,
    "protocols": ["linear_probe"],
    "linear_probe": {"max_length": 32},
}
PRETRAINED = {
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"row_length": 32},
    "pretrain": {"budget": {"steps": 10}},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return save_family("bert", tmp_path_factory.mktemp("family") / "small")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return save_family("bert", tmp_path_factory.mktemp("family") / "large", num_hidden_layers=6)


def estimated(tmp_path, store=None, **fields):
    plan = make_plan(study_of(RAW | fields), None)
    return estimate(plan, store or Store(tmp_path / "home"), "cpu")


def flops(tmp_path, store=None, **fields):
    """Return what the encoders of a study's evaluations do."""
    costs = estimated(tmp_path, store, **fields)
    base = ROUGH_EVALUATE_S["cpu"] * costs.stages["evaluate"]["all"]
    base += sum(ROUGH_PREPARE_S.get(kind, 0) * c["all"] for kind, c in costs.stages.items())
    return (costs.seconds - base) * ROUGH_FLOPS_PER_S["cpu"]


@pytest.mark.parametrize("family", ["albert", "distilbert", "gpt2", "llama", "modernbert", "t5"])
def test_a_cost_read_from_the_files_is_near_what_torch_counts(family, tmp_path):
    """Tables of tokens weigh as much as layers here, and must not be counted."""
    folder = save_family(family, tmp_path / family, num_hidden_layers=4, spare=3000)
    counted = measure_cost(transformers.AutoConfig.from_pretrained(folder))
    assert counted is not None
    ratio = cost_of_folder(folder).forward(3, 32) / counted.forward(3, 32)
    assert 0.6 < ratio < 1.4, ratio
    is_named_otherwise = family in ("distilbert", "gpt2", "t5")
    assert isinstance(cost_of_folder(folder), WeightCost) == is_named_otherwise


def test_six_layers_cost_six_times_one_whatever_the_study_pretrains(tmp_path, small, large):
    one, six = (flops(tmp_path, encoders=[str(each)]) for each in (small, large))
    assert six == pytest.approx(3 * one)  # of two layers
    beside = PRETRAINED | {"encoders": [str(small)], "objectives": ["random_init"]}
    wider = PRETRAINED | {"backbone": PRETRAINED["backbone"] | {"num_layers": 4}}
    added = [
        flops(tmp_path, **fields) - flops(tmp_path, **fields | {"encoders": []})
        for fields in (beside, beside | wider)
    ]
    assert added == pytest.approx([one, one])


def test_an_encoder_of_the_hub_is_unknown_until_it_is_fetched(tmp_path, small):
    store = Store(tmp_path / "home")
    costs = estimated(tmp_path, store, encoders=[{"label": "theirs", "from": HUB}])
    assert costs.assumptions == [
        "nothing for the work of encoder theirs, whose sizes are not known before it is fetched; "
        "`mae-bench prepare` fetches it"
    ]
    assert flops(tmp_path, store, encoders=[HUB]) == 0
    (stage,) = make_plan(study_of(RAW | {"encoders": [HUB]}), None).prepared[:1]
    assert stage.kind == "teacher"
    with store.open().build(*stage.key, {}) as out:
        shutil.copytree(small, out, dirs_exist_ok=True)
    fetched = estimated(tmp_path, store, encoders=[HUB])
    assert fetched.assumptions == []
    assert flops(tmp_path, store, encoders=[HUB]) == flops(tmp_path, encoders=[str(small)])


def test_a_teacher_from_outside_has_its_own_price(tmp_path, small, large):
    def price(teacher):
        arm = {"distill": {"teacher": str(teacher), "soft_weight": 0, "label": "taught"}}
        costs = estimated(tmp_path, **PRETRAINED | {"objectives": ["random_init", arm]})
        (cost,) = [cost for cost in costs.arms if cost.label == "taught"]
        return cost.flops_per_token, costs.assumptions

    (of_two, _), (of_six, _), (_, assumptions) = price(small), price(large), price(HUB)
    layer = cost_of_folder(small).forward(1, 32) / 32 / 2
    assert of_six - of_two == pytest.approx(4 * layer)
    assert assumptions == [
        f"the sizes of the study's backbone for teacher {HUB}, whose own are not known before it "
        "is fetched; `mae-bench prepare` fetches it"
    ]


def test_a_price_that_is_only_assumed_refuses_nothing(tmp_path, large):
    """Of a step with a teacher of the study's size it would cost 47.4 M; the student's are 39.6."""

    def split(teacher, flops):
        arm = {"distill": {"teacher": str(teacher), "soft_weight": 0, "label": "taught"}}
        fields = {
            "objectives": [arm],
            "pretrain": {"batch_rows": 8},
            "budget_split": {"flops": 4 * flops, "pretrain_ratios": [0.25]},
            "protocols": ["finetune"],
            "train_sizes": [20],
        }
        costs = estimated(tmp_path, **PRETRAINED | fields)
        (cost,) = [cost for cost in costs.arms if cost.label.startswith("taught")]
        return cost, costs

    cost, costs = split(HUB, 45e6)
    assert (cost.label, cost.steps, cost.tokens, cost.whole_flops) == ("taught (25%)", *[None] * 3)
    assert costs.flops == 0 and costs.assumptions[-1] == (
        "nothing for the steps of taught (25%): what is assumed above would make one cost more "
        "than the budget, and its run is refused if that is so"
    )
    enough, costs = split(HUB, 2 * 48e6)
    assert enough.steps == 2 and not any("nothing for the steps" in a for a in costs.assumptions)
    with pytest.raises(SpecError, match="does not buy one step"):
        split(large, 45e6)  # of known sizes
    few = PRETRAINED | {"pretrain": {"budget": {"tokens": 5}}}
    arm = {"distill": {"teacher": HUB, "soft_weight": 0}}
    with pytest.raises(SpecError, match="tokens 5 does not buy one step"):
        estimated(tmp_path, **few | {"objectives": [arm]})
