"""What `score` must keep on every kind that it reads, through files as a study does."""

import json

import numpy as np
import pandas as pd
import pytest
from scored_cases import save_arm, scored_spec, scored_task
from small_cases import with_test_labels
from test_protocols_contract import save_task

from mae_bench.errors import SpecError
from mae_bench.measures import measure_of
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS, evaluate, read_recipe
from mae_bench.specs import CLEAN, NoiseSpec, ScoreRecipe
from mae_bench.tasks.kinds import KINDS
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.scored import ScoredKind

SCORED = [name for name, kind in KINDS if issubclass(kind, ScoredKind)]
ARMS = ("mlm", "mae", "causal")
NOISES = (CLEAN, NoiseSpec(name="typos", rate=0.3))


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    return {name: save_arm(tmp_path_factory.mktemp(name) / "arm", name) for name in ARMS}


def run(data, checkpoint, folder, **changes):
    task = folder / "task"
    if not task.exists():
        save_task(data, task)
    out = folder / f"out{len(list(folder.iterdir()))}"
    spec = scored_spec(data).model_copy(update={"test_noises": NOISES, **changes})
    evaluate(spec, checkpoint=checkpoint, task=task, out=out, device="cpu", progress=silent)
    metrics = json.loads((out / "metrics.json").read_text())
    return metrics, pd.read_parquet(out / "predictions.parquet")


def test_these_kinds_are_scored_and_read_by_no_other_protocol():
    assert SCORED == ["language_model", "minimal_pair"]
    for kind in SCORED:
        reading = [name for name, part in PROTOCOLS if part.fits(kind) and not part.reads_corpus]
        assert reading == ["majority", "score", "trigram", "unigram"]
        task = scored_task(kind).task
        assert [name for name in reading if PROTOCOLS.get(name).can_read(task)] == reading[1:]


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("kind", SCORED)
def test_results_are_complete_recomputable_and_repeat(kind, arm, arms, tmp_path):
    data = scored_task(kind)
    metrics, predictions = run(data, arms[arm], tmp_path)
    assert (metrics["n_train"], metrics["n_selection"], metrics["n_test"]) == (0, 0, 6)
    is_causal = arm == "causal"
    measure = "likelihood" if is_causal else "pseudo-likelihood"
    assert metrics["chosen"] == {"measure": measure, "within_word": "nothing"}
    assert metrics["flops"] > 0 and metrics["selection_value"] is None
    assert [NoiseSpec(**result["noise"]) for result in metrics["results"]] == list(NOISES)
    for result, noise in zip(metrics["results"], NOISES, strict=True):
        part = predictions[predictions["noise"] == noise.label]
        assert part["id"].tolist() == data.test.ids
        assert np.array_equal(part["label"], data.test.labels)
        recomputed = [name for name in result["metrics"] if name in METRICS]
        own = "causal" if is_causal else "pseudo"
        assert recomputed == [data.task.metrics[0].replace("pseudo", own)]
        for name in recomputed:
            again = METRICS.get(name)(part["label"].to_numpy(), part["prediction"].to_numpy(), 1)
            assert result["metrics"][name] == pytest.approx(again)
        assert all(measure_of(name) for name in result["metrics"])
    again, same = run(data, arms[arm], tmp_path)
    assert again | {"seconds": 0} == metrics | {"seconds": 0}
    pd.testing.assert_frame_equal(predictions, same, check_exact=True)


@pytest.mark.parametrize("kind", SCORED)
def test_neither_seed_nor_label_moves_a_prediction(kind, arms, tmp_path):
    data = scored_task(kind)
    _, one = run(data, arms["mlm"], tmp_path, test_noises=(CLEAN,))
    _, two = run(data, arms["mlm"], tmp_path, test_noises=(CLEAN,), seed=7)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    flipped = with_test_labels(data, data.test.labels[::-1].copy())
    _, blind = run(flipped, arms["mlm"], tmp_path / "blind", test_noises=(CLEAN,))
    assert one["prediction"].equals(blind["prediction"])


def test_a_flat_head_is_right_about_pairs_of_one_length_never(tmp_path):
    flat = save_arm(tmp_path / "flat", "mlm", is_flat=True)
    metrics, predictions = run(scored_task("minimal_pair"), flat, tmp_path, test_noises=(CLEAN,))
    [result] = metrics["results"]
    same_length = predictions["prediction"] == -1
    assert same_length.any()
    assert not (predictions["prediction"] == predictions["label"])[same_length].any()
    assert result["metrics"]["accuracy"] <= 1 - same_length.mean()


def test_tuning_gets_no_test_result(arms, tmp_path):
    data = scored_task("minimal_pair")
    metrics, predictions = run(data, arms["mlm"], tmp_path, selection_only=True)
    assert (metrics["results"], metrics["n_test"]) == ([], 0)
    assert predictions.empty


def test_percents_that_are_one_are_refused():
    with pytest.raises(SpecError, match=r"word_ratios must differ .* got 15, 15"):
        read_recipe(scored_spec(scored_task("minimal_pair"), word_ratios=(0.15, 0.15)), ScoreRecipe)
