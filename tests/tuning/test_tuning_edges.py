"""Choices at the edge of their search are detected, kept and reported."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution as OneOf
from optuna.distributions import FloatDistribution as Number
from optuna.distributions import IntDistribution as Whole

from mae_bench.analysis.tables import tuning_table
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session
from mae_bench.tuning.edges import search_edges
from mae_bench.tuning.outcome import Outcome
from mae_bench.tuning.rounds import Rounds
from mae_bench.tuning.trials import spec_of

RATE = Number(1e-4, 1e-2, log=True)  # 5% of it in logarithms is a factor of 1.26


def trial(distributions, **params):
    return optuna.trial.create_trial(params=params, distributions=distributions, value=0.0)


@pytest.mark.parametrize(
    ("distribution", "value", "edge"),
    [
        (RATE, 1.2e-4, "lowest"),
        (RATE, 1.3e-4, None),
        (RATE, 5e-4, None),  # within 5% of the range of plain numbers
        (RATE, 7.9e-3, None),
        (RATE, 8.1e-3, "highest"),
        (Number(0.0, 1.0), 0.05, "lowest"),
        (Number(0.0, 1.0), 0.06, None),
        (Number(-2.0, -1.0), -1.04, "highest"),
        (Number(0.1, 0.6, step=0.05), 0.1, "lowest"),
        (Number(0.1, 0.6, step=0.05), 0.15, None),
        (Number(0.1, 0.6, step=0.05), 0.6, "highest"),
        (Number(0.3, 0.3), 0.3, None),
        (Whole(1, 8), 1, "lowest"),
        (Whole(1, 8), 2, None),
        (Whole(1, 8), 8, "highest"),
        (Whole(1, 1000, log=True), 720, "highest"),
        (Whole(1, 1000), 720, None),
        (OneOf((0, 1e-4, 1)), 1e-4, None),
        (OneOf((0.2, 0.1, 0.4)), 0.1, "lowest"),
        (OneOf((0.2, 0.1, 0.4)), 0.4, "highest"),
        (OneOf((8,)), 8, None),
        (OneOf(("dropout", "spans")), "dropout", None),
        (OneOf((False, True)), True, None),
        (OneOf((None, 1, 2)), 2, None),
    ],
)
def test_a_value_near_an_end_of_its_search_is_at_an_edge(distribution, value, edge):
    edges = search_edges(trial({"x": distribution}, x=value))
    assert edges == ({"x": edge} if edge else {})


def raw(**section):
    return {
        "name": "tuned",
        "objectives": ["random_init", "mlm", {"mae": {"mask_ratio": 0.5}}],
        "tasks": ["world/topic"],
        "seeds": 1,
        "tuning": {"trials": 9, "budget": {"steps": 4}, **section},
    }


def test_the_edges_kept_are_those_of_the_best_trial(tmp_path):
    session = Session(study_of(raw()), home=tmp_path, device="cpu", workers=1)
    session.store.open()
    session.folder.mkdir(parents=True)
    rounds = Rounds(session, spec_of(session.asked), lambda event: None, lambda stages: None)
    searched = {"rate": RATE, "ratio": Number(0.1, 0.6, step=0.05)}
    tried = {"mlm": [(1e-4, 0.3, 0.2), (9e-3, 0.6, 0.9), (1e-3, 0.3, 0.9)], "mae": [(1e-3, 0.4, 1)]}
    for label, values in tried.items():
        for rate, ratio, value in values:
            params = {"rate": rate, "ratio": ratio}
            rounds.studies[label].add_trial(
                optuna.trial.create_trial(
                    params=params,
                    distributions=searched,
                    value=value,
                    user_attrs={"options": {"mask_ratio": ratio}},
                )
            )
    arms = {arm.label: rounds.outcome(arm) for arm in rounds.study.objectives}
    assert arms["mlm"].edges == {"rate": "highest", "ratio": "highest"}
    assert arms["mae"].edges == {}
    assert arms["random_init"].edges is None
    outcome = Outcome(sampler="random", trials=9, arms=arms)
    assert outcome.edge_sentence == (
        "Chosen at the edge of its search: 1 of 2 tuned arms (mlm: rate highest, ratio highest). "
        "Beyond an edge may lie a better value."
    )
    table = tuning_table(outcome.table(), outcome.edge_sentence)
    assert table.caption.endswith(outcome.edge_sentence)
    edges = dict(zip(table.frame["arm"], table.frame["at the edge"], strict=True))
    assert edges == {
        "random_init": "nothing chosen",
        "mlm": "rate highest, ratio highest",
        "mae": "none",
    }
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_what_was_tuned_before_edges_were_kept_has_none_known():
    arms = {"mlm": {"key": "k", "chosen": {"mask_ratio": 0.6}}}
    outcome = Outcome(sampler="random", trials=1, arms=arms)
    assert outcome.edge_sentence == ""
    assert outcome.table()[0]["at the edge"] == "not recorded"


def test_without_an_edge_the_count_is_stated_too():
    arms = {"mlm": {"key": "k", "chosen": {"mask_ratio": 0.3}, "edges": {}}}
    outcome = Outcome(sampler="random", trials=1, arms=arms)
    assert outcome.edge_sentence == "Chosen at the edge of its search: 0 of 1 tuned arm."
