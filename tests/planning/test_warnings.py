"""What prepared corpora and finished pretrainings tell a user."""

import json
import re
from collections import Counter

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.planning.study import study_of
from mae_bench.planning.warnings import empty_steps, prepared_warnings
from mae_bench.progress import silent
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.tasks import TASKS
from mae_bench.tasks.build import train_labels
from mae_bench.tuning.forecast import tuning_warnings

WORDS = [a + b for a in ("ka", "lo", "mi", "su", "te") for b in ("ra", "no", "li", "du", "pe")]


def session_of(tmp_path, texts, objectives, tokenizer, **changes):
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    study = {
        "name": "warned",
        "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 64},
        "corpus": {
            "sources": [str(tmp_path / "texts.jsonl")],
            "tokenizer": tokenizer,
            "row_length": 32,
            "validation_ratio": 0.1,
        },
        "pretrain": {"budget": {"steps": 20}, "batch_rows": 2, "precision": "fp32"},
        "objectives": objectives,
        "tasks": ["corpus"],
        "protocols": ["representation"],
        "seeds": 1,
    }
    session = Session(study_of(study | changes), home=tmp_path / "home", device="cpu", workers=1)
    session.prepare()
    return session


def titles(count=120):
    """Return texts of four words, every fourth of twelve."""
    return [
        " ".join(WORDS[(row * 7 + i * (1 + row % 11)) % 25] for i in range(size))
        for row in range(count)
        for size in [12 if row % 4 == 0 else 4]
    ]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    late = {"mlm": {"mask_ratio": {"start": 0.3, "end": 0.05}, "label": "late"}}
    return session_of(
        tmp_path_factory.mktemp("warned"),
        titles(),
        ["mlm", late, {"mae": {"mask_ratio": 0.1}}, "causal"],
        {"kind": "wordpiece", "vocab_size": 300},
    )


def test_rows_that_hide_nothing_are_warned_of_for_each_arm(session):
    late, mae = prepared_warnings(session.plan, session.store)
    (blocks,) = [stage for stage in session.plan.stages if stage.kind == "blocks"]
    rows = session.store.read_json(*blocks.key, "meta.json")["rows_by_tokens"]
    share = rows["4"] / sum(rows.values())
    assert 0.6 < share < 0.85
    assert f"{share:.1%} of the rows in blocks of texts.jsonl" in mae
    assert "fewer than 5 tokens, of which mae hides none at its least ratio" in mae
    assert "fewer than 10 tokens, of which late hides none" in late


def test_steps_that_had_nothing_to_predict_are_warned_of(session):
    assert not empty_steps(session.plan, session.store)
    for stage in session.plan.stages:
        if stage.label in ("pretrain mae, seed 0", "pretrain causal, seed 0"):
            run_stage(stage, session.store, Settings(), silent)
            cost = session.store.read_json(*stage.key, "cost.json")
            assert "mae" in stage.label or cost["empty_steps"] == 0
    (warning,) = empty_steps(session.plan, session.store)
    assert re.match(
        r"up to 1?\d of 20 steps had nothing to predict in the pretraining of mae:", warning
    )


def test_unknown_tokens_are_warned_of(tmp_path):
    texts = ["".join(chr(0x4E00 + (i * 31 + j * j) % 900) for j in range(40)) for i in range(60)]
    warnings_of = {}
    for kind in ("wordpiece", "bpe"):
        (tmp_path / kind).mkdir()
        made = session_of(tmp_path / kind, texts, ["causal"], {"kind": kind, "vocab_size": 300})
        warnings_of[kind] = prepared_warnings(made.plan, made.store)
    assert warnings_of["bpe"] == []
    (sentence,) = warnings_of["wordpiece"]
    assert "% of the tokens in blocks of texts.jsonl" in sentence and "[UNK]" in sentence


def sized(tmp_path, *sizes, **changes):
    study = {
        "name": "sized",
        "objectives": ["mlm"],
        "tasks": ["world/topic", "trec", "sst2"],
        "train_sizes": list(sizes),
        "seeds": 2,
    }
    asked = study_of(study | changes)
    return Session(asked, home=tmp_path / "home", data_dir=tmp_path, device="cpu", workers=1)


def write_trec(folder, num_train):
    """Write a local copy of the set, its train split a folder of two parts."""
    task = TASKS.get("trec")
    for path, split, count in [
        ("train.parquet/part-0.parquet", "one", num_train // 2),
        ("train.parquet/part-1.parquet", "two", num_train - num_train // 2),
        ("test.parquet", "test", 6),
    ]:
        file = folder / "trec" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        columns = {
            task.text_fields[0]: [f"{split} text {row}" for row in range(count)],
            task.label_field: [row % 6 for row in range(count)],
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), file)


def warned(session):
    return prepared_warnings(session.plan, session.store, session.data_dir)


def test_sizes_above_the_data_are_warned_of_before_anything_is_prepared(tmp_path):
    write_trec(tmp_path, 50)
    warnings = warned(sized(tmp_path, 20, 46, 2161, 90_000, "all", 0.5))
    assert warnings == [
        "task world/topic has 2,160 training examples, fewer than train_sizes 2,161, 90,000: these "
        "cells will fail; give at most 2,160, or 'all'",
        "task trec has 45 training examples, fewer than train_sizes 46, 2,161, 90,000: these cells "
        "will fail; give at most 45, or 'all'",
        "train_sizes 20, 46, 2,161, 90,000 cannot be checked yet for task sst2: the data is "
        "neither prepared nor in a local folder; `mae-bench prepare` fetches it, and `mae-bench "
        "plan` then names the sizes whose cells would fail",
    ]  # once a task


def test_so_many_of_a_class_are_warned_of_by_its_name_before_and_after_prepare(tmp_path):
    write_trec(tmp_path, 50)
    session = sized(tmp_path, "4/class", "9/class", "1000/class", 45, tasks=["trec"])
    counts = Counter(train_labels(TASKS.get("trec"), tmp_path))
    label, least = min(counts.items(), key=lambda item: (item[1], item[0]))
    name = TASKS.get("trec").label_names[label]
    (before,) = warned(session)
    assert before == (
        f"task trec has {least} training examples of class '{name}', fewer than train_sizes "
        f"9/class, 1000/class: these cells will fail; give at most {least}/class, or 'all'"
    )
    for stage in session.plan.stages:
        if stage.kind == "task":
            run_stage(stage, session.store, Settings(data_dir=tmp_path), silent)
    assert warned(session) == [before]


def test_sizes_within_the_data_are_not_warned_of(tmp_path):
    write_trec(tmp_path, 50)
    assert warned(sized(tmp_path, 20, 45, tasks=["world/topic", "trec"])) == []
    assert warned(sized(tmp_path, "all", 0.5)) == [], "a share is never above the data"
    assert warned(sized(tmp_path, 2160, tasks=["world/topic", "world/similarity"])) == []


def test_the_warning_before_is_that_of_the_prepared_task(tmp_path):
    write_trec(tmp_path, 50)
    session = sized(tmp_path, 46, tasks=["trec", "world/topic"])
    before = warned(session)
    for stage in session.plan.prepared:
        if stage.kind == "task":
            session.store.open()
            run_stage(stage, session.store, Settings(data_dir=tmp_path), silent)
            assert session.store.is_done(*stage.key)
    assert len(before) == 1 and warned(session) == before


def test_damaged_local_data_are_for_prepare_to_tell(tmp_path):
    write_trec(tmp_path, 50)
    (tmp_path / "trec" / "test.parquet").write_bytes(b"no parquet")
    assert warned(sized(tmp_path, 90, tasks=["trec"])) == []


def test_sizes_above_the_data_of_trials_are_warned_of(tmp_path):
    section = {"trials": 2, "train_size": 3000, "tasks": ["world/sentiment"]}
    (warning,) = tuning_warnings(sized(tmp_path, 20, tasks=["world/topic"], tuning=section))
    assert "task world/sentiment has 2,160 training examples" in warning
    assert "fewer than tuning.train_size 3,000: these trials will fail" in warning
    assert tuning_warnings(sized(tmp_path, 20)) == []
