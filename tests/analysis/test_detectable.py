"""What `plan` says that a study's tests can see."""

from report_rows import small_study

from mae_bench.analysis.power import detectable_effect
from mae_bench.planning.estimate import detectable
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
