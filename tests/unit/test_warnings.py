"""What prepared corpora and finished pretrainings tell a user."""

import json
import re

import pytest

from mae_bench.progress import silent
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.runner.study import study_of
from mae_bench.runner.warnings import empty_steps, prepared_warnings

WORDS = [a + b for a in ("ka", "lo", "mi", "su", "te") for b in ("ra", "no", "li", "du", "pe")]


def session_of(tmp_path, texts, objectives, tokenizer, **changes):
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    study = {
        "name": "told",
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
        " ".join(WORDS[(place * 7 + i * (1 + place % 11)) % 25] for i in range(size))
        for place in range(count)
        for size in [12 if place % 4 == 0 else 4]
    ]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    late = {"mlm": {"mask_ratio": {"start": 0.3, "end": 0.05}, "label": "late"}}
    return session_of(
        tmp_path_factory.mktemp("told"),
        titles(),
        ["mlm", late, {"mae": {"mask_ratio": 0.1}}, "causal"],
        {"kind": "wordpiece", "vocab_size": 300},
    )


def test_rows_that_hide_nothing_are_told_for_each_arm(session):
    late, mae = prepared_warnings(session.plan, session.store)
    (blocks,) = [stage for stage in session.plan.stages if stage.kind == "blocks"]
    rows = session.store.read_json(*blocks.key, "meta.json")["rows_by_tokens"]
    share = rows["4"] / sum(rows.values())
    assert 0.6 < share < 0.85
    assert f"{share:.1%} of the rows in blocks of texts.jsonl" in mae
    assert "fewer than 5 tokens, of which mae hides none at its least ratio" in mae
    assert "fewer than 10 tokens, of which late hides none" in late


def test_steps_that_had_nothing_to_predict_are_told(session):
    assert not empty_steps(session.plan, session.store)
    for stage in session.plan.stages:
        if stage.label in ("pretrain mae, seed 0", "pretrain causal, seed 0"):
            run_stage(stage, session.store, Settings(), silent)
            cost = session.store.read_json(*stage.key, "cost.json")
            assert "mae" in stage.label or cost["empty_steps"] == 0
    (told,) = empty_steps(session.plan, session.store)
    assert re.match(
        r"up to 1?\d of 20 steps had nothing to predict in the pretraining of mae:", told
    )


def test_unknown_tokens_are_told(tmp_path):
    texts = ["".join(chr(0x4E00 + (i * 31 + j * j) % 900) for j in range(40)) for i in range(60)]
    told = {}
    for kind in ("wordpiece", "bpe"):
        (tmp_path / kind).mkdir()
        made = session_of(tmp_path / kind, texts, ["causal"], {"kind": kind, "vocab_size": 300})
        told[kind] = prepared_warnings(made.plan, made.store)
    assert told["bpe"] == []
    (sentence,) = told["wordpiece"]
    assert "% of the tokens in blocks of texts.jsonl" in sentence and "[UNK]" in sentence
