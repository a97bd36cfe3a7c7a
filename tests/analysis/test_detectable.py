"""What `plan` says that a study's tests can see."""

import math

import numpy as np
import pytest
from report_rows import small_study

from mae_bench.analysis.power import detectable_effect, detectable_log_ratio, seeds_needed
from mae_bench.planning.detects import detectable
from mae_bench.specs import Claim


def test_plan_counts_the_tests_that_are_adjusted_together():
    claims = tuple(
        Claim(sentence="s", treatment="mae", control="mlm", test=test, margin=margin)
        for test, margin in (("superiority", 0.0), ("equivalence", 0.02))
    )
    arms = ("random_init", "mlm", "mae", "simcse")
    study = small_study(arms, ("sst2", "trec", "subj"), claims=claims, seeds=tuple(range(8)))
    families = {family.family: family for family in detectable(study)}
    sizes = {name: family.num_tests for name, family in families.items()}
    # an equivalence is two tests; two arms against mlm on three tasks; two arms on their mean
    assert sizes == {
        "claims of the study": 3,
        "a table of arms and tasks": 6,
        "means over tasks": 2,
    }
    for family in families.values():
        assert family.effect == detectable_effect(8, family.num_tests)


def test_too_few_seeds_see_nothing():
    assert detectable(small_study(seeds=(0, 1, 2, 3, 4))) == []


def test_each_kind_of_claim_counts_its_own_tests():
    sides = {"sentence": "s", "treatment": "mae", "control": "mlm"}
    along = {"along": "train_size", "direction": "rises"}
    flops = {"test": "ratio", "cost": "pretrain_flops", "expected": 0.5, "tolerance": 0.1}
    claims = [
        {**sides, **along, "test": "monotone"},  # the whole and three steps
        {**sides, **along, "test": "crossing"},
        {**sides, **flops},  # arithmetic
        {**sides, **flops, "cost": "pretrain_s"},
        {**sides, "test": "spread"},
    ]
    study = small_study(
        ("mlm", "mae"),
        claims=tuple(map(Claim.model_validate, claims)),
        train_sizes=(10, 20, 50, "all"),
        seeds=tuple(range(10)),
    )
    family = detectable(study)[0]
    assert (family.family, family.num_tests) == ("claims of the study", 4 + 2 + 2 + 1)
    assert family.effect == detectable_effect(10, 9)
    assert family.spread_ratio == math.exp(detectable_log_ratio(10, 9)) > 3
    only_flops = study.model_copy(update={"claims": study.claims[2:3]})
    assert "claims of the study" not in {f.family for f in detectable(only_flops)}


def test_no_ratio_is_found_where_no_order_of_ranks_is_rare_enough():
    assert math.isinf(detectable_log_ratio(6, 11)) and math.isinf(detectable_log_ratio(5))
    assert math.isfinite(detectable_log_ratio(6, 10))
    by_seeds = [detectable_log_ratio(n) for n in (6, 8, 10, 20, 50)]
    assert by_seeds == sorted(by_seeds, reverse=True)


@pytest.mark.parametrize("detects", [detectable_effect, detectable_log_ratio])
def test_seeds_needed_are_the_fewest_that_detect(detects):
    for effect in (0.3, 0.7, 1.5):
        count = seeds_needed(effect, 4, detects)
        assert detects(count, 4) <= effect < detects(count - 1, 4)
    assert seeds_needed(1e-4, 4, detects) is None and seeds_needed(-1.0, 4, detects) is None


def test_at_the_printed_ratio_the_power_is_that_printed():
    """At ten seeds a claim alone on a spread so many times smaller is found in four of five."""
    from mae_bench.analysis.spread import spread_test
    from mae_bench.analysis.stats import CUT

    rng, ratio = np.random.default_rng(0), math.exp(detectable_log_ratio(10))
    shown = [
        (own := spread_test(rng.normal(size=10), ratio * rng.normal(size=10))).p < CUT
        and own.high < 0
        for _ in range(600)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.05)
