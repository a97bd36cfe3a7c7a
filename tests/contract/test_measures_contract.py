"""Every number that a task, protocol or pretraining writes is declared: direction, unit, format."""

import subprocess
import sys

import pytest
from command_line import LIMIT_S

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.measures import MEASURES, declare, measure_of
from mae_bench.planning.deciding import check_deciding, check_mean
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.tasks import TASKS, Task, add_task
from mae_bench.tasks.metrics import METRICS, add_metric

LOWER = (
    "perplexity_15 perplexity_40 alignment uniformity mean_cosine rank_lost_to_masks loss "
    "final_loss validation_loss generator_loss relative_cost"
).split()
HIGHER = (
    "accuracy f1 matthews pearson spearman masked_accuracy_15 iso_score rank_tau "
    "rank_tau_at_masks_layer2 entropy_rank_uncentred participation_ratio_beside_masks"
).split()


@pytest.mark.parametrize(
    ("metric", "better"),
    [*((name, "lower") for name in LOWER), *((name, "higher") for name in HIGHER)],
)
def test_the_direction_of_each_metric(metric, better):
    assert measure_of(metric).better == better


def test_what_tasks_and_protocols_are_decided_by_has_a_direction():
    assert {name for task in TASKS.names() for name in TASKS.get(task).metrics} <= set(
        METRICS.names()
    )
    for name in METRICS.names():
        measure_of(name)
    deciding = [TASKS.get(name).metrics[0] for name in TASKS.names()]
    deciding += [part.primary for _, part in PROTOCOLS if part.primary]
    assert {measure_of(name).better for name in deciding} <= {"higher", "lower"}


def test_an_undeclared_metric_is_an_error_that_says_what_to_do():
    with pytest.raises(UnknownNameError, match=r"declare\('rank_of_tau', better='higher'\)"):
        measure_of("rank_of_tau")


def test_an_own_declaration_goes_before_that_of_a_family(monkeypatch):
    monkeypatch.setattr(MEASURES, "_parts", dict(MEASURES._parts))
    assert measure_of("perplexity_gain").better == "lower"
    declare("perplexity_gain", better="higher", unit="perplexity")
    assert measure_of("perplexity_gain").better == "higher"


@pytest.fixture
def registries(monkeypatch):
    for registry in (MEASURES, METRICS, TASKS):
        registry.names()
        monkeypatch.setattr(registry, "_parts", dict(registry._parts))


def task(name, metric):
    fields = {"text_fields": ("text",), "label_field": "label", "label_names": ("a", "b")}
    return add_task(
        Task(name=name, kind="classify", metrics=(metric,), source=None, licence="ours", **fields)
    )


def study(*tasks, **changes):
    return study_of({"name": "s", "objectives": ["mlm"], "tasks": list(tasks), **changes})


def test_third_parties_declare_the_metrics_of_their_tasks(registries):
    METRICS.register("errors")(lambda labels, predictions, _: float((labels != predictions).sum()))
    task("counted", "errors")
    with pytest.raises(UnknownNameError, match="'errors' is not declared"):
        check_deciding(study("counted"))
    add_metric("miss", better="lower", unit="texts")(lambda labels, predictions, _: 0.0)
    task("missed", "miss")
    check_deciding(study("missed"))
    assert METRICS.get("miss") and measure_of("miss").amount(3) == "3.0 texts"
    task("odd", "never_registered")
    with pytest.raises(UnknownNameError, match="unknown metric 'never_registered'"):
        check_deciding(study("odd"))


def test_unlike_metrics_have_no_mean_and_a_metric_without_a_direction_decides_nothing(registries):
    add_metric("miss", better="lower", unit="texts")(lambda labels, predictions, _: 0.0)
    add_metric("length", better="neither", unit="tokens")(lambda labels, predictions, _: 0.0)
    task("missed", "miss"), task("long", "length")
    with pytest.raises(SpecError, match="accuracy of sst2, miss of missed have no common unit"):
        check_mean("claims[0]", study("sst2"), ["sst2", "missed"])
    with pytest.raises(SpecError, match=r"tuning\.tasks takes a mean"):
        check_deciding(study("sst2", "missed", tuning={"trials": 2}))
    with pytest.raises(SpecError, match="neither more nor less is better"):
        check_deciding(study("long"))


def test_plan_refuses_claims_that_cannot_be_read(registries):
    add_metric("miss", better="lower", unit="texts")(lambda labels, predictions, _: 0.0)
    task("missed", "miss")
    sides = {"sentence": "s", "treatment": "mlm", "control": "random_init"}
    with pytest.raises(SpecError, match=r"claims\[0\] takes a mean over tasks, but accuracy of"):
        make_plan(study("world/topic", "missed", claims=[sides]), None)
    make_plan(study("world/topic", "missed", claims=[{**sides, "task": "missed"}]), None)
    claim = {**sides, "protocol": "representation", "metric": "rank_tua"}
    looked = study("corpus", claims=[claim], protocols=["representation"])
    with pytest.raises(UnknownNameError, match=r"claims\[0\].metric: metric 'rank_tua' is not"):
        make_plan(looked, None)


def test_declarations_need_no_torch():
    code = "import sys, mae_bench.measures; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("accuracy", 0.125, "12.5"),
        ("perplexity_15", 20.04, "20.0"),
        ("perplexity_15", 1e304, "1e+304"),
        ("uniformity", -2.5, "\N{MINUS SIGN}2.500"),
        ("accuracy", float("nan"), "none"),
    ],
)
def test_numbers_are_written_in_the_unit(metric, value, shown):
    assert measure_of(metric).number(value) == shown


def test_a_direction_that_is_none_is_refused():
    with pytest.raises(SpecError, match="better must be higher, lower or neither, got 'less'"):
        declare("mistakes_of_theirs", better="less")
    assert "mistakes_of_theirs" not in MEASURES
