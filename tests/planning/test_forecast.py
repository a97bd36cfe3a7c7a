"""How long a plan takes, from timings that are given: no clock is read here."""

import itertools
import json
import random

import pytest

from mae_bench.errors import DataError
from mae_bench.planning.calibration import (
    Calibration,
    Timing,
    calibration_file,
    load_calibration,
    save_calibration,
)
from mae_bench.planning.estimate import estimate, model_of
from mae_bench.planning.forecast import StageModel, forecast
from mae_bench.planning.machine import Machine, this_machine
from mae_bench.planning.modelled import expected_rates
from mae_bench.planning.plan import make_plan
from mae_bench.planning.schedule import makespan, slowdown
from mae_bench.planning.shorthand import study_of
from mae_bench.planning.sorts import sorts_of
from mae_bench.planning.stage import Stage
from mae_bench.specs import FinetuneRecipe
from mae_bench.store.store import Store

RAW = {
    "name": "x",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 10}, "batch_rows": 8},
    "objectives": ["random_init", "mlm", "mae"],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe", "finetune"],
    "train_sizes": [20],
    "seeds": 2,
}
HERE = this_machine("cpu")
OTHER = Machine("another", 64, 1, "cpu", "2.0")


def planned(**changes):
    return make_plan(study_of(RAW | changes), None)


def calibrated(timings, machine=HERE, **fields):
    facts = {"machine": machine.key, "text": machine.text, "measured": "today", "start_s": 3.0}
    return Calibration(timings=timings, **facts | fields)


def timing(stage, **seconds):
    group = "pretrain" if stage.kind == "pretrain" else stage.spec.protocol
    return Timing(group=group, label=stage.label, **{"fixed_s": 0.0} | seconds)


def trained_sorts(sorts):
    return {sort for (kind, _), sort in sorts.items() if kind == "pretrain"}


def test_seeds_are_of_one_sort_and_arms_differ_in_their_pretraining_alone():
    plan = planned()
    sorts = sorts_of(plan)
    named = {sort: {s.label.rpartition(", seed")[0] for s in plan.stages if sorts[s.key] == sort}
             for sort in set(sorts.values())}  # fmt: skip
    trained = [labels for labels in named.values() if "pretrain mlm" in labels]
    assert trained == [{"pretrain mlm"}]
    (probed,) = (
        labels for labels in named.values() if any("mae on" in x and "probe" in x for x in labels)
    )
    assert len(probed) == 3  # random_init, mlm, mae
    longer = sorts_of(planned(pretrain={"budget": {"steps": 99}, "batch_rows": 8}))
    assert set(longer.values()) == set(sorts.values())  # a budget is so many steps
    wider = sorts_of(planned(pretrain={"budget": {"steps": 10}, "batch_rows": 16}))
    assert len(trained_sorts(wider) & trained_sorts(sorts)) == 1  # random_init


def test_a_study_takes_what_was_timed_of_each_of_its_sorts(tmp_path):
    plan, store = planned(), Store(tmp_path)
    sorts = sorts_of(plan)
    timings, total = {}, 0.0
    for stage in plan.stages:
        if stage.kind == "pretrain":
            steps = 0 if "random_init" in stage.label else 10
            timings[sorts[stage.key]] = timing(stage, fixed_s=2.0, step_s=0.5)
            total += 2.0 + steps * 0.5
        elif stage.kind == "evaluate":
            timings[sorts[stage.key]] = timing(stage, fixed_s=3.0)
            total += 3.0
    before = estimate(plan, store, "cpu")
    assert not before.is_measured and before.speed.calibrated is None
    save_calibration(store, HERE, calibrated(timings))
    after = estimate(plan, store, "cpu")
    model, _ = model_of(plan, store, "cpu")
    prepared = sum(model.preparation_s(stage) for stage in plan.prepared)
    assert after.seconds == pytest.approx(total + prepared)
    assert after.run_s == pytest.approx(after.seconds + 3.0)  # and the start of one worker
    assert after.is_measured and after.speed.calibrated == "today"
    assert after.speed.timed_ratio == pytest.approx(total / after.seconds)
    assert (after.stages, after.arms, after.flops) == (before.stages, before.arms, before.flops)
    side_by_side = estimate(plan, store, "cpu", num_workers=2).run_s
    assert after.seconds / 2 < side_by_side - 2 * 3.0 < after.seconds


def test_what_was_not_timed_follows_others_of_its_protocol(tmp_path):
    plan, store = planned(train_sizes=[20, 40]), Store(tmp_path)
    model, _ = model_of(plan, store, "cpu")
    sorts = sorts_of(plan)
    probes = [s for s in plan.stages if s.kind == "evaluate" and s.spec.protocol == "linear_probe"]
    small, large = (next(s for s in probes if s.spec.train_size == size) for size in (20, 40))
    modelled = model.evaluation_s(small)
    rough = estimate(plan, store, "cpu").seconds
    slow = timing(small, fixed_s=7 * modelled, modelled_s=modelled)
    save_calibration(store, HERE, calibrated({sorts[small.key]: slow}))
    number = len(probes) // 2
    more = 6 * number * (modelled + model.evaluation_s(large))
    assert estimate(plan, store, "cpu").seconds == pytest.approx(rough + more)


def test_finished_stages_of_this_machine_come_before_a_calibration(tmp_path):
    plan, store = planned(objectives=["random_init", "mlm"]), Store(tmp_path).open()
    sorts = sorts_of(plan)
    first, _ = (s for s in plan.stages if s.label.startswith("pretrain mlm"))
    save_calibration(store, HERE, calibrated({sorts[first.key]: timing(first, fixed_s=100.0)}))

    def seconds():
        return estimate(plan, store, "cpu").seconds

    both = seconds()
    with store.build(*first.key, {"seconds": 40.0, "machine": OTHER.key}):
        pass
    assert both - seconds() == pytest.approx(100.0)  # done, and timed elsewhere
    store.remove(*first.key)
    with store.build(*first.key, {"seconds": 40.0, "machine": HERE.key}):
        pass
    assert both - seconds() == pytest.approx(100.0 + 60.0)


def test_a_plan_of_which_nothing_is_left_guesses_nothing(tmp_path):
    plan, store = planned(objectives=["mlm"]), Store(tmp_path).open()
    for stage in plan.stages:
        with store.build(*stage.key, {"seconds": 1.0, "machine": HERE.key}):
            pass
    done = forecast(plan, store, HERE, None, lambda stage: StageModel(1.0))
    assert done.is_measured and (done.timed_ratio, done.scaled_ratio) == (1, 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ("[" * 100_000, "is damaged"),
        (b"\xff\xfe", "cannot be read"),
        ('{"version": 0}', "is of version 0, not 1"),
        (calibrated({}).model_dump_json().replace('"start_s":3.0', '"start_s":-1'), "is damaged"),
        (calibrated({}, OTHER).model_dump_json(), "is of another machine"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_is_renewed(text, why, tmp_path):
    path = calibration_file(tmp_path, HERE)
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=why) as error:
        load_calibration(tmp_path, HERE)
    plan, store = planned(), Store(tmp_path)
    assert estimate(plan, store, "cpu").speed.note == str(error.value)
    assert "`mae-bench calibrate STUDY` renews it" in str(error.value)
    save_calibration(store, HERE, calibrated({}))
    assert load_calibration(tmp_path, HERE) == calibrated({})
    assert estimate(plan, store, "cpu").speed.note == ""


def test_a_new_calibration_keeps_the_timings_of_other_studies(tmp_path):
    store = Store(tmp_path)
    one, two = (Timing(group="finetune", label="x", fixed_s=s) for s in (1.0, 2.0))
    save_calibration(store, HERE, calibrated({"a": one, "b": one}))
    save_calibration(store, HERE, calibrated({"b": two}, start_s=9.0))
    known = load_calibration(tmp_path, HERE)
    assert known.timings == {"a": one, "b": two} and known.start_s == 9.0
    assert load_calibration(tmp_path, OTHER) is None
    json.loads(calibration_file(tmp_path, HERE).read_text())


def test_machines_that_may_differ_in_speed_have_keys_of_their_own():
    facts = ("cpu", 2, 1, "cpu", "2.11", "")
    others = [("CPU", 4, 2, "card", "2.12", "avx2")[i] for i in range(6)]
    keys = {Machine(*facts).key}
    for place, other in enumerate(others):
        keys.add(Machine(*facts[:place], other, *facts[place + 1 :]).key)
    assert len(keys) == 7


def simulated(stages, seconds, num_workers):
    """Step through time: each free worker takes the first stage whose needs are over."""
    done, free, started, now = {}, num_workers, {}, 0
    while len(done) < len(stages):
        for key in [k for k, start in started.items() if start + seconds[k] == now]:
            done[key], free = now, free + 1
            started.pop(key)
        for stage in stages:
            is_open = stage.key not in done and stage.key not in started
            if free and is_open and all(need in done for need in stage.needs):
                started[stage.key], free = now, free - 1
        now += 1
    return now - 1


def test_a_schedule_is_that_of_workers_that_take_the_first_stage_that_is_ready():
    draw = random.Random(0)
    for num_workers in (1, 2, 3):
        for _ in range(20):
            stages = []
            for number in range(12):
                needs = tuple(s.key for s in stages if draw.random() < 0.15)
                stages.append(Stage("task", str(number), {}, needs, ""))
            seconds = {stage.key: draw.randint(1, 9) for stage in stages}
            assert makespan(stages, seconds, num_workers) == simulated(stages, seconds, num_workers)
    assert makespan(stages, {}, 2) == 0


def test_workers_slow_one_another_down_by_what_they_share():
    assert [slowdown(n, 4, 1.6) for n in (1, 2, 4, 8)] == pytest.approx([1, 1.2, 1.6, 3.2])
    assert slowdown(1, 1, 1.0) == 1 and slowdown(3, 1, 1.0) == 3


def test_the_rates_that_a_fine_tune_is_expected_to_try():
    for given, added in itertools.product((1, 2, 3), (0, 1, 2)):
        recipe = FinetuneRecipe(
            learning_rates=[1e-4 * (i + 1) for i in range(given)], max_added_rates=added
        )
        tried = expected_rates(recipe)
        assert given <= tried <= given + added and (tried == given) == (given == 1 or added == 0)
