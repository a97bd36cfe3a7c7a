"""On a card: seeds in one graph have the losses of single seeds and of seeds step by step."""

import json

import pytest
from objective_cases import CASES
from small_blocks import run_pretraining, seed_of, teacher_for, write_teacher
from test_objectives_contract import IDS

from mae_bench.pretraining.batchable import why_not_batched
from mae_bench.pretraining.together import pretrain_together

pytestmark = pytest.mark.gpu
SEEDS = (0, 3, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("card"))


def group(folder, name, options, kind):
    teacher = teacher_for(folder, options)
    return [
        seed_of(folder, name, options, name=f"{name} {kind} {seed}", seed=seed, teacher=teacher)
        for seed in SEEDS
    ]


def read(out, name):
    return json.loads((out / name).read_text())


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_graph_of_seeds_has_the_losses_of_single_seeds(name, options, folder):
    losses = {}
    for how in ("off", "graph"):
        seeds = group(folder, name, options, how)
        if why_not_batched(seeds[0].spec):
            return
        pretrain_together(seeds, device="cuda", compile_by=how)
        for seed in seeds:
            cost = read(seed.folders.out, "cost.json")
            assert (cost["compiled"], cost["seeds_together"]) == (how, len(SEEDS))
        losses[how] = [read(seed.folders.out, "curve.json")["loss"] for seed in seeds]
    for number, seed in enumerate(SEEDS):
        out = run_pretraining(
            folder, name, options, name=f"{name} single {seed}", seed=seed,
            teacher=seeds[0].folders.teacher, device="cuda",
        )  # fmt: skip
        single = read(out, "curve.json")["loss"]
        for how in ("off", "graph"):
            assert losses[how][number] == pytest.approx(single, rel=2e-3, abs=1e-5), how


@pytest.mark.parametrize("objective", ["mlm", "mae"])
def test_inductor_has_the_losses_of_single_seeds(objective, folder):
    seeds = group(folder, objective, {}, "inductor")
    pretrain_together(seeds, device="cuda", compile_by="inductor")
    for seed in seeds:
        assert read(seed.folders.out, "cost.json")["compiled"] == "inductor"
        out = run_pretraining(
            folder, objective, name=f"{objective} plain {seed.spec.seed}", seed=seed.spec.seed,
            device="cuda",
        )  # fmt: skip
        losses = [read(each, "curve.json")["loss"] for each in (seed.folders.out, out)]
        assert losses[0] == pytest.approx(losses[1], rel=5e-3)
