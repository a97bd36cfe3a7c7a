"""A study may name tasks that some of its protocols cannot read: those pairs are left out."""

import re

import pytest
from report_rows import row, small_study

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.reading import asked_tasks, unread_pairs
from mae_bench.planning.study import study_of
from mae_bench.results import frame

MIXED = {
    "name": "mixed",
    "objectives": ["mlm", "mae"],
    "tasks": ["trec", "sts13", "blimp", "sst2"],
    "protocols": ["finetune", "zero_shot", "score"],
    "seeds": 1,
}


def planned(**changes):
    return make_plan(study_of({**MIXED, **changes}), None)


def test_each_protocol_is_run_on_the_tasks_that_it_reads():
    plan = planned()
    asked = {}
    for cell in plan.cells:
        if not cell.is_floor:
            asked.setdefault(cell.protocol, set()).add(cell.task)
    assert asked == {
        "finetune": {"trec", "sst2"},
        "zero_shot": {"trec", "sts13", "sst2"},
        "score": {"blimp"},
    }
    assert unread_pairs(plan.study) == {
        ("finetune", "sts13"),
        ("finetune", "blimp"),
        ("zero_shot", "blimp"),
        ("score", "trec"),
        ("score", "sts13"),
        ("score", "sst2"),
    }
    said = [text for text in plan.warnings if "leaves out" in text and "it cannot read" in text]
    assert said[0] == (
        "protocol 'finetune' leaves out sts13, blimp, which it cannot read: its means over tasks "
        "are over those that it reads"
    )
    assert said[1].startswith("protocol 'zero_shot' leaves out blimp, which it cannot read")
    (short,) = [text for text in plan.warnings if text.startswith("protocol 'score' leaves out")]
    assert "leaves out 3 tasks that it cannot read, and reads blimp: its means" in short


def test_a_plan_of_one_kind_is_as_it_was():
    plan = planned(tasks=["trec", "sst2"], protocols=["finetune"])
    assert not unread_pairs(plan.study)
    assert not [text for text in plan.warnings if "leaves out" in text]


def test_a_task_without_a_prompt_is_left_out_where_others_have_one():
    plan = planned(tasks=["sst2", "banking77"], protocols=["finetune", "zero_shot"])
    assert asked_tasks(plan.study, "zero_shot") == ("sst2",)
    (said,) = [text for text in plan.warnings if text.startswith("protocol 'zero_shot'")]
    assert "banking77, which have no prompt (write one under recipes.zero_shot.clozes)" in said


def test_a_task_that_no_protocol_reads_is_refused_with_those_that_do():
    with pytest.raises(SpecError, match=r"'finetune' cannot read task 'blimp'.* read by score"):
        planned(protocols=["finetune", "zero_shot"])


def test_a_protocol_that_reads_no_task_is_refused():
    with pytest.raises(SpecError, match="'score' cannot read task 'trec'"):
        planned(tasks=["trec", "sts13"])


def test_a_claim_on_a_pair_that_is_not_asked_for_is_refused():
    claim = {
        "sentence": "MAE wins",
        "treatment": "mae",
        "control": "mlm",
        "task": "sts13",
        "protocol": "finetune",
    }
    with pytest.raises(SpecError, match=r"claims\[0\]\.task, under protocol 'finetune', must be"):
        planned(claims=[claim])


def test_a_claim_is_a_mean_over_the_tasks_of_its_protocol():
    claim = {"sentence": "MAE wins", "treatment": "mae", "control": "mlm"}
    planned(claims=[{**claim, "protocol": "finetune"}])  # two accuracies
    mixed = ["trec", "wikitext2"]
    planned(tasks=mixed, protocols=["finetune", "score"], claims=[{**claim, "protocol": "score"}])
    with pytest.raises(SpecError, match="no common unit or direction"):
        planned(tasks=mixed, protocols=["finetune", "score"], claims=[claim])


def test_trials_are_chosen_on_what_their_protocol_reads():
    plan = planned(tuning={"trials": 2, "protocol": "finetune"})
    assert plan.study.tuning is not None
    with pytest.raises(SpecError, match=r"'blimp'|nothing to choose on"):
        planned(tuning={"trials": 2, "protocol": "finetune", "tasks": ["blimp"]})


def mixed_rows(seeds, has_floor=False):
    rows = []
    floor = {"objective": "majority", "is_floor": True, "protocol": "majority", "task": "trec"}
    for seed in range(seeds):
        rows += [row("most", 0.2, seed, **floor)] if has_floor else []
        for arm, gain in (("mlm", 0.0), ("mae", 0.1)):
            rows.append(row(arm, 0.5 + gain + seed / 100, seed=seed, task="trec"))
            pair = {"task": "blimp", "protocol": "score", "n_train": 0}
            rows.append(row(arm, 0.6 - gain + seed / 100, seed=seed, **pair))
    return frame(rows)


def mixed_study(seeds):
    claims = ({"sentence": "MAE wins", "treatment": "mae", "control": "mlm", "task": "blimp"},)
    return small_study(
        tasks=("trec", "blimp"),
        protocols=("finetune", "score"),
        seeds=tuple(range(seeds)),
        claims=claims,
    )


def test_a_report_shows_no_gap_where_nothing_was_asked(tmp_path):
    study, rows = mixed_study(6), mixed_rows(6)
    unread = frozenset({("finetune", "blimp"), ("score", "trec")})
    scores = read_scores(rows, study, unread)
    assert [(s.protocol, scores.tasks_in(s)) for s in scores.settings] == [
        ("finetune", ("trec",)),
        ("score", ("blimp",)),
    ]
    (verdict,) = judge_claims(study, scores)
    assert verdict.difference == pytest.approx(-0.1)
    rows = mixed_rows(6, has_floor=True)
    page = write_report(rows, study, tmp_path / "report", context=ReportContext(unread=unread))
    shown = re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.DOTALL)
    assert "not run" not in shown, "a floor stands where it reads a task"
    assert "most" in (tmp_path / "report/tables/scores-finetune-all-clean.csv").read_text()
    assert "most" not in (tmp_path / "report/tables/scores-score-all-clean.csv").read_text()


def test_a_pair_that_was_asked_for_and_is_not_there_is_a_gap():
    scores = read_scores(mixed_rows(1), mixed_study(1))
    assert {scores.tasks_in(setting) for setting in scores.settings} == {("trec", "blimp")}
