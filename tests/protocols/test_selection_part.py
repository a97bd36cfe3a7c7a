"""The selection part chooses among settings; where there is one setting, it can move nothing."""

import dataclasses

import numpy as np
import pytest
from small_cases import save_encoder, small_spec, small_task

from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS

ONE_SETTING = {
    "finetune": {"learning_rates": (3e-3,)},
    "linear_probe": {"poolings": ("mean",), "inverse_penalties": (1.0,)},
    "tfidf": {"inverse_penalties": (1.0,)},
    "majority": {},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def predictions(protocol, encoder, data):
    spec = small_spec(protocol, data, recipe=ONE_SETTING[protocol])
    run = PROTOCOLS.get(protocol).run
    result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    assert len(result.trials) == 1
    return result.readings[0].predictions


@pytest.mark.parametrize("protocol", list(ONE_SETTING))
@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_neither_its_labels_nor_its_texts_reach_a_prediction(encoder, protocol, kind):
    data = small_task(kind)
    honest = predictions(protocol, encoder, data)
    labels = data.selection.labels
    other = labels * 30 + 1000 if kind == "regress" else (labels + 1) % 3
    texts = tuple(["stone over blue 7 7 7"] * len(labels) for _ in data.selection.texts)
    for changes in ({"labels": other.astype(labels.dtype)}, {"texts": texts}):
        selection = dataclasses.replace(data.selection, **changes)
        predicted = predictions(protocol, encoder, dataclasses.replace(data, selection=selection))
        np.testing.assert_allclose(predicted, honest, rtol=1e-5)  # texts of a batch move last bits


SEVERAL_SETTINGS = {
    "finetune": {"learning_rates": (1e-4, 3e-3)},
    "linear_probe": {},
    "tfidf": {},
    "majority": {},
}


@pytest.mark.parametrize("protocol", list(SEVERAL_SETTINGS))
@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_the_choice_rests_on_what_the_chosen_model_makes_of_it(encoder, protocol, kind):
    """Read as a test split, the selection part gives the value by which the model was chosen."""
    data = small_task(kind, train=40)
    data = dataclasses.replace(data, test=data.selection)
    spec = small_spec(protocol, data, recipe=SEVERAL_SETTINGS[protocol])
    run = PROTOCOLS.get(protocol).run
    result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    assert result.best.value == pytest.approx(result.readings[0].metrics[data.task.metrics[0]])
    assert result.best.value == max(trial.value for trial in result.trials)


@pytest.mark.parametrize("protocol", ["finetune", "linear_probe", "tfidf"])
def test_numbers_are_learned_in_the_scale_of_the_training_labels(encoder, protocol):
    """Training labels in other units give the same predictions in these units."""
    data = small_task("regress")
    honest = predictions(protocol, encoder, data)
    labels = (data.train.labels * 8 - 64).astype(np.float32)
    scaled = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))
    predicted = predictions(protocol, encoder, scaled)
    np.testing.assert_allclose(predicted, honest * 8 - 64, rtol=1e-3, atol=0.5)
