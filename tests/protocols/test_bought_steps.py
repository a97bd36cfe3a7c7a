"""FLOPs buy a fine-tune as many whole steps as they pay for, on the batches that it reads."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cases import save_encoder, small_spec, small_task
from test_finetune import build_tuner, read_texts

from mae_bench.costs import TRAIN, steps_for, training_passes
from mae_bench.errors import SpecError
from mae_bench.progress import silent
from mae_bench.protocols.bought_steps import buy_steps
from mae_bench.protocols.finetune import run
from mae_bench.specs import Budget
from mae_bench.training.batching import TokenSet, training_batches


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def texts_of(lengths):
    rows = [np.ones(length, dtype=np.int32) for length in lengths]
    return TokenSet.of(rows, pad_id=0, vocab_size=9, device="cpu")


def prices(tuner, texts):
    """Yield what each step costs, written down plainly: padded tokens of the batch's longest."""
    recipe, cost = tuner.recipe, tuner.operations
    order = {"batch_size": recipe.batch_size, "bucket_batches": recipe.bucket_batches}
    for index in training_batches(
        texts.lengths, **order, steps=10**9, task=tuner.task, seed=tuner.seed
    ):
        yield cost.price((len(index), int(texts.lengths[index].max())), training_passes(recipe))


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 32), min_size=2, max_size=40),
    batch_size=st.integers(1, 16),
    whole=st.floats(1.0, 60.0),
    ratio=st.floats(0.0, 0.9),
    pretrain_step=st.floats(0.01, 1.0),
)
def test_both_parts_add_up_to_the_budget_within_a_step_of_each(
    encoder, lengths, batch_size, whole, ratio, pretrain_step
):
    tuner, _ = build_tuner(encoder, batch_size)
    texts = texts_of(lengths)
    budget = whole * tuner.operations.price((batch_size, 32))
    a_step = pretrain_step * ratio * budget
    pretrained = steps_for(Budget(flops=ratio * budget), a_step, 1) * a_step if a_step else 0.0
    try:
        spent = buy_steps(tuner, texts, budget - ratio * budget)
    except SpecError:
        first = next(prices(tuner, texts))
        assert first > budget - ratio * budget
        return
    steps = tuner.bought_steps
    costs = list(itertools.islice(prices(tuner, texts), steps + 1))
    assert spent == pytest.approx(sum(costs[:-1])) and tuner.num_steps(len(texts)) == steps
    both = pretrained + spent
    assert budget - a_step - costs[-1] <= both * (1 + 1e-9) and both <= budget * (1 + 1e-9)


def test_a_training_takes_what_was_bought_and_its_schedule_ends_with_it(encoder):
    tuner, data = build_tuner(encoder)
    texts = read_texts(encoder, data.train.texts)
    spent = buy_steps(tuner, texts, 7.5 * tuner.operations.price((16, 12)))
    before = tuner.operations.total
    targets = tuner.learner.encode(data.train.labels, texts)
    assert list(tuner.train(texts, targets, 1e-3)) == list(range(1, tuner.bought_steps + 1))
    assert tuner.operations.total - before == pytest.approx(spent)


def test_a_protocol_says_what_one_training_took(encoder):
    data = small_task("classify")
    one = {"learning_rates": (3e-3,), "max_added_rates": 0}
    spec = small_spec("finetune", data, recipe=one, train_flops=2e8)
    result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    assert 0.9 * 2e8 < result.train_flops <= 2e8 < result.flops
    assert result.record()["train_flops"] == result.train_flops
    two = spec.model_copy(update={"recipe": spec.recipe | {"learning_rates": (1e-3, 3e-3)}})
    again = run(two, checkpoint=encoder, task=data, device="cpu", progress=silent)
    assert again.train_flops == result.train_flops, "the grid is beside the budget"
    assert again.flops == pytest.approx(result.flops + result.train_flops, rel=0.2)


def test_without_a_budget_the_recipe_decides_and_nothing_is_recorded(encoder):
    data = small_task("classify")
    result = run(
        small_spec("finetune", data), checkpoint=encoder, task=data, device="cpu", progress=silent
    )
    assert result.train_flops is None and "train_flops" not in result.record()


def test_the_heads_own_steps_are_paid_first(encoder):
    data = small_task("classify")
    spec = small_spec("finetune", data, train_flops=2e8)
    plain = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    probed = spec.model_copy(update={"recipe": spec.recipe | {"probe_steps": 30}})
    result = run(probed, checkpoint=encoder, task=data, device="cpu", progress=silent)
    assert 0.9 * 2e8 < result.train_flops <= 2e8
    assert result.flops == pytest.approx(plain.flops, rel=0.1)
    many = spec.model_copy(update={"recipe": spec.recipe | {"probe_steps": 300}})
    with pytest.raises(SpecError, match=r"beside .* for the head's own steps; raise budget_split"):
        run(many, checkpoint=encoder, task=data, device="cpu", progress=silent)


def test_too_few_flops_for_the_first_step_say_what_to_raise(encoder):
    tuner, _ = build_tuner(encoder)
    with pytest.raises(
        SpecError, match=r"leaves 1 FLOPs for a fine-tune, which do not buy its first step, of .*"
        r"; raise budget_split.flops, lower pretrain_ratios, or lower finetune.batch_size",
    ):  # fmt: skip
        buy_steps(tuner, texts_of([4, 5]), 1.0)


def test_an_encoder_of_unknown_cost_has_no_budget(encoder):
    tuner, _ = build_tuner(encoder)
    tuner.operations._cost = None
    with pytest.raises(SpecError, match="which is unknown for this encoder's architecture"):
        buy_steps(tuner, texts_of([4, 5]), 1e9)


def test_a_frozen_encoder_has_three_times_the_steps(encoder):
    lengths = [8] * 64
    counts = []
    for freeze in ("none", "encoder"):
        tuner, _ = build_tuner(encoder, freeze=freeze)
        buy_steps(tuner, texts_of(lengths), 10 * TRAIN * tuner.operations.price((16, 8), 1))
        counts.append(tuner.bought_steps)
    assert counts == [10, 30]
