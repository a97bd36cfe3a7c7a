"""Probes whose linear models are solved on the device: as by scikit-learn, but for ties."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from small_cases import save_encoder, small_spec, small_task

from mae_bench.progress import silent
from mae_bench.protocols import device_features, few_shot, linear_probe, word_probe
from mae_bench.protocols.device_features import fit_scaler, fits_on_device, solved_together
from mae_bench.protocols.linear_fit import linear_kind
from mae_bench.protocols.text_vectors import VectorSource
from mae_bench.specs import ProbeRecipe
from mae_bench.tasks.stacked import StackedFeatures

RUNS = {"linear_probe": linear_probe, "few_shot": few_shot, "word_probe": word_probe}
GRID = (1e-6, 1e-3, 0.1, 10.0)
CASES = [
    ("linear_probe", "classify"),
    ("linear_probe", "multilabel"),
    ("linear_probe", "detect"),
    ("linear_probe", "pair"),
    ("linear_probe", "regress"),
    ("few_shot", "classify"),
    ("word_probe", "tag"),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def probed(encoder, protocol, kind, device="cpu"):
    data = small_task(kind, train=120, test=60)
    recipe = {"few_shot": {"shots": 6, "draws": 3}}.get(protocol, {"inverse_penalties": GRID})
    spec = small_spec(protocol, data, recipe={"precision": "fp32", **recipe})
    return RUNS[protocol].run(spec, checkpoint=encoder, task=data, device=device, progress=silent)


def are_close(one, other):
    """Return the share of predictions that are the same, or numbers that are close."""
    first, second = (result.readings[0].predictions for result in (one, other))
    if first.dtype.kind == "f":
        return np.isclose(first, second, rtol=0.02, atol=0.02).mean()
    return np.mean([a == b for a, b in zip(first.tolist(), second.tolist(), strict=True)])


def compare(one, other):
    assert one.flops == other.flops and len(one.trials) == len(other.trials)
    for trial, twin in zip(one.trials, other.trials, strict=True):
        assert trial.chosen == twin.chosen
        assert trial.value == pytest.approx(twin.value, abs=0.05)
    if one.best.chosen == other.best.chosen:
        assert are_close(one, other) > 0.9


@pytest.mark.parametrize(("protocol", "kind"), CASES)
def test_a_probe_on_the_device_is_that_of_scikit_learn(encoder, protocol, kind, monkeypatch):
    wanted = probed(encoder, protocol, kind)
    assert wanted.solver == "scikit-learn" == wanted.record()["solver"]
    monkeypatch.setattr(RUNS[protocol], "fits_on_device", lambda *_: True)
    result = probed(encoder, protocol, kind)
    assert result.solver == "torch"
    compare(result, wanted)
    assert probed(encoder, protocol, kind).record()["results"] == result.record()["results"]


def test_a_cpu_and_a_kind_with_means_of_its_own_stay_with_scikit_learn():
    kind = linear_kind(small_task("classify").task)
    assert fits_on_device(kind, "cuda:1") and not fits_on_device(kind, "cpu")

    class Own(type(kind)):
        fits_on_device = False

    assert not fits_on_device(Own(kind.task), "cuda")


def test_features_are_scaled_as_scikit_learn_scales_them():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 6)) * 10.0 ** np.arange(-6, 6, 2) + 5.0
    table[:, 1], table[:, 2] = 0.1 + 0.2, 0.0
    other = rng.normal(size=(9, 6))
    scale = fit_scaler(torch.from_numpy(table))
    wanted = StandardScaler().fit(table)
    for each in (table, other):
        np.testing.assert_allclose(
            scale(torch.from_numpy(each)), wanted.transform(each), rtol=1e-6, atol=1e-6
        )


def test_tensors_are_stacked_up_to_a_size_and_arrays_are_made_one_by_one(monkeypatch):
    table = torch.ones(4, 2, dtype=torch.float64)
    monkeypatch.setattr(device_features, "STACK_BYTES", 2 * table.nbytes)
    parts = list(solved_together(table * factor for factor in range(5)))
    assert all(isinstance(part, StackedFeatures) for part in parts)
    assert [len(part.stack.tables) for part in parts] == [2, 2, 2, 2, 1]
    assert [float(part.stack.tables[part.number][0, 0]) for part in parts] == [0, 1, 2, 3, 4]
    made = []
    arrays = solved_together(made.append(number) or np.ones(3) for number in range(3))
    next(arrays)
    assert made == [0]


@pytest.mark.gpu
@pytest.mark.parametrize(("protocol", "kind"), CASES)
def test_a_probe_on_a_gpu_is_that_on_a_cpu(encoder, protocol, kind):
    result = probed(encoder, protocol, kind, device="cuda")
    assert result.solver == "torch"
    compare(result, probed(encoder, protocol, kind))


@pytest.mark.gpu
def test_vectors_stay_on_a_gpu(encoder):
    source = VectorSource(encoder, ProbeRecipe(max_length=32, precision="fp32"), "cuda")
    texts = ["red house", "a river over stone", "red"]
    vectors, batches = source.vectors(texts)
    again, _ = source.vectors(texts[::-1])
    assert vectors.is_cuda and torch.equal(again.flip(0), vectors)
    on_cpu = VectorSource(encoder, source.recipe, "cpu").vectors(texts)
    np.testing.assert_allclose(vectors.cpu(), on_cpu[0], atol=1e-4)
    assert batches == on_cpu[1]
