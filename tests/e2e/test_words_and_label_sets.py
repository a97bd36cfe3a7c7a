"""Tags and several labels a text, from the Hub's fields to a report."""

import random

import numpy as np
import pandas as pd
from local_data import write_split
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from small_cases import FILLERS, SIGNS
from tiny_study import short_study

from mae_bench.analysis.report import write_report
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session
from mae_bench.tasks import TASKS

STUDY = short_study(
    objectives=["mlm"],
    protocols=["finetune"],
    finetune={"learning_rates": [3e-3], "epochs": 1, "min_steps": 4},
    noise=["clean", {"typos": {"rate": 0.2, "where": "both"}}],
)
PARTS = {"train": 60, "validation": 20, "test": 30}


def write_tasks(data_dir):
    """Write CoNLL-2003 and GoEmotions with the columns and types that the Hub gives."""
    for split, count in PARTS.items():
        rng = random.Random(split)
        rows = [rng.choices(FILLERS + SIGNS, k=rng.randint(2, 9)) for _ in range(count)]
        tags = [[1 + 2 * SIGNS.index(w) if w in SIGNS else 0 for w in words] for words in rows]
        ids = [str(number) for number in range(count)]
        columns = {"id": ids, "tokens": rows, "pos_tags": tags, "ner_tags": tags}
        write_split(data_dir, "conll2003", split, columns)
        emotions = [sorted({SIGNS.index(w) for w in words if w in SIGNS}) for words in rows]
        texts = [" ".join(words) for words in rows]
        columns = {"text": texts, "labels": emotions, "id": texts}
        write_split(data_dir, "go_emotions", split, columns)


def run(tmp_path, home, **changes):
    write_tasks(tmp_path)
    session = Session(
        study_of({**STUDY, **changes}),
        home=home,
        data_dir=tmp_path,
        device="cpu",
        workers=1,
    )
    return session, session.run()


def predictions_of(session, task, protocol):
    cell = next(c for c in session.plan.cells if (c.task, c.protocol) == (task, protocol))
    table = pd.read_parquet(session.store.path("evaluate", cell.evaluate) / "predictions.parquet")
    return table[table["noise"] == "clean"]


def test_a_study_of_tags_and_of_several_labels_runs_to_its_report(tmp_path, home):
    session, rows = run(tmp_path, home, tasks=["conll2003", "go_emotions"])
    assert rows["failure"].isna().all() and rows["value"].between(0, 1).all()
    floors = ["majority class", "TF-IDF + LR", "majority tag of a word"]
    assert [arm.label for arm in session.plan.arms] == ["random_init", "mlm", *floors]
    used = {(task, arm) for task, arm in zip(rows["task"], rows["arm"], strict=True)}
    assert used == {
        (task, arm)
        for task, others in (("conll2003", floors[::2]), ("go_emotions", floors[:2]))
        for arm in ("random_init", "mlm", *others)
    }
    clean = rows[rows["noise"] == "clean"].set_index(["task", "arm", "metric"])["value"]
    table = predictions_of(session, "conll2003", "word_majority")
    sides = [[list(tags) for tags in table[name]] for name in ("label", "prediction")]
    expected = f1_score(*sides, mode="strict", scheme=IOB2)
    assert clean["conll2003", "majority tag of a word", "span_f1"] == expected == 1.0
    assert clean["go_emotions", "TF-IDF + LR", "micro_f1"] > 0.4
    table = predictions_of(session, "go_emotions", "tfidf")
    same = [set(a) == set(b) for a, b in zip(table["label"], table["prediction"], strict=True)]
    assert clean["go_emotions", "TF-IDF + LR", "subset_accuracy"] == np.mean(same)
    page = write_report(rows, session.study, tmp_path / "report").read_text(encoding="utf-8")
    assert "span_f1" in page and "macro_f1" in page and "majority tag of a word" in page


def test_words_are_probed_in_a_study(tmp_path, home):
    probe = {"inverse_penalties": [1.0], "precision": "fp32"}
    _, rows = run(
        tmp_path,
        home,
        tasks=["conll2003"],
        protocols=["word_probe"],
        recipes={"word_probe": probe},
        noise=["clean"],
    )
    probed = rows[(rows["protocol"] == "word_probe") & (rows["metric"] == "span_f1")]
    assert set(probed["arm"]) == {"random_init", "mlm"} and probed["failure"].isna().all()
    assert (probed["value"] > 0.3).all()


def test_tasks_without_local_data_say_what_the_hub_gives():
    """Revisions that could not be pinned say so."""
    for name in TASKS.names():
        source = TASKS.get(name).source
        if TASKS.get(name).kind not in ("tag", "multilabel") or not source.hub_id:
            continue
        is_pinned = len(source.revision) == 40
        assert is_pinned or "not pinned" in source.note, name
