"""What every registered protocol must keep, on every kind of task."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_cases import plain, save_mlm, small_spec, small_task, with_test_labels

import mae_bench.protocols
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS, evaluate
from mae_bench.specs import EvaluateSpec, NoiseSpec
from mae_bench.tasks.kinds import KINDS, objects
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.prepared import task_meta, text_columns
from mae_bench.tasks.scored import ScoredKind

NAMES = [
    name
    for name, part in PROTOCOLS
    if not (part.reads_corpus or part.needs_scorer or part.learns_corpus)
]
LEARNED = [name for name, kind in KINDS if not issubclass(kind, ScoredKind)]
CASES = [(name, kind) for name in NAMES for kind in LEARNED if PROTOCOLS.get(name).fits(kind)]
NOISES = (NoiseSpec(), NoiseSpec(name="typos", rate=0.3))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_mlm(tmp_path_factory.mktemp("encoder"))


def save_task(data, folder):
    """Write a task as preparing one does."""
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"task": task_meta(data.task)}))
    for part in ("train", "selection", "test"):
        examples = getattr(data, part)
        counts = [len(examples.texts)] * len(examples)
        if examples.num_texts is not None:
            counts = examples.num_texts
        columns = {"id": examples.ids}
        for at, name in enumerate(text_columns(len(examples.texts))):
            texts = zip(examples.texts[at], counts, strict=True)
            columns[name] = [text if at < count else None for text, count in texts]
        table = pa.table(columns | {"label": examples.labels.tolist()})
        pq.write_table(table, folder / f"{part}.parquet")
    return folder


def run(name, data, encoder, folder, **changes):
    """Evaluate through files, as a study does; return (metrics.json, predictions)."""
    spec = small_spec(name, data, **({"test_noises": NOISES} | changes))
    task = folder / "task"
    if not task.exists():
        save_task(data, task)
    out = folder / f"out{len(list(folder.iterdir()))}"
    checkpoint = encoder if PROTOCOLS.get(name).needs_checkpoint else None
    evaluate(spec, checkpoint=checkpoint, task=task, out=out, device="cpu", progress=silent)
    metrics = json.loads((out / "metrics.json").read_text())
    return metrics, pd.read_parquet(out / "predictions.parquet")


def kind_for(name):
    """Return a kind that a protocol reads: classes where it can."""
    fitting = (kind for kind in ("classify", "rank", "tag") if PROTOCOLS.get(name).fits(kind))
    return next(fitting, "classify")


def test_every_module_with_a_protocol_is_named_in_the_package():
    folder = Path(mae_bench.protocols.__file__).parent
    modules = {
        path.stem for path in folder.glob("*.py") if "PROTOCOLS.register" in path.read_text()
    }
    assert modules <= set(mae_bench.protocols.__all__)
    assert NAMES == [
        "bm25",
        "few_shot",
        "finetune",
        "knn",
        "linear_probe",
        "majority",
        "tfidf",
        "tfidf_cosine",
        "word_majority",
        "word_probe",
        "zero_shot",
    ]
    assert set(PROTOCOLS.names()) - set(NAMES) == {
        "learning_curve", "representation", "score", "trigram", "unigram",
    }  # fmt: skip


def test_an_unknown_protocol_gets_a_near_match():
    with pytest.raises(UnknownNameError, match="Did you mean 'finetune'"):
        PROTOCOLS.get("fine_tune")


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_the_recipe_is_written_down_and_round_trips(name):
    protocol = PROTOCOLS.get(name)
    assert protocol.name == name
    assert protocol.version >= 1
    recipe = protocol.recipe()
    content = json.loads(json.dumps(recipe.model_dump(mode="json")))
    assert protocol.recipe.model_validate(content) == recipe


HOW_IT_RAN = {
    "finetune": ("compiled", "trained_together", "why_alone"),
    "linear_probe": ("solver",),
    "few_shot": ("solver",),
    "word_probe": ("solver",),
}


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_results_are_complete_and_recomputable(name, kind, encoder, tmp_path):
    data = small_task(kind)
    metrics, predictions = run(name, data, encoder, tmp_path)
    assert set(metrics) == {
        "n_train",
        "n_selection",
        "n_test",
        "chosen",
        "grid_edges",
        "selection_value",
        "trials",
        "results",
        "seconds",
        "flops",
        *HOW_IT_RAN.get(name, ()),
    }
    num_train = {"few_shot": 3 * data.task.num_labels}.get(name, 48)
    num_train = num_train if PROTOCOLS.get(name).needs_labels else 0
    assert (metrics["n_train"], metrics["n_selection"], metrics["n_test"]) == (num_train, 24, 24)
    assert metrics["chosen"] in [trial["chosen"] for trial in metrics["trials"]]
    values = [trial["selection_value"] for trial in metrics["trials"]]
    assert metrics["selection_value"] == max(values)
    assert (metrics["flops"] is not None) == PROTOCOLS.get(name).needs_checkpoint
    columns = ["noise", "id", "label", "prediction"]
    assert list(predictions.columns) == columns + ["draw"] * (name == "few_shot")
    assert [NoiseSpec(**result["noise"]) for result in metrics["results"]] == list(NOISES)
    for result, noise in zip(metrics["results"], NOISES, strict=True):
        part = predictions[predictions["noise"] == noise.label]
        draws = [part]
        if "draw" in part:
            draws = [part[part["draw"] == draw] for draw in range(3)]
        for draw in draws:
            assert draw["id"].tolist() == data.test.ids
            assert plain(draw["label"].tolist()) == plain(data.test.labels.tolist())
        assert list(result["metrics"]) == list(data.task.metrics)
        for metric, value in result["metrics"].items():
            again = [
                METRICS.get(metric)(
                    draw["label"].to_numpy(), draw["prediction"].to_numpy(), data.task.num_labels
                )
                for draw in draws
            ]
            assert value == pytest.approx(np.mean(again))
            if "draw" in part:
                assert result["spread"][metric] == pytest.approx(np.std(again, ddof=1))
        assert isinstance(result["is_collapsed"], bool)
        assert result["is_collapsed"] == bool(result["collapse"])
        if data.test.labels.dtype == np.int64 and data.task.label_names and kind != "detect":
            assert set(part["prediction"]) <= set(range(data.task.num_labels))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_results_repeat_to_the_bit(name, kind, encoder, tmp_path):
    data = small_task(kind)
    (first, one), (second, two) = (run(name, data, encoder, tmp_path) for _ in range(2))
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert plain(one.to_dict("list")) == plain(two.to_dict("list"))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_test_labels_move_nothing_but_the_score(name, kind, encoder, tmp_path):
    data = small_task(kind)
    shuffled = np.random.default_rng(0).permutation(data.test.labels)
    if KINDS.get(kind).has_words:  # as many tags as words
        shuffled = objects(labels[::-1] for labels in data.test.labels)
    honest, one = run(name, data, encoder, tmp_path / "a")
    blind, two = run(name, with_test_labels(data, shuffled), encoder, tmp_path / "b")
    for key in ("chosen", "selection_value", "trials"):
        assert honest[key] == blind[key]
    assert plain(one["prediction"].tolist()) == plain(two["prediction"].tolist())


@pytest.mark.parametrize("name", NAMES)
def test_the_id_of_the_pretraining_moves_nothing(name, encoder, tmp_path):
    """Arms of a study differ in that id alone; no stream of randomness may read it."""
    data = small_task(kind_for(name))
    results = [run(name, data, encoder, tmp_path, checkpoint=arm) for arm in ("mlm", "mae")]
    assert results[0][0] | {"seconds": 0} == results[1][0] | {"seconds": 0}


@pytest.mark.parametrize("name", NAMES)
def test_another_noise_beside_it_does_not_move_the_clean_reading(name, encoder, tmp_path):
    data = small_task(kind_for(name))
    both, _ = run(name, data, encoder, tmp_path)
    clean, _ = run(name, data, encoder, tmp_path, test_noises=NOISES[:1])
    assert clean["results"] == both["results"][:1]
    assert clean["trials"] == both["trials"]


@pytest.mark.parametrize("name", NAMES)
def test_tuning_gets_no_test_result(name, encoder, tmp_path):
    data = small_task(kind_for(name))
    metrics, predictions = run(name, data, encoder, tmp_path, selection_only=True)
    assert metrics["results"] == []
    assert metrics["n_test"] == 0
    assert metrics["selection_value"] is not None
    assert predictions.empty
    assert list(predictions.columns) == ["noise", "id", "label", "prediction"]


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_of_a_default_recipe_round_trips_through_json(name):
    spec = small_spec(name, small_task(kind_for(name)))
    assert EvaluateSpec.model_validate_json(spec.model_dump_json()).canonical() == spec.canonical()


@pytest.mark.parametrize("name", [name for name, part in PROTOCOLS if part.needs_checkpoint])
def test_a_missing_checkpoint_is_named(name, tmp_path):
    data = small_task(kind_for(name))
    with pytest.raises(SpecError, match="needs a checkpoint"):
        evaluate(
            small_spec(name, data),
            checkpoint=None,
            task=tmp_path,
            out=tmp_path / "out",
            device="cpu",
            progress=silent,
        )
    assert not (tmp_path / "out").exists()
