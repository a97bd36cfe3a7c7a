"""Learning rates and seeds that are trained as one program end as each does alone.

In fp32 on a CPU; operations are the same, sums are added in another order.
"""

import weakref
from dataclasses import replace

import pytest
import torch
from family_encoders import save_family
from small_cases import save_encoder, small_spec, small_task
from tape import Tape

import mae_bench.protocols.finetunes_together as together
from mae_bench.progress import silent
from mae_bench.protocols.base import Evaluation
from mae_bench.protocols.finetune import Finetune, run, run_together
from mae_bench.tasks import KINDS
from mae_bench.tasks.kinds import FinetuneKind

TUNED = [name for name, kind in KINDS if issubclass(kind, FinetuneKind)]
RATES = (1e-3, 3e-3, 1e-2)
RECIPE = {"learning_rates": RATES, "bucket_batches": 1, "batch_size": 8, "dropout": 0.3}
RECIPES = {
    "no dropout": {"dropout": 0.0},
    "embeddings frozen": {"freeze": "embeddings"},
    "encoder frozen": {"freeze": "encoder"},
    "layer-wise rates": {"layer_lr_decay": 0.5, "reinit_layers": 1},
    "uncorrected": {"bias_correction": False},
    "class weights": {"class_weights": "balanced"},
    "last token": {"pooling": "last"},
    "attention": {"pooling": "attention", "long_text": "tail", "max_length": 6},
    "head first": {"probe_steps": 4},
    "rates beyond": {"learning_rates": RATES[:2], "max_added_rates": 2},
}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return [save_encoder(folder / str(seed), seed=seed) for seed in (0, 1)]


def evaluations(encoders, kind="classify", seeds=(0, 1), recipe=(), **changes):
    data = small_task(kind)
    given = RECIPE | dict(recipe)
    return [
        Evaluation(
            small_spec("finetune", data, recipe=given, seed=seed, **changes),
            encoders[seed % len(encoders)],
            data,
            encoders[0],
            silent,
        )
        for seed in seeds
    ]


def each_of(given):
    return given.spec, given.checkpoint, given.task


def alone(each):
    return run(each.spec, checkpoint=each.checkpoint, task=each.task, device="cpu", progress=silent)


def are_same(groups, given):
    for group, each in zip(groups, given, strict=True):
        single = alone(each)
        assert len(group.trials) == len(single.trials)
        for own, other in zip(group.trials, single.trials, strict=True):
            assert (own.chosen, own.failure) == (other.chosen, other.failure)
            assert own.value == pytest.approx(other.value, abs=1e-6)
            assert dict(own.facts) == pytest.approx(dict(other.facts), rel=1e-4, abs=1e-5)
        for name in ("flops", "train_flops", "grid_edges", "n_train", "skipped"):
            assert getattr(group, name) == getattr(single, name), name
        assert group.best.chosen == single.best.chosen
        for own, other in zip(group.readings, single.readings, strict=True):
            assert dict(own.metrics) == pytest.approx(dict(other.metrics), abs=1e-6)
            assert own.collapse == other.collapse


def company(groups):
    return [(each.num_together, each.why_alone) for each in groups]


@pytest.mark.parametrize("kind", TUNED)
def test_each_ends_as_it_does_alone(kind, encoders):
    given = evaluations(encoders, kind, train_size=21)
    groups = run_together(given, device="cpu")
    assert company(groups) == [(6, "")] * 2
    are_same(groups, given)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_mean_what_they_mean_alone(name, encoders):
    given = evaluations(encoders, seeds=(1,), recipe=RECIPES[name])
    groups = run_together(given, device="cpu")
    assert company(groups) == [(len(given[0].spec.recipe["learning_rates"]), "")]
    are_same(groups, given)


def test_layers_that_see_a_window_keep_it(tmp_path):
    """As those of ModernBERT, in batches with padding."""
    encoders = [
        save_family("modernbert", tmp_path / str(seed), seed=seed, local_attention=2)
        for seed in (0, 1)
    ]
    given = evaluations(encoders, recipe={"min_steps": 4})
    groups = run_together(given, device="cpu")
    assert company(groups) == [(6, "")] * 2
    are_same(groups, given)


def test_seeds_whose_steps_differ_in_number_are_trained_apart(encoders):
    """Of the same FLOPs each seed's batches buy another number of steps."""
    seeds = tuple(range(6))
    given = evaluations(encoders, seeds=seeds, train_size=21, train_flops=1.2e8)
    groups = run_together(given, device="cpu")
    numbers = [Finetune(*each_of(each), "cpu", silent).steps for each in given]
    assert 1 < len(set(numbers)) < len(seeds) and numbers != sorted(numbers)
    assert company(groups) == [(3 * numbers.count(number), "") for number in numbers]
    are_same(groups, given)


def test_lora_is_stacked_too(encoders):
    pytest.importorskip("peft")
    given = evaluations(encoders, recipe={"lora": {"rank": 2}})
    groups = run_together(given, device="cpu")
    assert company(groups) == [(6, "")] * 2
    are_same(groups, given)


@pytest.mark.parametrize("kind", ["classify", "tag"])
def test_recorded_steps_are_single_ones(kind, encoders, monkeypatch):
    """What is played again reads the rates, the noise and the count of steps from the device."""
    tapes = [Tape()]
    monkeypatch.setattr(together, "CudaGraphs", lambda: tapes[0])
    monkeypatch.setattr(together, "why_not_recorded", lambda device, compile_by: None)
    given = evaluations(encoders, kind, seeds=(0,), recipe={"min_steps": 40})
    groups = run_together(given, device="cpu")
    assert [group.compiled for group in groups] == ["graph"]
    assert tapes[0].recorded and tapes[0].replayed
    are_same(groups, given)


def test_a_rate_that_diverges_fails_alone(encoders):
    given = evaluations(encoders, recipe={"learning_rates": (1e-3, 1e30)})
    groups = run_together(given, device="cpu")
    assert company(groups) == [(4, "")] * 2
    assert [trial.failure is None for trial in groups[0].trials] == [True, False]
    are_same(groups, given)


@pytest.mark.parametrize(
    ("encoder", "recipe", "why"),
    [
        ({"dropout": 0.1}, {}, "its encoder's dropout"),
        ({}, {"long_text": "chunks"}, "its texts are chunks"),
        ({}, {"learning_rates": (1e-3,)}, "no other learning rate"),
    ],
)
def test_what_is_trained_one_by_one_says_why_and_has_the_same_bits(encoder, recipe, why, tmp_path):
    (given,) = evaluations([save_encoder(tmp_path, **encoder)], seeds=(0,), recipe=recipe)
    (group,) = run_together([given], device="cpu")
    assert group.num_together == 1 and why in group.why_alone
    assert group.trials == alone(given).trials


def test_one_by_one_each_reports_its_own_share(tmp_path):
    encoders = [save_encoder(tmp_path, dropout=0.1)]
    reports = [[], []]
    given = [
        replace(each, progress=lambda done, total, note, own=own: own.append(done / total))
        for each, own in zip(evaluations(encoders), reports, strict=True)
    ]
    run_together(given, device="cpu")
    assert all(own == sorted(own) and own[-1] == 1 for own in reports)


def test_memory_that_does_not_suffice_halves_the_group(encoders, monkeypatch):
    sizes = []
    train = together.FinetuneGroup.train

    def short_of_memory(group):
        sizes.append(len(group.tries))
        if len(group.tries) > 2:
            raise torch.OutOfMemoryError
        train(group)

    monkeypatch.setattr(together.FinetuneGroup, "train", short_of_memory)
    given = evaluations(encoders)
    groups = run_together(given, device="cpu")
    assert sizes == [6, 3, 2, 3, 2]
    assert company(groups) == [(2, "")] * 2
    are_same(groups, given)


@pytest.mark.parametrize("kind", [RuntimeError, TypeError])
def test_what_fails_at_once_is_trained_one_by_one(kind, encoders, monkeypatch):
    def fail(group):
        raise kind("vmap cannot\nsay more")

    monkeypatch.setattr(together.FinetuneGroup, "predict", fail)
    given = evaluations(encoders)
    groups = run_together(given, device="cpu")
    assert company(groups) == [(1, "learning rates at once failed: vmap cannot")] * 2
    assert [group.trials for group in groups] == [alone(each).trials for each in given]


def test_what_failed_at_once_is_let_go_of_before_one_is_trained(encoders, monkeypatch):
    """Else its weights and its graph would fill the memory that the single one needs."""
    failed = []

    def fail(group):
        failed.append(weakref.ref(group))
        raise RuntimeError("vmap cannot")

    def try_rate(finetune, rate, num_after):
        assert failed[0]() is None
        real(finetune, rate, num_after)

    real = Finetune.try_rate
    monkeypatch.setattr(together.FinetuneGroup, "predict", fail)
    monkeypatch.setattr(Finetune, "try_rate", try_rate)
    (group,) = run_together(evaluations(encoders, seeds=(0,)), device="cpu")
    assert len(failed) == 1 and len(group.trials) == len(RATES)
