"""Shards share a study out: nothing twice but what several need, nothing left, homes that join."""

import shutil

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.shard import Shard, parse_shard
from mae_bench.planning.study import study_of
from mae_bench.tuning.api import run_study

STUDY = {
    "name": "shards",
    "objectives": ["mlm", "mae", {"distill": {"teacher": "mlm"}}],
    "tasks": ["world/topic", "world/sentiment"],
    "protocols": ["finetune", "linear_probe"],
    "train_sizes": [20, 50],
    "seeds": 3,
}
SMALL = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"tokens": 5_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 2}, "batch_rows": 4, "precision": "fp32"},
    "objectives": ["random_init", "mlm"],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe"],
    "train_sizes": [20],
    "seeds": 1,
    "linear_probe": {"max_length": 32, "precision": "fp32"},
}
CLOCKS = ["pretrain_s", "evaluate_s"]
STAGES = make_plan(study_of(STUDY), None).stages


@given(num=st.integers(1, 12))
def test_every_checkpoint_and_evaluation_is_of_one_shard_with_all_that_it_needs(num):
    shares = [Shard(number, num).stages(STAGES) for number in range(1, num + 1)]
    evaluations = [s.key for share in shares for s in share if s.kind == "evaluate"]
    assert sorted(evaluations) == sorted(s.key for s in STAGES if s.kind == "evaluate")
    assert {s.key for share in shares for s in share} == {s.key for s in STAGES}
    for share in shares:
        keys = [stage.key for stage in share]
        assert keys == [stage.key for stage in STAGES if stage.key in set(keys)], "in their order"
        for position, stage in enumerate(share):
            assert set(stage.needs) <= set(keys[:position]), "what it needs stands before it"
    teachers = {need for stage in STAGES if stage.kind == "pretrain" for need in stage.needs}
    for stage in STAGES:
        owners = sum(stage.key in {s.key for s in share} for share in shares)
        if stage.kind == "pretrain" and stage.key not in teachers:
            assert owners == 1, "no two shards pretrain the same"


def test_another_arm_moves_no_checkpoint_to_another_shard():
    more = make_plan(study_of({**STUDY, "objectives": [*STUDY["objectives"], "rtd"]}), None).stages
    for number in (1, 2, 3):
        before = {stage.key for stage in Shard(number, 3).stages(STAGES)}
        after = {stage.key for stage in Shard(number, 3).stages(more)}
        assert before <= after


def test_one_shard_is_the_whole():
    assert parse_shard("1/1").stages(STAGES) == STAGES
    assert parse_shard(None) is None
    assert parse_shard("2/8") == Shard(2, 8)


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "1/0", "a/b", "1/2/3", "-1/2", "1.5/2"])
def test_anything_else_is_one_sentence(text):
    with pytest.raises(SpecError, match=r"^--shard must be two whole numbers i/n .*got '"):
        parse_shard(text, "--shard")


def test_homes_of_shards_join_to_the_home_of_the_whole(tmp_path):
    study = study_of(SMALL)
    ours = run_study(study, home=tmp_path / "whole", device="cpu")
    parts = [
        run_study(study, home=tmp_path / f"home {i}", device="cpu", shard=f"{i}/2") for i in (1, 2)
    ]
    assert all(0 < len(part) < len(ours) for part in parts)
    one = ["arm", "task", "seed", "metric"]
    joined = pd.concat(parts).sort_values(one).drop(columns=CLOCKS).reset_index(drop=True)
    whole = ours.sort_values(one).drop(columns=CLOCKS).reset_index(drop=True)
    assert joined.equals(whole)
    shutil.copytree(tmp_path / "home 2", tmp_path / "home 1", dirs_exist_ok=True)
    (tmp_path / "home 1" / "log.jsonl").unlink()
    again = run_study(study, home=tmp_path / "home 1", device="cpu")
    assert not (tmp_path / "home 1" / "log.jsonl").exists(), "nothing was left to do"
    assert again.drop(columns=CLOCKS).equals(ours.drop(columns=CLOCKS))
