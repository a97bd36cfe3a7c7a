"""Claims along an axis and on spread: what supports and refutes them, and how often by chance."""

import numpy as np
import pytest
from made_scores import SIZES, at, scores_of, study_of_claims
from scipy import stats

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.messages import message, speaking
from mae_bench.analysis.spread import rank_p, spread_test
from mae_bench.specs import CLEAN, Claim, NoiseSpec

SEED = np.array([-0.2, -0.1, 0.0, 0.05, 0.1, 0.15, 0.02, -0.04])  # shared by all places
JITTER = np.array([0.002, -0.001, 0.0, 0.001, -0.002, 0.003, -0.001, 0.0015])


def judged(values, *claims, seeds=6, failed=(), **changes):
    study = study_of_claims(*claims, seeds=seeds, **changes)
    return judge_claims(study, scores_of(values, failed=failed))


def monotone(direction="rises", **changes):
    fields = {"sentence": "s", "test": "monotone", "along": "train_size", "direction": direction}
    return Claim(**{**fields, "treatment": "mae", **changes})


def crossing(direction="rises", **changes):
    fields = {"sentence": "s", "test": "crossing", "along": "train_size", "direction": direction}
    return Claim(**{**fields, "treatment": "mae", "control": "mlm", **changes})


def spread(**changes):
    return Claim(
        **{"sentence": "s", "treatment": "mae", "control": "mlm", "test": "spread"} | changes
    )


def by_size(means, arm="mae", n=6, jitter=JITTER):
    shifts = [np.roll(jitter[:n], place) for place in range(len(means))]
    return {
        (arm, at(size)): 0.6 + SEED[:n] + mean + shift
        for size, mean, shift in zip(SIZES, means, shifts, strict=True)
    }


@pytest.mark.parametrize(
    ("means", "direction", "outcome", "word"),
    [
        ((0.0, 0.03, 0.06), "rises", "supported", ""),
        ((0.0, 0.03, 0.06), "falls", "refuted", "over the whole"),
        ((0.06, 0.03, 0.0), "falls", "supported", ""),
        ((0.0, 0.0, 0.0), "rises", "not decidable", ""),
        ((0.0, 0.06, 0.03), "rises", "refuted", "shown against it from 100 to 400"),
        ((0.06, 0.0, 0.12), "falls", "refuted", "over the whole"),
        ((0.0, 0.05, 0.05), "rises", "supported", ""),
    ],
)
def test_monotone(means, direction, outcome, word):
    (verdict,) = judged(by_size(means), monotone(direction))
    assert verdict.outcome == outcome, verdict.reason
    assert word in verdict.reason
    assert verdict.n == 6 and verdict.num_tests == 3
    assert [place.label for place in verdict.places] == ["20", "100", "400"]
    assert verdict.places[1].mean == pytest.approx(0.6 + SEED[:6].mean() + means[1], abs=1e-3)


def test_the_change_is_that_of_a_line_through_each_seed():
    values = by_size((0.0, 0.05, 0.03))
    (verdict,) = judged(values, monotone())
    stacked = np.stack(list(values.values()), axis=1)
    slopes = [np.polyfit([0, 1, 2], line, 1)[0] for line in stacked]
    assert verdict.difference == pytest.approx(2 * np.mean(slopes))
    half = stats.t.ppf(0.975, 5) * 2 * np.std(slopes, ddof=1) / np.sqrt(6)
    assert verdict.high - verdict.low == pytest.approx(2 * half)


def test_a_perplexity_that_falls_is_told_as_rows_hold_it():
    study = study_of_claims(monotone("falls"))
    values = {key: 10 * column for key, column in by_size((0.06, 0.03, 0.0)).items()}
    (verdict,) = judge_claims(study, scores_of(values, metric="perplexity_0.15"))
    assert verdict.outcome == "supported"
    assert verdict.difference == pytest.approx(-0.6, abs=0.02)
    assert verdict.low < verdict.difference < verdict.high < 0


def test_monotone_along_arms_and_with_a_control():
    arms = ("mlm a", "mlm b", "mlm c")
    values = {
        (arm, at()): 0.6 + SEED[:6] + mean + np.roll(JITTER[:6], place)
        for place, (arm, mean) in enumerate(zip(arms, (0.0, -0.02, -0.05), strict=True))
    }
    written = Claim(sentence="s", test="monotone", along=arms, direction="falls")
    (verdict,) = judged(values, written, arms=arms)
    assert verdict.outcome == "supported" and verdict.difference == pytest.approx(-0.05, abs=5e-3)
    rising = by_size((0.0, 0.03, 0.06)) | by_size((0.0, 0.06, 0.12), "mlm", jitter=JITTER[::-1])
    lead, own = judged(rising, monotone("falls", control="mlm"), monotone("rises"))
    assert (lead.outcome, own.outcome) == ("supported", "supported")
    assert lead.difference == pytest.approx(-0.06, abs=0.01)


def test_monotone_along_the_noise_starts_at_clean_text():
    noises = [CLEAN, *(NoiseSpec(name="typos", rate=rate) for rate in (0.1, 0.2))]
    values = {
        ("mae", at(noise=noise)): 0.6 + SEED[:6] - noise.rate + np.roll(JITTER[:6], place)
        for place, noise in enumerate(noises[::-1])
    }
    written = monotone("falls", along="noise_rate", noise="typos")
    (verdict,) = judged(values, written, noise=tuple(noises))
    assert verdict.outcome == "supported"
    assert [place.label for place in verdict.places] == ["0", "0.1", "0.2"]


@pytest.mark.parametrize("count", [2, 5])
def test_fewer_than_six_seeds_decide_no_kind(count):
    values = by_size((0.0, 0.1, 0.2), n=count) | by_size((0.1,) * 3, "mlm", count, -JITTER)
    for verdict in judged(values, monotone(), crossing(), spread(), seeds=count):
        assert verdict.outcome == "not decidable"
        assert "too few for a verdict, at least 6 are needed" in verdict.reason


@pytest.mark.parametrize(
    ("gaps", "direction", "outcome", "word"),
    [
        ((-0.03, 0.0, 0.03), "rises", "supported", "0 near"),
        ((0.03, 0.0, -0.03), "falls", "supported", "0 near"),
        ((0.03, 0.0, -0.03), "rises", "refuted", "shown against it at 20, at 400"),
        ((0.03, 0.03, 0.03), "rises", "refuted", "shown against it at 20;"),
        ((-0.03, 0.0, 0.0), "rises", "not decidable", ""),
        ((0.0, 0.0, 0.0), "rises", "not decidable", ""),
    ],
)
def test_crossing(gaps, direction, outcome, word):
    values = by_size(gaps) | by_size((0.0,) * 3, "mlm", jitter=JITTER[[3, 1, 4, 0, 5, 2]])
    (verdict,) = judged(values, crossing(direction))
    assert verdict.outcome == outcome, verdict.reason
    assert word in verdict.reason
    assert verdict.num_tests == 2


def test_a_crossing_between_two_values_looks_at_these():
    values = by_size((-0.03, 0.03, -0.03)) | by_size((0.0,) * 3, "mlm", jitter=-JITTER)
    written = [crossing(between=between) for between in ((20, 100), (20, 400), (100, 400))]
    outcomes = [verdict.outcome for verdict in judged(values, *written)]
    assert outcomes == ["supported", "refuted", "refuted"]


def test_sizes_are_ordered_by_their_examples():
    values = {("mae", at(size)): column for (_, where), column in by_size((0.0, 0.03, 0.06)).items()
              for size in [{20: 400, 100: "all", 400: 20}[where.train_size]]}  # fmt: skip
    (verdict,) = judged(values, monotone())
    assert [place.label for place in verdict.places] == ["20", "400", "all"]


def test_a_place_without_runs_leaves_nothing_to_judge():
    values = by_size((0.0, 0.03, 0.06)) | by_size((0.0,) * 3, "mlm")
    values.pop(("mlm", at(400)))
    lead, along = judged(values, crossing(), monotone())
    assert lead.outcome == "not run" and "at every value of the axis" in lead.reason
    assert along.outcome == "supported"


def test_a_rise_that_a_failed_run_may_have_made_is_withdrawn():
    values = by_size((0.0, 0.012, 0.024), n=8)
    failed = [("mae", at(400), 7)]
    (fine,) = judged(values, monotone(), seeds=8)
    (lost,) = judged(values, monotone(), seeds=8, failed=failed)
    assert fine.outcome == "supported"
    assert lost.outcome == "not decidable" and lost.is_failure_bound, lost.reason
    assert "at 400: 1 failed, 0 collapsed" in lost.reason
    with speaking("zh"):
        assert message("claim.at", label=400) in lost.losses.sentence("mae", "")


def test_spread():
    steady, wild = JITTER, 40 * JITTER[[4, 2, 0, 5, 7, 6, 3, 1]]
    values = {("mae", at()): 0.6 + steady, ("mlm", at()): 0.6 + wild}
    less, more = judged(values, spread(), spread(treatment="mlm", control="mae"), seeds=8)
    assert (less.outcome, more.outcome) == ("supported", "refuted")
    assert less.difference == pytest.approx(1 / 40) and less.low < 1 / 40 < less.high < 1
    assert less.text(less.difference) == "0.02" and less.is_ratio
    assert "standard deviation over seeds 0.2 points of mae" in less.reason
    equal = {("mae", at()): 0.6 + steady, ("mlm", at()): 0.6 + JITTER[::-1]}
    (neither,) = judged(equal, spread(), seeds=8)
    assert neither.outcome == "not decidable"
    assert "as large a spread would be found with 80% power" in neither.reason


def test_more_failures_on_one_side_leave_no_verdict_on_spread():
    wild = 40 * JITTER[[4, 2, 0, 5, 7, 6, 3, 1]]
    values = {("mae", at()): 0.6 + JITTER, ("mlm", at()): 0.6 + wild}
    (verdict,) = judged(values, spread(), seeds=8, failed=[("mae", at(), 0)])
    assert verdict.outcome == "not decidable" and verdict.is_failure_bound


def test_spread_agrees_with_pitman_morgan_and_with_scipy_s_permutations():
    rng = np.random.default_rng(3)
    for _ in range(40):
        first, second = 2 * rng.normal(size=6), rng.normal(size=6)
        own = spread_test(first, second)
        p = stats.pearsonr(first + second, first - second).pvalue
        assert (own.low > 0 or own.high < 0) == (p < 0.05)
        assert own.estimate == pytest.approx(np.log(first.std() / second.std()))
    sums, gaps = first + second, first - second
    exact = stats.permutation_test(
        (sums,), lambda x: stats.spearmanr(x, gaps).statistic, permutation_type="pairings"
    )
    assert rank_p(sums, gaps) == pytest.approx(exact.pvalue)
    longer = rng.normal(size=(2, 12))
    assert rank_p(*longer) == pytest.approx(stats.spearmanr(*longer).pvalue)


@pytest.mark.parametrize(
    ("first", "second", "p"), [([1.0] * 6, [2.0] * 6, 1.0), ([1.0] * 6, range(6), 2 / 720)]
)
def test_spread_of_a_constant_side(first, second, p):
    own = spread_test(np.array(first), np.array(second, dtype=float))
    assert own.p == pytest.approx(p)


def test_all_kinds_are_one_family():
    """Among tests that show nothing, the p of a spread is multiplied by the number of them all."""
    wild = 40 * JITTER[[4, 2, 0, 5, 7, 6, 3, 1]]
    values = {
        (arm, at(size)): 0.6 + np.roll(jitter, place)
        for arm, jitter in (("mae", JITTER), ("mlm", wild))
        for place, size in enumerate(SIZES)
    }
    superior = Claim(sentence="s", treatment="mae", control="mlm", train_size=400)
    narrow = spread(train_size=20)
    verdicts = judged(values, monotone(), crossing(), narrow, superior, seeds=8)
    (alone,) = judged(values, narrow, seeds=8)
    assert {verdict.num_tests for verdict in verdicts} == {3 + 2 + 1 + 1}
    assert verdicts[2].p == alone.p == alone.p_family
    assert verdicts[2].p_family == pytest.approx(7 * alone.p)


def test_an_undecided_claim_says_how_many_seeds_it_would_take():
    jitter = 20 * JITTER
    (verdict,) = judged(by_size((0.0, 0.01, 0.02), jitter=jitter), monotone())
    assert verdict.outcome == "not decidable" and verdict.seeds_needed > 6
    assert f"about {verdict.seeds_needed:,} seeds would decide it" in verdict.reason
    (far,) = judged(by_size((0.0, 0.0, 1e-6), jitter=jitter), monotone())
    assert far.seeds_needed is None or far.seeds_needed > 100


NULLS = {
    "monotone": [monotone(), monotone("falls")],
    "crossing": [crossing(), crossing("falls")],
    "spread": [spread(train_size=20)],
}


@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("tail", ["normal", "t4"])
def test_nothing_true_is_rarely_decided(kind, tail):
    """All places and arms alike, seeds shared: a verdict in at most 5% of studies, up to chance."""
    rng, studies, wrong = np.random.default_rng(11), 120, 0
    claims = NULLS[kind]
    for _ in range(studies):
        draws = rng.normal(size=(7, 6)) if tail == "normal" else rng.standard_t(4, size=(7, 6))
        shared, own = 2 * draws[0], draws[1:]
        keys = [(arm, at(size)) for arm in ("mae", "mlm") for size in SIZES]
        values = {key: 0.6 + 0.01 * (shared + noise) for key, noise in zip(keys, own, strict=True)}
        decided = {verdict.outcome for verdict in judged(values, *claims)}
        wrong += bool(decided & {"supported", "refuted"})
    assert wrong / studies <= 0.05 + 2 * (0.05 * 0.95 / studies) ** 0.5
