"""Tasks that tell one class from all others: how labels are read, and what a model learns."""

import dataclasses

import numpy as np
import pytest
from small_cases import save_encoder, small_spec, small_task

from mae_bench.errors import DataError
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.tasks import TASKS, kind_of, task_fingerprint


def test_labels_are_those_that_are_detected_by_name_or_number():
    kind = kind_of(TASKS.get("clinc_oos/detect"))
    names = TASKS.get("clinc_oos").label_names
    labels = [kind.read_label(value, "row 0") for value in (*names, *range(len(names)))]
    assert [i for i, label in enumerate(labels) if label] == [
        names.index("oos"),
        151 + names.index("oos"),
    ]
    for value in (None, -1):
        with pytest.raises(DataError, match=r"column 'intent' of row 0 is no class; leave out"):
            kind.read_label(value, "row 0")
    plain = kind_of(small_task("detect").task)
    assert [plain.read_label(value, "row 0") for value in ("other", "red", 0, 1)] == [0, 1, 0, 1]
    with pytest.raises(DataError, match="allowed: 0 = other, 1 = red"):
        plain.read_label("oos", "row 0")


def test_what_is_detected_is_part_of_the_id():
    task = TASKS.get("clinc_oos/detect")
    other = dataclasses.replace(task, detected_labels=("yes",))
    assert task_fingerprint(other, None) != task_fingerprint(task, None)


@pytest.mark.parametrize("protocol", ["finetune", "linear_probe", "tfidf"])
def test_predictions_are_an_order_of_scores(protocol, tmp_path):
    data = small_task("detect")
    recipe = {"min_steps": 40} if protocol == "finetune" else {}
    spec = small_spec(protocol, data, recipe=recipe)
    method = PROTOCOLS.get(protocol)
    encoder = save_encoder(tmp_path) if method.needs_checkpoint else None
    result = method.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
    (reading,) = result.readings
    assert len(set(reading.predictions.tolist())) > 2 and not reading.collapse
    assert reading.metrics["auroc"] > 0.9


def test_one_class_alone_cannot_be_learned():
    data = small_task("detect")
    kind = kind_of(data.task)
    with pytest.raises(DataError, match="are all 'other'; a detector needs both"):
        list(kind.fit_linear(np.zeros((3, 2)), np.zeros(3, dtype=np.int64), (1.0,), 10))
