"""A tiny study that shares one budget between pretraining and fine-tuning, to its report."""

import json

import pandas as pd
import pytest
import yaml
from tiny_study import STUDY

from mae_bench.analysis.report import write_report
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session

X = 6.0e8
RAW = yaml.safe_load(STUDY) | {
    "name": "split",
    "pretrain": {"batch_rows": 8},
    "budget_split": {"flops": X, "pretrain_ratios": [0, 0.4]},
    "objectives": ["mlm"],
    "seeds": 1,
    "finetune": {"learning_rates": [1e-3], "max_length": 32},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    session = Session(study_of(RAW), home=tmp_path_factory.mktemp("home"), device="cpu", workers=1)
    return session, session.run()


def test_both_parts_take_the_budget_within_a_step_of_each(finished):
    session, rows = finished
    assert rows["failure"].isna().all()
    mine = rows[rows["arm"] == "mlm"].set_index(["pretrain_ratio", "noise"])
    assert set(mine.index) == {(r, n) for r in (0.0, 0.4) for n in ("clean", "typos")}
    for (ratio, _), row in mine.iterrows():
        a_step = row["pretrain_flops"] / row["pretrain_steps"] if ratio else 0.0
        assert ratio * X - a_step <= row["pretrain_flops"] <= ratio * X
        both = row["pretrain_flops"] + row["train_flops"]
        assert X - a_step - 1e8 < both <= X  # a step of a fine-tune takes less
        assert row["evaluate_flops"] > row["train_flops"]  # reading comes on top
    floors = rows[rows["is_floor"]]
    assert floors["pretrain_ratio"].isna().all() and floors["train_flops"].isna().all()
    (first, *_) = [s for s in session.plan.stages if s.kind == "evaluate" and s.spec.train_flops]
    trials = json.loads((session.store.path(*first.key) / "metrics.json").read_text())["trials"]
    assert len(trials) == 1


def test_at_zero_an_arm_is_the_untrained_encoder(finished):
    _, rows = finished
    at_zero = rows[rows["pretrain_ratio"] == 0]
    mine, untrained = (at_zero[at_zero["arm"] == arm] for arm in ("mlm", "random_init"))
    assert list(mine["value"]) == list(untrained["value"])
    assert set(mine["pretrain_id"]) == set(untrained["pretrain_id"])
    assert (mine["pretrain_flops"] == 0).all()


def test_a_finished_study_runs_nothing_again_and_another_share_runs_its_own(finished):
    session, _ = finished
    events = []
    session.run(events.append)
    assert events == []
    more = RAW | {"budget_split": {"flops": X, "pretrain_ratios": [0, 0.4, 0.6]}}
    plan = Session(study_of(more), home=session.store.home, device="cpu", workers=1).plan
    left = [stage.label for stage in plan.stages if not session.store.is_done(*stage.key)]
    assert left == [
        "evaluate random_init (60%) on world/topic, finetune, 20 labels, seed 0",
        "pretrain mlm (60%), seed 0",
        "evaluate mlm (60%) on world/topic, finetune, 20 labels, seed 0",
    ]


def test_the_report_shows_the_shares(finished, tmp_path):
    session, rows = finished
    page = write_report(rows, session.study, tmp_path / "report")
    assert "Scores by the share of one budget" in page.read_text()
    shares = pd.read_csv(tmp_path / "report" / "tables" / "budget-split.csv")
    assert set(shares["best split"]) == {"none", "not decidable (1 of 6 seeds)"}
    costs = pd.read_csv(tmp_path / "report" / "tables" / "costs.csv").set_index("arm")
    assert costs.loc["mlm (40%)", "relative FLOPs"] == "1.00"
