"""When a pretraining left the plateau, as a metric: leaving, never leaving, other units."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from mae_bench.errors import DataError
from mae_bench.masking import NUM_SPECIAL
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.protocols.learning_curve import run
from mae_bench.specs import BackboneSpec, Budget, EvaluateSpec, PretrainRecipe, PretrainSpec

ENTROPY, VOCAB = 6.5, 2048
START = math.log(VOCAB)
ALONE = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}
ROWS = np.arange(VOCAB).repeat(2).reshape(-1, 64)  # each token as often as any other


def measured(folder, loss, options=None, entropy=ENTROPY, **changes):
    trained = PretrainSpec(
        objective="mlm", options=ALONE if options is None else options, blocks="b", seed=0,
        backbone=BackboneSpec(), recipe=PretrainRecipe(budget=Budget(steps=1)),
    )  # fmt: skip
    (folder / "spec.json").write_text(trained.model_dump_json())
    tokens = [100.0 * (step + 1) for step in range(len(loss))]
    (folder / "curve.json").write_text(json.dumps({"tokens": tokens, "loss": list(loss)}))
    corpus = SimpleNamespace(unigram_entropy=entropy, vocab_size=VOCAB, rows=ROWS)
    where = {"checkpoint": "x", "task": None, "task_data": "y", "train_size": "all", "seed": 0}
    spec = EvaluateSpec(protocol="learning_curve", **where, **changes)
    return run(spec, checkpoint=folder, corpus=corpus, device="cpu", progress=lambda *_: None)


def test_tokens_at_leaving_are_the_metric(tmp_path):
    loss = np.array([START] + 9 * [ENTROPY] + 10 * [5.0])
    (reading,) = measured(tmp_path, loss).readings
    assert reading.metrics == {"plateau_tokens": 1100.0}


def test_a_run_that_never_leaves_counts_with_all_its_tokens(tmp_path):
    (reading,) = measured(tmp_path, [START] + 19 * [ENTROPY]).readings
    assert reading.metrics == {"plateau_tokens": 2000.0}
    (reading,) = measured(tmp_path, [START] + 9 * [5.0] + 10 * [ENTROPY]).readings
    assert reading.metrics == {"plateau_tokens": 2000.0}, "it came back"


def test_copying_a_token_that_stays_visible_is_no_leaving(tmp_path):
    alone = math.log(VOCAB - NUM_SPECIAL)  # tokens of one frequency
    loss = [START] + 19 * [0.93 * alone]
    (reading,) = measured(tmp_path, loss, ALONE, entropy=alone).readings
    assert reading.metrics["plateau_tokens"] < 2000.0, "0.93 of the entropy takes context"
    (reading,) = measured(tmp_path, loss, {}, entropy=alone).readings
    assert reading.metrics["plateau_tokens"] == 2000.0, "with 80-10-10 it takes none"


def test_a_loss_that_is_not_in_nats_a_token_is_refused(tmp_path):
    with pytest.raises(DataError, match="no landmark"):
        measured(tmp_path, [40.0] + 19 * [5.0])


def test_without_a_test_there_is_no_reading(tmp_path):
    assert measured(tmp_path, [START] + 19 * [5.0], selection_only=True).readings == ()


def test_arms_that_name_no_tokens_have_no_cell():
    raw = {
        "name": "x",
        "objectives": ["mlm", "rtd", "simcse"],
        "tasks": ["corpus"],
        "protocols": ["learning_curve", "representation"],
        "corpus": {"sources": ["world"]},
    }
    plan = make_plan(study_of(raw), None)
    arms = {cell.arm.label for cell in plan.cells if cell.protocol == "learning_curve"}
    assert arms == {"mlm"}
    assert any("learning_curve" in warning and "rtd" in warning for warning in plan.warnings)
