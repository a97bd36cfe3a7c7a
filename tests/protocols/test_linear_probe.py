"""The linear probe."""

import warnings

import numpy as np
import pytest
import torch
from small_cases import save_encoder, small_spec, small_task, with_test_labels

from mae_bench.errors import DivergedError
from mae_bench.model.backbone import load_backbone
from mae_bench.progress import silent
from mae_bench.protocols.linear_probe import Encoder, run
from mae_bench.specs import NoiseSpec, ProbeRecipe
from mae_bench.training.batching import load_tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    # dropout in the encoder: a probe that forgets eval mode would draw from it
    return save_encoder(tmp_path_factory.mktemp("encoder"), dropout=0.5)


def probe(encoder, data, **changes):
    spec = small_spec("linear_probe", data, **changes)
    return run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def read(encoder, examples, **recipe):
    fields = {"max_length": 32, "precision": "fp32"} | recipe
    reader = Encoder(encoder, ProbeRecipe(**fields), "cpu")
    reader.encode(text for column in examples.texts for text in column)
    return reader


def plain_vectors(folder, texts, pooling):
    """One text at a time, without batches or padding."""
    backbone, tokenizer = load_backbone(folder).eval(), load_tokenizer(folder)
    rows = []
    for text in texts:
        with torch.inference_mode():
            hidden = backbone(torch.tensor([tokenizer(text)["input_ids"]]))[0]
        rows.append((hidden.mean(dim=0) if pooling == "mean" else hidden[0]).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_features_of_a_text_are_its_pooled_vector(encoder, pooling):
    examples = small_task("classify").test
    features = read(encoder, examples).features(examples, pooling)
    np.testing.assert_allclose(
        features, plain_vectors(encoder, examples.texts[0], pooling), atol=1e-5
    )
    assert features.dtype == np.float64


def test_features_of_a_pair_are_those_of_infersent(encoder):
    examples = small_task("pair").test
    u, v = (plain_vectors(encoder, column, "mean") for column in examples.texts)
    expected = np.concatenate([u, v, np.abs(u - v), u * v], axis=1)
    features = read(encoder, examples).features(examples, "mean")
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_features_do_not_depend_on_the_batch_size(encoder):
    examples = small_task("classify").test
    sizes = [read(encoder, examples, batch_size=n).features(examples, "mean") for n in (1, 3, 64)]
    np.testing.assert_allclose(sizes[1], sizes[0], atol=1e-5)
    np.testing.assert_allclose(sizes[2], sizes[0], atol=1e-5)


def test_each_text_is_encoded_once(encoder):
    examples = small_task("classify").test
    reader = read(encoder, examples)
    before = reader.operations.total
    reader.encode(examples.texts[0] * 2)
    assert reader.operations.total == before


def test_it_learns_and_leaves_the_encoder_alone(encoder):
    before = (encoder / "model.safetensors").read_bytes()
    result = probe(encoder, small_task("classify", train=200))
    assert result.readings[0].metrics["accuracy"] > 0.7
    assert set(result.best.chosen) == {"pooling", "C"}
    assert len(result.trials) == 2 * len(ProbeRecipe().inverse_penalties)
    assert (encoder / "model.safetensors").read_bytes() == before


def test_results_repeat_to_the_bit(encoder):
    data = small_task("pair")
    first, second = probe(encoder, data), probe(encoder, data, checkpoint="other")
    assert first.trials == second.trials
    assert np.array_equal(first.readings[0].predictions, second.readings[0].predictions)


def test_test_labels_cannot_move_the_choice(encoder):
    data = small_task("classify", train=200)
    recipe = {"inverse_penalties": (1e-6, 1.0)}
    honest = probe(encoder, data, recipe=recipe)
    for trial in honest.trials:
        setting = {
            "poolings": (trial.chosen["pooling"],),
            "inverse_penalties": (trial.chosen["C"],),
        }
        alone = probe(encoder, data, recipe=setting)
        # test labels that only this setting gets right: whoever peeks will choose it
        tempting = with_test_labels(data, alone.readings[0].predictions)
        tempted = probe(encoder, tempting, recipe=recipe)
        assert tempted.trials == honest.trials
        assert tempted.best == honest.best


def test_a_prediction_does_not_depend_on_the_other_test_texts(encoder):
    data = small_task("regress", test=24)
    few = small_task("regress", test=5)
    assert few.test.texts[0] == data.test.texts[0][:5]
    many, alone = (probe(encoder, case).readings[0].predictions for case in (data, few))
    np.testing.assert_allclose(many[:5], alone, rtol=1e-4)


def test_ridge_predicts_in_the_units_of_the_labels(encoder):
    result = probe(encoder, small_task("regress", train=300))
    assert result.readings[0].metrics["spearman"] > 0.3
    assert 20 < result.readings[0].predictions.mean() < 160


def test_a_solver_that_stops_early_is_recorded_in_silence(encoder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = probe(encoder, small_task("classify"), recipe={"max_iter": 1})
    assert not any(trial.record()["is_converged"] for trial in result.trials)


def test_vectors_that_are_not_finite_are_a_divergence(tmp_path):
    broken = save_encoder(tmp_path, is_broken=True)
    with pytest.raises(DivergedError, match="not finite"):
        probe(broken, small_task("classify"))


def test_costs_count_each_distinct_text_once(encoder):
    data = small_task("classify")
    once = probe(encoder, data)
    twice = probe(encoder, data, test_noises=(NoiseSpec(), NoiseSpec()))
    assert once.flops == twice.flops > 0
