"""All pairs at once: the same decisions as one claim after another."""

from itertools import combinations

import numpy as np
import pytest
from report_rows import row, small_study

from mae_bench.analysis.claims import judge_family
from mae_bench.analysis.pairwise import decide_all, decided_pairs
from mae_bench.analysis.rows import read_scores
from mae_bench.results import frame
from mae_bench.specs import Claim

ARMS = ("random_init", "mlm", "mae", "simcse")
TASKS = ("sst2", "trec", "cola")


def scores_of(generator, num_seeds=7, metric="accuracy", other=None):
    """Return scores of four arms whose runs fail, collapse and lack here and there.

    With ``other`` the last task has this metric, of numbers a million times as large.
    """
    rows = []
    for rank, arm in enumerate(ARMS):
        for task in TASKS:
            for seed in range(num_seeds):
                value = 0.5 + 0.02 * rank + generator.normal(0, 0.01)
                fate = generator.random()
                if fate < 0.04:
                    continue
                is_other = other is not None and task == TASKS[-1]
                value, name = (1e6 * value, other) if is_other else (value, metric)
                one = row(arm, None if fate < 0.09 else value, seed, task, metric=name)
                rows.append(one | {"is_collapsed": 0.09 <= fate < 0.14})
    study = small_study(arms=ARMS, tasks=TASKS, seeds=tuple(range(num_seeds)))
    return study, read_scores(frame(rows), study)


def one_by_one(study, scores, tasks):
    """Return what is decided, a claim for each pair and task."""
    claims = [
        Claim(sentence="one beats other", treatment=one, control=other, task=task)
        for one, other in combinations(ARMS, 2)
        for task in tasks
    ]
    decided = {
        "supported": lambda c: (c.treatment, c.control),
        "refuted": lambda c: (c.control, c.treatment),
    }
    return {
        (verdict.claim.task, *decided[verdict.outcome](verdict.claim))
        for verdict in judge_family(claims, "all", study, scores)
        if verdict.outcome in decided
    }


def test_tasks_in_two_units_are_decided_as_claims_are():
    study, scores = scores_of(np.random.default_rng(4), other="plateau_tokens")
    pairs = list(combinations(ARMS, 2))
    found = {
        (task, *pair)
        for task, beaten in decided_pairs(scores, pairs, scores.reference, TASKS).items()
        for pair in beaten
    }
    assert found == one_by_one(study, scores, TASKS)
    assert {task for task, *_ in found} == set(TASKS)


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_pairs_at_once_are_decided_as_claims_one_by_one(metric):
    generator = np.random.default_rng(3)
    num_decided = num_withdrawn = 0
    for _ in range(12):
        study, scores = scores_of(generator, metric=metric)
        for tasks in (TASKS, (None,)):
            pairs = list(combinations(ARMS, 2))
            beaten = decided_pairs(scores, pairs, scores.reference, tasks)
            mine = {(task, *pair) for task, those in beaten.items() for pair in those}
            theirs = one_by_one(study, scores, tasks)
            assert mine == theirs
            num_decided += len(mine)
            num_withdrawn += len(pairs) * len(tasks) - len(mine)
    assert num_decided > 40 and num_withdrawn > 40


def test_too_many_pairs_are_those_with_the_control_alone():
    arms = tuple(f"mlm {number}" for number in range(300))
    rows = [row(arm, 0.5 + 0.001 * rank, 0) for rank, arm in enumerate(arms)]
    study = small_study(arms=arms, seeds=(0,))
    decisions = decide_all(read_scores(frame(rows), study), "mlm 7")
    assert decisions.only_with == "mlm 7"
    assert decisions.note == (
        "Only pairs with mlm 7 are tested: all pairs of 300 arms would be too many for one family."
    )
