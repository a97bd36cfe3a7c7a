"""A whole study of questions: answers cut from texts, and options, from files to the report."""

import json
import random

import pandas as pd
import pytest
from local_data import write_split
from tiny_study import short_study

from mae_bench.analysis.report import write_report
from mae_bench.planning.study import study_of
from mae_bench.planning.warnings import prepared_warnings
from mae_bench.runner.session import Session
from mae_bench.tasks import TASKS

TUNED = {"learning_rates": [1e-3], "epochs": 1, "min_steps": 2, "max_length": 48}
STUDY = short_study(
    backbone={"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 48},
    objectives=["mlm"],
    tasks=["squad", "c3"],
    train_sizes=[16],
    finetune=TUNED,
)


def write(folder, name, split, rows):
    write_split(folder, name, split, {field: [row[field] for row in rows] for field in rows[0]})


def questions(part, count):
    rng = random.Random(part)
    for number in range(count):
        words = [f"word{rng.randrange(99)}" for _ in range(rng.randint(5, 30))]
        answer = rng.choice(words)
        context = " ".join(words)
        yield {
            "question": f"{part} question {number}?",
            "context": context,
            "answers": {"text": [answer], "answer_start": [context.index(answer)]},
        }


def options(part, count):
    for number in range(count):
        choice = ["红", "绿", "蓝", "白"][: 2 + number % 3]
        answer = choice[number % len(choice)]
        context = f"{part} {number} {answer}"
        yield {"context": context, "question": "什么颜色", "choice": choice, "answer": answer}


@pytest.fixture
def data(tmp_path):
    train, test = list(questions("train", 40)), list(questions("test", 20))
    train[3]["answers"]["answer_start"] = [10_000]
    train[4]["question"] = "very " * 60  # too long for a window
    write(tmp_path, "squad", "train", train)
    write(tmp_path, "squad", "validation", test)
    write(tmp_path, "xquad/de", "validation", list(questions("deutsch", 10)))
    write(tmp_path, "c3", "train", list(options("train", 40)))
    write(tmp_path, "c3", "validation", list(options("test", 12)))
    return tmp_path


def test_a_study_runs_from_its_data_to_its_report(data, home, tmp_path):
    session = Session(study_of(STUDY), home=home, data_dir=data, device="cpu", workers=1)
    rows = session.run()
    assert rows["failure"].isna().all() and rows["value"].between(0, 1).all()
    assert set(rows["arm"]) == {"random_init", "mlm", "majority class"}
    metrics = {task: set(part["metric"]) for task, part in rows.groupby("task")}
    assert metrics == {"squad": {"answer_f1", "exact_match"}, "c3": {"accuracy"}}
    warned = prepared_warnings(session.plan, session.store, data)
    reason = "1 answers that are not in their context at answer_start in train"
    assert warned == [f"task squad: skipped {reason}"]
    contexts = {row["context"] for row in questions("test", 20)}
    for cell in session.plan.cells:
        folder = session.store.path("evaluate", cell.evaluate)
        predictions = pd.read_parquet(folder / "predictions.parquet")
        assert len(predictions) == {"squad": 20, "c3": 12}[cell.task]
        if cell.task == "c3":
            assert predictions["prediction"].between(0, 3).all()
        elif cell.task == "squad" and not cell.is_floor:
            # a blank may be a token, and what hardly learned may answer with one
            assert (predictions["prediction"] != "").mean() > 0.5
            for text in predictions["prediction"]:
                assert any(text in context for context in contexts)
            counts = json.loads((folder / "metrics.json").read_text()).get("skipped", {})
            assert set(counts) <= {"questions longer than the window"}
    page = write_report(rows, session.study, tmp_path / "report")
    assert "answer_f1" in page.read_text()


def test_a_transfer_is_planned_with_the_data_of_both(data, tmp_path):
    """Other training data, another id; the same test."""

    def task_stage():
        session = Session(
            study_of({**STUDY, "tasks": ["xquad/de"]}),
            home=tmp_path / "home",
            data_dir=data,
            device="cpu",
            workers=1,
        )
        (stage,) = [stage for stage in session.plan.stages if stage.kind == "task"]
        return stage.id

    before = task_stage()
    assert task_stage() == before
    write(data, "squad", "train", list(questions("another", 40)))
    assert task_stage() != before
    assert TASKS.get("xquad/de").train_task == "squad"
