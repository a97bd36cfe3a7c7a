"""What `plan` tells of its tasks, and that a protocol's recipe is worked out once a plan."""

import json
from collections import Counter

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.cli.task_list import planned_line
from mae_bench.planning import planner as planning
from mae_bench.planning.plan import make_plan
from mae_bench.planning.planned_tasks import told_of_tasks
from mae_bench.planning.shorthand import study_of
from mae_bench.store.store import Store

RAW = {"name": "x", "objectives": ["mlm"], "seeds": 2, "train_sizes": [20]}
HERE = {"world/topic": "world/topic\tclassify\ten\t2,400\tof train\t1,000"}
DEFINED = {
    "afrisenti/hau": "afrisenti/hau\tclassify\thau\t14,172\t2,677\t5,303",
    "cola": "cola\tclassify\ten\t8,551\tof train\t1,043",
    "xquad/zh": "xquad/zh\tspan\tzh\t-\t-\t1,190",
    "vader/amazon -> vader/tweets": "vader/amazon -> vader/tweets\tregress\ten\t2,887\t468\t394",
}


def lines(told):
    return {task["name"]: "\t".join(planned_line(json.loads(json.dumps(task)))) for task in told}


def planned(*tasks, **fields):
    return make_plan(study_of(RAW | {"tasks": list(tasks)} | fields), None)


def test_rows_are_those_of_the_definition_until_there_are_better_ones(tmp_path):
    told = told_of_tasks(planned(*HERE, *DEFINED), Store(tmp_path / "home"), None)
    assert lines(told) == HERE | DEFINED
    assert not any(task["is_prepared"] for task in told)


def test_rows_at_hand_are_counted_and_those_of_a_test_alone_are_its_test(tmp_path):
    for split, count in (("train", 3), ("validation", 2)):
        (tmp_path / "cola").mkdir(exist_ok=True)
        table = pyarrow.table({"x": ["a"] * count})
        pyarrow.parquet.write_table(table, tmp_path / "cola" / f"{split}.parquet")
    store = Store(tmp_path / "home")
    told = told_of_tasks(planned("cola"), store, tmp_path)
    assert lines(told) == {"cola": "cola\tclassify\ten\t3\tof train\t2"}
    alone = told_of_tasks(planned("sts13", protocols=["zero_shot"]), store, tmp_path)
    assert lines(alone) == {"sts13": "sts13\tregress\ten\t-\t-\t1,500"}


def test_rows_of_own_files_and_of_what_is_prepared(tmp_path):
    text = "body,topic\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    own = {"name": "t", "data": str(tmp_path / "t.csv"), "kind": "classify", "text": "body"}
    plan, store = planned(own | {"label": "topic"}, "cola"), Store(tmp_path / "home")
    (task, _) = told_of_tasks(plan, store, None)
    assert sum(task["rows"].values()) == 60 and task["language"] == "und"
    (stage,) = (each for each in plan.stages if each.label == "task cola")
    rows = {"train": 8000, "selection": 500, "test": 1000}
    with store.open().build(*stage.key, {}) as out:
        (out / "meta.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    (_, task) = told_of_tasks(plan, store, None)
    assert task["rows"] == rows and task["is_prepared"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_recipe_of_a_protocol_is_worked_out_once_a_plan(monkeypatch, seeds):
    asked = Counter()
    recipe_of = planning.recipe_of

    def counted(study, name):
        asked[name] += 1
        return recipe_of(study, name)

    monkeypatch.setattr(planning, "recipe_of", counted)
    planned("world/topic", protocols=["finetune", "linear_probe"], seeds=seeds)
    assert set(asked) == {"finetune", "linear_probe", "majority", "tfidf"}
    assert set(asked.values()) == {1}
