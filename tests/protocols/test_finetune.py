"""Fine-tuning: what may move its results, and what must not."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from small_cases import save_encoder, small_spec, small_task, with_test_labels

from mae_bench.costs import stack_of_config
from mae_bench.errors import DataError, DivergedError, SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import TaskModel
from mae_bench.progress import silent
from mae_bench.protocols.finetune import run
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.protocols.outcome import Trial, choose
from mae_bench.protocols.splits import Splits
from mae_bench.specs import FinetuneRecipe, NoiseSpec
from mae_bench.tasks import TASKS, TaskData, kind_of
from mae_bench.training.batching import load_tokenizer, tokenize
from mae_bench.training.optim import linear_schedule, make_optimizer

USELESS, USEFUL = 1e-9, 3e-3
TYPOS = NoiseSpec(name="typos", rate=0.5, where="test")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def finetune(encoder, data, progress=silent, **changes):
    spec = small_spec("finetune", data, **changes)
    return run(spec, checkpoint=encoder, task=data, device="cpu", progress=progress)


def test_it_learns_classes_that_one_word_decides(encoder):
    data = small_task("classify", train=200)
    result = finetune(encoder, data, recipe={"min_steps": 60})
    assert result.readings[0].metrics["accuracy"] > 0.9
    assert result.readings[0].collapse == ""
    assert (result.n_train, result.n_selection, result.n_test) == (200, 24, 24)


def test_regression_predicts_in_the_units_of_the_labels(encoder):
    data = small_task("regress", train=300)
    result = finetune(encoder, data, recipe={"min_steps": 120})
    predictions = result.readings[0].predictions
    assert predictions.dtype == np.float64
    assert abs(predictions.mean() - data.test.labels.mean()) < 20
    assert result.readings[0].metrics["spearman"] > 0.5


def test_results_repeat_to_the_bit_whatever_ran_before(encoder):
    data = small_task("classify")
    first = finetune(encoder, data)
    torch.manual_seed(123)
    np.random.seed(5)
    torch.rand(7)
    before = torch.get_rng_state()
    second = finetune(encoder, data)
    assert torch.equal(torch.get_rng_state(), before), "the global generator must be put back"
    assert first.trials == second.trials
    assert np.array_equal(first.readings[0].predictions, second.readings[0].predictions)


def test_seed_moves_the_result_and_the_id_of_the_checkpoint_does_not(encoder):
    data = small_task("classify")
    first = finetune(encoder, data)
    assert first.trials == finetune(encoder, data, checkpoint="other").trials
    assert first.trials != finetune(encoder, data, seed=1).trials


def test_every_rate_starts_from_the_same_point(encoder):
    data = small_task("classify")
    together = finetune(encoder, data, recipe={"learning_rates": (1e-3, USEFUL)})
    alone = [finetune(encoder, data, recipe={"learning_rates": (r,)}) for r in (1e-3, USEFUL)]
    assert together.trials == tuple(result.trials[0] for result in alone)
    best = next(result for result in alone if result.best == together.best)
    assert np.array_equal(together.readings[0].predictions, best.readings[0].predictions)


def test_the_best_weights_predict_even_if_a_later_rate_is_worse(encoder):
    data = small_task("classify", train=200)
    good = {"min_steps": 60, "learning_rates": (USEFUL,)}
    both = {"min_steps": 60, "learning_rates": (USEFUL, 30.0)}
    alone, with_worse = (finetune(encoder, data, recipe=recipe) for recipe in (good, both))
    assert with_worse.best.chosen == {"learning_rate": USEFUL}
    assert np.array_equal(alone.readings[0].predictions, with_worse.readings[0].predictions)


def untrained_predictions(encoder, data):
    return finetune(encoder, data, recipe={"learning_rates": (USELESS,)}).readings[0].predictions


def test_test_labels_cannot_move_the_choice(encoder):
    data = small_task("classify", train=200)
    recipe = {"min_steps": 60, "learning_rates": (USELESS, USEFUL)}
    honest = finetune(encoder, data, recipe=recipe)
    # test labels that only the untrained model gets right: whoever peeks will choose it
    tempting = with_test_labels(data, untrained_predictions(encoder, data))
    tempted = finetune(encoder, tempting, recipe=recipe)
    assert tempted.best.chosen == honest.best.chosen == {"learning_rate": USEFUL}
    assert tempted.trials == honest.trials
    assert np.array_equal(tempted.readings[0].predictions, honest.readings[0].predictions)
    assert tempted.readings[0].metrics["accuracy"] < 0.9


def test_selection_labels_do_move_the_choice(encoder):
    data = small_task("classify", train=200)
    labels = untrained_predictions(encoder, dataclasses.replace(data, test=data.selection))
    selection = dataclasses.replace(data.selection, labels=labels)
    recipe = {"min_steps": 60, "learning_rates": (USELESS, USEFUL)}
    result = finetune(encoder, dataclasses.replace(data, selection=selection), recipe=recipe)
    assert result.best.chosen == {"learning_rate": USELESS}
    assert result.best.value == 1.0


class Sealed:
    """Test examples that nobody may touch."""

    def __getattribute__(self, name):
        raise AssertionError(f"the test split was read ({name})")


def test_selection_only_leaves_the_test_split_alone(encoder):
    data = small_task("classify")
    sealed = TaskData(data.task, data.train, data.selection, Sealed())
    result = finetune(encoder, sealed, selection_only=True)
    assert result.readings == ()
    assert result.n_test == 0
    assert result.trials == finetune(encoder, data).trials


def test_noise_of_the_test_split_leaves_training_alone():
    data = small_task("pair")
    plain = Splits(small_spec("finetune", data), data)
    spec = small_spec("finetune", data, test_noises=(TYPOS,))
    noisy = Splits(spec, data)
    assert noisy.train.texts == plain.train.texts
    assert noisy.selection.texts == plain.selection.texts == data.selection.texts
    read = noisy.test(TYPOS)
    assert read.ids == data.test.ids
    for column, clean in zip(read.texts, data.test.texts, strict=True):
        assert sum(a != b for a, b in zip(column, clean, strict=True)) > len(clean) / 2


@pytest.mark.parametrize("where", ["train", "both"])
def test_training_noise_reaches_train_and_selection_but_not_a_clean_test(where):
    data = small_task("classify")
    noise = TYPOS.model_copy(update={"where": where})
    splits = Splits(small_spec("finetune", data, train_noise=noise), data)
    plain = Splits(small_spec("finetune", data), data)
    assert splits.train.ids == plain.train.ids, "noise must not move the subset"
    assert splits.train.texts != plain.train.texts
    assert splits.selection.texts != plain.selection.texts
    assert splits.test(NoiseSpec()).texts == data.test.texts
    assert (splits.test(noise).texts == data.test.texts) == (where == "train")


def test_a_test_noise_in_the_training_slot_does_nothing():
    data = small_task("classify")
    splits = Splits(small_spec("finetune", data, train_noise=TYPOS), data)
    assert splits.selection.texts == data.selection.texts


def test_the_two_texts_of_a_pair_get_different_typos():
    data = small_task("pair")
    same = (data.test.texts[0], list(data.test.texts[0]))
    twin = dataclasses.replace(data, test=dataclasses.replace(data.test, texts=same))
    first, second = Splits(small_spec("finetune", twin), twin).test(TYPOS).texts
    assert first != second


def test_one_training_is_read_under_every_noise(encoder):
    data = small_task("classify", train=200)
    noises = (NoiseSpec(), TYPOS)
    result = finetune(encoder, data, recipe={"min_steps": 60}, test_noises=noises)
    clean, noisy = result.readings
    assert (clean.noise, noisy.noise) == noises
    assert noisy.metrics["accuracy"] < clean.metrics["accuracy"]


def build_tuner(encoder, batch_size=16, **recipe):
    data = small_task("classify", train=40)
    fields = FinetuneRecipe(batch_size=batch_size, precision="fp32", **recipe)
    learner = kind_of(data.task).learner(data.train)
    backbone = load_backbone(encoder)
    model = TaskModel(backbone, learner.head(backbone.width, dropout=0.3, seed=0))
    return Finetuner(model, learner, fields, task="t", seed=0, device="cpu"), data


def read_texts(encoder, columns):
    tokenizer = load_tokenizer(encoder)
    return tokenize(tokenizer, columns, max_length=32, vocab_size=999, device="cpu")


def test_predictions_do_not_depend_on_the_batch_size(encoder):
    outputs = []
    for batch_size in (1, 3, 64):
        tuner, data = build_tuner(encoder, batch_size)
        outputs.append(tuner.predict(read_texts(encoder, data.test.texts)))
    for other in outputs[1:]:
        torch.testing.assert_close(other, outputs[0], atol=1e-5, rtol=0)


def test_predictions_keep_the_order_of_the_texts(encoder):
    tuner, data = build_tuner(encoder)
    together = tuner.predict(read_texts(encoder, data.test.texts))
    for index, text in enumerate(data.test.texts[0][:5]):
        alone = tuner.predict(read_texts(encoder, ([text],)))
        torch.testing.assert_close(alone[0], together[index], atol=1e-5, rtol=0)


def test_steps_are_raised_where_the_training_set_is_small(encoder):
    tuner, _ = build_tuner(encoder, batch_size=10, epochs=3, min_steps=20)
    assert tuner.num_steps(25) == 20
    assert tuner.num_steps(100) == 30
    assert tuner.num_steps(101) == 33


def test_learning_rate_warms_up_and_decays():
    factors = [linear_schedule((step + 0.5) / 20, 0.2) for step in range(20)]
    assert factors[:4] == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert factors[4] == pytest.approx(31 / 32)
    assert factors[-1] == pytest.approx(1 / 32)
    assert all(a > b for a, b in itertools.pairwise(factors[4:]))
    assert linear_schedule(0.5, 1.0) == 0.5
    assert linear_schedule(0.0, 0.0) == 1.0


def test_norms_and_biases_do_not_decay(encoder):
    tuner, _ = build_tuner(encoder)
    named = tuner.model.named_parameters()
    decayed, plain = make_optimizer(named, lr=1.0, weight_decay=0.3).param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert all(p.ndim == 2 for p in decayed["params"])
    assert all(p.ndim == 1 for p in plain["params"])
    count = len(decayed["params"]) + len(plain["params"])
    assert count == len(list(tuner.model.parameters()))


OTHER_VALUES = {
    "learning_rates": (1e-3,),
    "epochs": 5,
    "min_steps": 11,
    "batch_size": 12,
    "max_length": 6,
    "warmup_ratio": 0.5,
    "weight_decay": 5.0,
    "beta1": 0.5,
    "beta2": 0.9,
    "eps": 1e-2,
    "clip_norm": 1e-7,
    "bucket_batches": 1,
    "dropout": 0.5,
    "precision": "bf16",
    "bias_correction": False,
    "probe_steps": 3,
    "layer_lr_decay": 0.1,
    "reinit_layers": 1,
    "freeze": "embeddings",
    "lora": {"rank": 2},
    "class_weights": "balanced",
    "pooling": "max",
}


ACTS_ELSEWHERE = {"max_added_rates"}  # see test_grids
ACTS_ELSEWHERE |= {"probe_lr"}  # see test_strategies
ACTS_ELSEWHERE |= {"long_text", "head_ratio", "chunk_overlap_ratio", "max_chunks", "chunk_pooling"}
ACTS_ELSEWHERE |= {"stride_ratio", "max_answer_length"}  # tests/reference/test_span.py


@pytest.mark.parametrize("name", sorted(FinetuneRecipe.model_fields.keys() - ACTS_ELSEWHERE))
def test_every_value_of_the_recipe_acts(encoder, name):
    if name == "lora":
        pytest.importorskip("peft")
    data = small_task("classify")
    usual = finetune(encoder, data).trials[0].loss
    changed = finetune(encoder, data, recipe={name: OTHER_VALUES[name]}).trials[0].loss
    assert changed != usual


def test_a_diverged_rate_is_recorded_and_another_one_wins(encoder):
    data = small_task("classify")
    result = finetune(encoder, data, recipe={"learning_rates": (USEFUL, 1e38)})
    good, bad = (trial.record() for trial in result.trials)
    assert bad["selection_value"] is None
    assert bad["failure"] == "non-finite training loss"
    assert good["selection_value"] == result.best.value


def test_all_rates_diverged_is_an_error(encoder):
    with pytest.raises(DivergedError, match="1e\\+38"):
        finetune(encoder, small_task("classify"), recipe={"learning_rates": (1e38,)})


def test_ties_go_to_the_lower_loss_and_then_to_the_smaller_rate():
    low, high = Trial({"learning_rate": 1.0}, 0.5, 2.0), Trial({"learning_rate": 2.0}, 0.5, 1.0)
    task = TASKS.get("sst2")
    assert choose(task, [low, high]) is high
    assert choose(task, [low, dataclasses.replace(high, loss=2.0)]) is low
    assert choose(task, [low, dataclasses.replace(high, loss=9.0, value=0.6)]).value == 0.6


def test_the_lower_value_is_chosen_where_lower_is_better():
    task = dataclasses.replace(TASKS.get("sst2"), metrics=("final_loss",))
    trials = [Trial({"learning_rate": rate}, value) for rate, value in ((1, 3.0), (2, 2.0))]
    assert choose(task, trials) is trials[1]


def test_costs_cover_every_rate(encoder):
    data = small_task("classify", train=16, selection=4, test=4)
    # texts of one length, so that nothing is padded
    parts = {
        part: dataclasses.replace(
            getattr(data, part), texts=(["the red house"] * len(getattr(data, part)),)
        )
        for part in ("train", "selection", "test")
    }
    data = dataclasses.replace(data, **parts)
    recipe = {"learning_rates": (1e-4, 1e-3), "min_steps": 8, "batch_size": 16}
    result = finetune(encoder, data, recipe=recipe, test_noises=(NoiseSpec(), NoiseSpec()))
    forward = stack_of_config(load_backbone(encoder).config).forward
    expected = 2 * (8 * 3 * forward(16, 5) + forward(4, 5)) + 2 * forward(4, 5)
    assert result.flops == pytest.approx(expected)
    assert result.seconds > 0


def test_progress_ends_complete(encoder):
    seen = []
    finetune(encoder, small_task("classify"), progress=lambda *args: seen.append(args))
    assert seen[-1][0] == seen[-1][1] == 8


def test_collapse_is_seen():
    classes = kind_of(small_task("classify").task)
    labels = np.array([0, 1, 2, 1])
    assert classes.find_collapse(labels, np.array([1, 1, 1, 1])) == "constant prediction"
    assert classes.find_collapse(labels, np.array([1, 1, 1, 2])) == ""
    assert classes.find_collapse(np.ones(4, dtype=int), np.ones(4, dtype=int)) == ""
    numbers = np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32)
    regress = kind_of(small_task("regress").task)
    flat = 1.5 + 1e-3 * np.array([1, -1, 1, -1])
    assert regress.find_collapse(numbers, flat) == "constant prediction"
    assert regress.find_collapse(numbers, numbers / 10) == ""
    assert regress.find_collapse(np.ones(4), np.ones(4)) == ""


def test_too_long_texts_for_the_encoder_are_refused(encoder):
    with pytest.raises(SpecError, match=r"max_length 65 .* 64"):
        finetune(encoder, small_task("classify"), recipe={"max_length": 65})


def test_an_unknown_option_gets_a_near_match(encoder):
    with pytest.raises(SpecError, match="Did you mean 'learning_rates'"):
        finetune(encoder, small_task("classify"), recipe={"learning_rate": (1e-3,)})
    with pytest.raises(SpecError, match=r"'epochs' .* got 0"):
        finetune(encoder, small_task("classify"), recipe={"epochs": 0})


def test_a_task_without_selection_examples_is_refused(encoder):
    with pytest.raises(DataError, match="selection"):
        finetune(encoder, small_task("classify", selection=0))
