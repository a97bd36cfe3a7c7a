"""Rows from the store: a failure is a row without a value, and what did not run gives none."""

import json

import pytest

from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.results import COLUMNS, Row
from mae_bench.runner.collect import collect
from mae_bench.store.store import Store

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "objectives": ["random_init", "mlm"],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 1,
}
COST = {
    "tokens": 10,
    "steps": 1,
    "flops": 5.0,
    "seconds": 1.0,
    "flops_parts": {"encoder": 3.0, "decoder": 0.0, "head": 2.0, "teacher": 0.0},
    "teacher_pretrain_flops": 0.0,
    "params_encoder": 1,
    "params_objective": 1,
    "is_collapsed": True,
    "plateau": "",
    "collapse": "collapsed representation: mean cosine of texts 1.0000",
}
CLEAN = {"name": "clean", "rate": 0.0, "where": "test"}


@pytest.fixture
def plan():
    return make_plan(study_of(RAW), None)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home").open()


def cell(plan, label):
    return next(cell for cell in plan.cells if cell.arm.label == label)


def finish(store, kind, id_, **files):
    with store.build(kind, id_, {}) as out:
        for name, content in files.items():
            (out / f"{name}.json").write_text(json.dumps(content))


def metrics(value):
    result = {"noise": CLEAN, "metrics": {"accuracy": value}, "is_collapsed": False, "collapse": ""}
    return {
        "n_train": 20,
        "n_selection": 5,
        "n_test": 10,
        "chosen": {},
        "selection_value": 0.5,
        "results": [result],
        "seconds": 1.0,
        "flops": None,
    }


def test_what_has_not_run_gives_no_row(plan, store):
    assert collect(plan, store).empty
    assert list(collect(plan, store).columns) == COLUMNS


def test_a_failed_evaluation_is_a_row_without_a_value(plan, store):
    store.record_failure(
        "evaluate", cell(plan, "mlm").evaluate, "evaluate mlm", ValueError("no memory")
    )
    (record,) = collect(plan, store).to_dict("records")
    assert record["value"] is None or record["value"] != record["value"]
    assert (record["arm"], record["failure"]) == ("mlm", "no memory")
    assert record["metric"] == "accuracy" and record["is_primary"]


def test_a_failed_pretraining_reaches_every_row_that_needs_it(plan, store):
    store.record_failure("pretrain", cell(plan, "mlm").pretrain, "pretrain mlm", ValueError("nan"))
    table = collect(plan, store)
    assert set(table["arm"]) == {"mlm"}
    assert set(table["failure"]) == {"pretraining failed: nan"}
    assert table["value"].isna().all()


def test_a_collapsed_pretraining_marks_its_rows_and_keeps_their_values(plan, store):
    wanted = cell(plan, "mlm")
    finish(store, "pretrain", wanted.pretrain, cost=COST)
    finish(store, "evaluate", wanted.evaluate, metrics=metrics(0.25))
    (record,) = collect(plan, store).to_dict("records")
    assert record["value"] == 0.25 and record["is_collapsed"]
    assert "mean cosine" in record["collapse"]
    assert record["pretrain_flops"] == 5.0 and record["head_flops"] == 2.0


@pytest.mark.parametrize(
    ("edges", "grid_edge"), [(None, None), ({}, ""), ({"C": "lowest"}, "C lowest")]
)
def test_a_choice_at_the_edge_of_its_grid_stands_in_the_row(plan, store, edges, grid_edge):
    wanted = cell(plan, "mlm")
    finish(store, "pretrain", wanted.pretrain, cost=COST)
    finish(store, "evaluate", wanted.evaluate, metrics=metrics(0.25) | {"grid_edges": edges})
    (record,) = collect(plan, store).to_dict("records")
    assert record["grid_edge"] == grid_edge


def test_a_row_knows_exactly_its_columns():
    assert set(COLUMNS) == set(Row.model_fields)
