"""Maskings and schedules in a study: short forms, labels, ids, stages, the list."""

import pytest

from mae_bench.cli.catalogue import parts
from mae_bench.errors import SpecError
from mae_bench.masking import MASKINGS
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of

STUDY = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 1,
}


def plan_of(*objectives):
    return make_plan(study_of({**STUDY, "objectives": list(objectives)}), None)


def labels(plan):
    return [arm.label for arm in plan.arms if arm.objective in ("mlm", "mae")]


def test_lists_of_maskings_and_ratios_become_arms_with_plain_labels():
    span = {"scheme": "span", "mean_length": 5}
    assert labels(plan_of({"mlm": {"masking": ["random", "span", span]}})) == [
        "mlm masking=random",
        "mlm masking=span",
        "mlm masking=span(mean_length=5)",
    ]
    falling = {"start": 0.3, "end": 0.15}
    steps = {**falling, "shape": "step", "num_levels": 4}
    assert labels(plan_of({"mlm": {"mask_ratio": [0.15, falling, steps]}})) == [
        "mlm mask_ratio=0.15",
        "mlm mask_ratio=0.3->0.15",
        "mlm mask_ratio=0.3->0.15(shape=step, num_levels=4)",
    ]
    assert labels(plan_of("mlm", {"mae": {"masking": {"scheme": "whole_word"}}})) == ["mlm", "mae"]


def test_a_scheme_and_its_mapping_are_the_same_run():
    plans = [
        plan_of({"mlm": {"masking": form}})
        for form in ("span", {"scheme": "span"}, {"scheme": "span", "mean_length": 3.0})
    ]
    ids = [[stage.id for stage in plan.stages] for plan in plans]
    assert ids[0] == ids[1] == ids[2]
    random = [stage.id for stage in plan_of({"mlm": {"masking": "random"}}).stages]
    assert random == [stage.id for stage in plan_of("mlm").stages] != ids[0]


def test_collocations_are_counted_once_and_only_where_they_are_needed():
    plan = plan_of({"mlm": {"masking": ["random", "pmi"]}}, {"mae": {"masking": "pmi"}})
    (ngrams,) = [stage for stage in plan.stages if stage.kind == "ngrams"]
    assert [kind for kind, _ in ngrams.needs] == ["blocks", "tokenizer"]
    needing = [s.label for s in plan.stages if s.kind == "pretrain" and ngrams.key in s.needs]
    assert needing == ["pretrain mlm masking=pmi, seed 0", "pretrain mae, seed 0"]
    assert all(stage.kind != "ngrams" for stage in plan_of("mlm").stages)


def test_what_a_scheme_cannot_do_is_refused_before_anything_runs():
    with pytest.raises(SpecError, match=r"arm 'mae': masking scheme 'non_adjacent' .* at most 0.5"):
        plan_of({"mae": {"mask_ratio": 0.75, "masking": "non_adjacent"}})
    with pytest.raises(SpecError, match=r"unknown masking scheme 'spans'.*Did you mean 'span'"):
        plan_of({"mlm": {"masking": ["random", "spans"]}})


def test_every_scheme_is_listed_with_its_source_and_parameters():
    listed = {line["name"]: line for line in parts("maskings")}
    assert list(listed) == MASKINGS.names()
    assert listed["span"]["parameters"] == "mean_length=3.0, short_ratio=None"
    assert listed["non_adjacent"]["max_ratio"] == 0.5
    assert all(line["summary"] and line["source"] for line in listed.values())
