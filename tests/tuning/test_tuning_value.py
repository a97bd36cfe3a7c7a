"""What a trial is worth: more is better, also where a task's metric says that lower is."""

import dataclasses
import json

import pytest

from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.store.store import Store
from mae_bench.tasks import TASKS
from mae_bench.tuning.trials import trial_study, value_of

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "objectives": ["mlm"],
    "tasks": ["world/topic", "world/sentiment"],
    "seeds": 1,
    "tuning": {"trials": 2, "budget": {"steps": 4}},
}


@pytest.mark.parametrize(("metric", "value"), [("accuracy", 0.5), ("final_loss", -0.5)])
def test_a_trial_is_worth_the_mean_gain_of_its_tasks(metric, value, tmp_path, monkeypatch):
    whole = make_plan(trial_study(study_of(RAW)), None)
    cells = [cell for cell in whole.cells if cell.arm.label == "mlm"]
    plan = dataclasses.replace(whole, cells=tuple(cells))
    store = Store(tmp_path / "home").open()
    for index, cell in enumerate(plan.cells):
        with store.build("evaluate", cell.evaluate, {}) as out:
            content = {"selection_value": (0.2, 0.8)[index]}
            (out / "metrics.json").write_text(json.dumps(content))
    assert len(plan.cells) == 2
    parts = dict(TASKS._parts)
    for name in RAW["tasks"]:
        parts[name] = dataclasses.replace(TASKS.get(name), metrics=(metric,))
    monkeypatch.setattr(TASKS, "_parts", parts)
    assert value_of(plan, store) == (pytest.approx(value), "")
