"""Workers fine-tune the seeds of a cell together, at all learning rates: rows are those of each."""

import pandas as pd
import pytest
from tiny_study import CLOCKS, short_study

from mae_bench.planning.plan import make_plan
from mae_bench.planning.seed_groups import seed_groups
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session

CHANGES = {
    "objectives": ["mlm"],
    "seeds": 2,
    "finetune": {"learning_rates": [1e-3, 3e-3], "max_added_rates": 0, "epochs": 1,
                 "min_steps": 4, "max_length": 32, "precision": "fp32"},
}  # fmt: skip
STUDY = study_of(short_study(**CHANGES))
HOW = ["seeds_together", "why_alone", "finetunes_together", "why_finetuned_alone"]


def run(home, batch_seeds):
    events = []
    session = Session(STUDY, home=home, device="cpu", workers=1, batch_seeds=batch_seeds)
    rows = session.run(events.append)
    return rows[rows["protocol"] == "finetune"].reset_index(drop=True), events


def test_rows_are_those_of_single_runs(tmp_path):
    single, _ = run(tmp_path / "single", "auto")
    rows, events = run(tmp_path / "together", 2)
    assert set(rows["finetunes_together"]) == {4} and set(rows["why_finetuned_alone"]) == {""}
    assert set(single["finetunes_together"]) == {1}
    assert not [event.note for event in events if event.what == "message" and "fail" in event.note]
    numbers = ["value", "selection_value"]
    same = [name for name in rows if name not in {*HOW, *CLOCKS, *numbers, "collapse", "plateau"}]
    pd.testing.assert_frame_equal(rows[same], single[same])
    for name in numbers:
        assert rows[name].to_numpy() == pytest.approx(single[name].to_numpy(), abs=0.05)


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, [1]),
        ({"backbone": {"arch": "gru", "hidden_size": 32, "max_length": 32}}, []),
    ],
)
def test_groups_are_the_seeds_of_one_cell(changes, others):
    stages = make_plan(study_of(short_study(**CHANGES | changes)), None).stages
    groups = seed_groups(stages)
    (made,) = (each for each in stages if each.label == "pretrain mlm, seed 0")
    (first,) = (each for each in stages if each.kind == "evaluate" and made.key in each.needs)
    labels = [stage.label for stage in groups[first.key]]
    assert labels == [first.label.replace("seed 0", f"seed {seed}") for seed in others]
