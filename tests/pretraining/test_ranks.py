"""A training is the same on one process and on several ranks, whatever its loss compares."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import rank_cases
import torch
import torch.distributed as dist
from rank_cases import CASES, joined, name_of, train, write_rows
from safetensors import safe_open
from safetensors.torch import load_file
from small_blocks import run_pretraining
from tiny_study import rows, write_study

import mae_bench.model.info_nce as info_nce
import mae_bench.objectives.rtd as rtd
from mae_bench.cli.ranks import ranks_executor
from mae_bench.errors import RankError, SpecError
from mae_bench.pretraining.rank_step import RankStep
from mae_bench.pretraining.ranks import DataParallel, Ranks, ShardedRanks
from mae_bench.pretraining.step import Step
from mae_bench.specs import Budget, PretrainRecipe

TESTS = Path(__file__).parents[1]
QUICK = ("simcse", "covariance", "mixture")
HALVES = ("mlm/2", "mae/2", "average/2", "packed/2")
LOSS, WEIGHTS = 1e-4, 1e-4  # relative, absolute: sums over ranks round otherwise


def environment():
    path = os.pathsep.join([str(TESTS.parent), str(TESTS), str(TESTS / "pretraining")])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def torchrun(size, *command):
    """Run a command on so many ranks, which find each other at a port that is free."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    return subprocess.run(
        [sys.executable, *start, *command], env=environment(), text=True, capture_output=True
    )


def read(out, name):
    return json.loads((out / name).read_text())


def is_same(shared, alone):
    """Compare curves and final weights, and what was paid."""
    wanted = read(alone, "curve.json")["loss"]
    assert read(shared, "curve.json")["loss"] == pytest.approx(wanted, rel=LOSS)
    for name in ("model.safetensors", "objective.safetensors"):
        got, want = load_file(shared / name), load_file(alone / name)
        assert got.keys() == want.keys()
        for key, value in want.items():
            torch.testing.assert_close(got[key], value, rtol=0, atol=WEIGHTS)
    for name in ("flops", "tokens", "steps", "empty_steps", "params_encoder", "params_objective"):
        assert read(shared, "cost.json")[name] == read(alone, "cost.json")[name]


def plain(case):
    return case.partition("/")[0].partition("@")[0]


def checkpoint(folder, case, size):
    return folder / ("padded" if CASES[plain(case)][2] else "packed") / name_of(case, size)


@pytest.fixture
def one_rank(tmp_path):
    """Be the only one of a group of ranks."""
    write_rows(tmp_path)
    with joined(dist.HashStore(), 0, 1) as ranks_of:
        yield tmp_path, ranks_of


def test_two_ranks_train_what_one_process_trains(tmp_path):
    write_rows(tmp_path)
    meeting = str(tmp_path / "meeting")
    program = [sys.executable, rank_cases.__file__, meeting, "1", "2", str(tmp_path), *QUICK]
    other = subprocess.Popen(program, env=environment())
    try:
        rank_cases.be_rank(dist.FileStore(meeting, 2), 0, 2, tmp_path, QUICK)
        assert other.wait() == 0
    finally:
        other.kill()
        other.wait()
    for case in QUICK:
        shared = checkpoint(tmp_path, case, 2)
        is_same(shared, train(tmp_path, case))
        cost = read(shared, "cost.json")
        assert (cost["num_ranks"], cost["micro_batch_rows"], cost["parallel"]) == (2, 4, "ddp")


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 4])
def test_any_number_of_ranks_trains_what_one_process_trains(size, tmp_path):
    write_rows(tmp_path)
    cases = (*CASES, *HALVES) if size < 4 else (*CASES, "mlm/2")
    ended = torchrun(size, rank_cases.__file__, "-", "-", "-", str(tmp_path), *cases)
    assert ended.returncode == 0, ended.stderr
    for case in cases:
        is_same(checkpoint(tmp_path, case, size), train(tmp_path, plain(case)))


@pytest.mark.slow
def test_ranks_with_shards_train_what_one_process_trains(tmp_path):
    write_rows(tmp_path)
    cases = [f"{case}@fsdp" for case in CASES]
    ended = torchrun(2, rank_cases.__file__, "-", "-", "-", str(tmp_path), *cases)
    assert ended.returncode == 0, ended.stderr
    for case in cases:
        shared = checkpoint(tmp_path, case, 2)
        is_same(shared, train(tmp_path, plain(case)))
        assert read(shared, "cost.json")["parallel"] == "fsdp"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "size"), [("mlm", 2), ("mlm@fsdp", 2), ("contrastive", 1)], ids=["ddp", "fsdp", "one"]
)
def test_a_training_that_lost_a_rank_goes_on_from_its_last_saved_state(case, size, tmp_path):
    write_rows(tmp_path)
    program = (rank_cases.__file__, "-", "-", "-", str(tmp_path))
    lost, out = torchrun(2, *program, f"{case}!"), checkpoint(tmp_path, case, 2)
    assert lost.returncode != 0
    assert not list(out.iterdir())
    state = tmp_path / "padded" / "work" / out.name / "state.safetensors"
    with safe_open(state, "pt") as file:
        saved = json.loads(file.metadata()["notes"])["step"]
    # of the step before, unless the first rank still saved while torchrun ended it
    assert saved in (rank_cases.LOST_AT - 1, rank_cases.LOST_AT)
    if size == 1:
        train(tmp_path, case, name=out.name)
    else:
        ended = torchrun(size, *program, case)
        assert ended.returncode == 0, ended.stderr
    is_same(out, train(tmp_path, plain(case)))


def test_ranks_that_end_otherwise_than_others_say_how_each_ended(one_rank, monkeypatch):
    _, ranks_of = one_rank
    ranks = ranks_of("lost")
    ranks.size = 2
    ranks.store.set("lost/end/1", " ")
    with pytest.raises(RankError, match="rank 0: ValueError: torn; rank 1: well"):
        with ranks.together():
            raise ValueError("torn")
    monkeypatch.setattr("mae_bench.pretraining.ranks.SILENCE_S", 0.0)
    silent = ranks_of("silent")
    silent.size = 2
    with pytest.raises(RankError, match="rank 1: no word of it"), silent.together():
        raise RuntimeError("connection closed by peer")


def test_an_error_of_every_rank_is_that_of_the_training(one_rank):
    _, ranks_of = one_rank
    ranks = ranks_of("both")
    ranks.size = 2
    ranks.store.set("both/end/1", "SpecError: too short")
    with pytest.raises(SpecError, match="too short"), ranks.together():
        raise SpecError("too short")


def test_rows_that_cannot_be_shared_evenly_are_refused(one_rank):
    _, ranks_of = one_rank
    ranks = ranks_of("uneven")
    ranks.size = 3
    with pytest.raises(SpecError, match="batch_rows 8 cannot be shared evenly by 3 ranks"):
        ranks.check(PretrainRecipe(batch_rows=8, budget=Budget(steps=1)))


def test_shards_have_no_whole_matrices_for_muon(one_rank):
    _, ranks_of = one_rank
    recipe = PretrainRecipe(batch_rows=8, budget=Budget(steps=1), optimizer="muon")
    ranks_of("whole").check(recipe)
    with pytest.raises(SpecError, match="optimizer muon needs whole matrices"):
        ranks_of("@fsdp").check(recipe)


def test_what_does_not_ask_other_ranks_is_refused(one_rank, monkeypatch):
    folder, ranks_of = one_rank
    monkeypatch.setattr(info_nce, "whole_batch", lambda rows: rows)
    with pytest.raises(SpecError, match="'contrastive' cannot be trained by several ranks: Info"):
        train(folder, "contrastive", ranks_of("no gather"))
    monkeypatch.setattr(rtd, "rebalanced", lambda term, *counts: term)
    with pytest.raises(SpecError, match="'rtd' cannot be trained by several ranks: its terms are"):
        run_pretraining(folder / "padded", "rtd", ranks=ranks_of("no balance"))
    train(folder, "packed", ranks_of("nothing to balance"))


def test_seconds_and_whether_a_step_is_recorded_are_the_first_ranks(one_rank):
    folder, ranks_of = one_rank
    given = {"compile_by": "inductor", "budget": Budget(seconds=0.1)}
    cost = read(train(folder, "mlm", ranks_of("by the clock"), **given), "cost.json")
    assert cost["steps"] >= 1
    assert cost["compiled"] == "off: several ranks take each step together"


def test_each_rank_drops_other_numbers(one_rank, monkeypatch):
    folder, ranks_of = one_rank
    seeds = {"alone": []}
    view, split = Step.view, Step.split

    def seen(self, *given):
        seeds[name].append(torch.initial_seed())
        return view(self, *given)

    monkeypatch.setattr(Step, "view", seen)
    name = "alone"
    train(folder, "mlm")
    monkeypatch.setattr(RankStep, "split", split)  # all rows, whichever rank it is
    monkeypatch.setattr(DataParallel, "together", Ranks.together)
    for number in (0, 1):
        name, ranks = f"rank {number}", ranks_of("dropping")
        seeds[name], ranks.number = [], number
        train(folder, "mlm", ranks)
    assert len(seeds["alone"]) == 10
    assert seeds["rank 0"] == seeds["alone"]
    assert not set(seeds["rank 1"]) & set(seeds["alone"])


def test_ways_to_share_are_for_ranks():
    assert ranks_executor(None, {}) is None
    with pytest.raises(SpecError, match="--parallel must be one of ddp, fsdp; got 'tensor'"):
        ranks_executor("tensor", {})
    with pytest.raises(SpecError, match="--parallel fsdp is for several ranks, and there is one"):
        ranks_executor("fsdp", {})


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [DataParallel, ShardedRanks])
def test_a_card_may_be_a_rank(kind, one_rank):
    folder, _ = one_rank
    ranks = kind(dist.HashStore(), dist.new_group(backend="nccl"), "on a card")
    for case in ("mixture", "covariance"):
        shared = train(folder, case, ranks, name=f"{case} shared", device="cuda")
        alone = train(folder, case, name=f"{case} alone", device="cuda")
        wanted = read(alone, "curve.json")["loss"]
        assert read(shared, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)
        ranks.name += " again"


@pytest.mark.slow
def test_a_study_of_two_ranks_has_the_rows_of_one_process(tmp_path):
    study = str(write_study(tmp_path, pretrain={"budget": {"steps": 8}, "batch_rows": 8,
                                                "precision": "fp32"}))  # fmt: skip
    ended = torchrun(2, "-m", "mae_bench", "run", study, "--home", str(tmp_path / "ranks"))
    assert ended.returncode == 0, ended.stderr
    alone = [sys.executable, "-m", "mae_bench", "run", study, "--home", str(tmp_path / "alone")]
    subprocess.run([*alone, "--workers", "1"], env=environment(), check=True)
    key = ["arm", "task", "protocol", "metric", "noise"]
    own = {"micro_batch_rows", "pretrain_ranks", "collapse", "plateau", "selection_value", "value"}
    shared, single = (
        rows(tmp_path / home).sort_values(key).reset_index(drop=True) for home in ("ranks", "alone")
    )
    assert set(shared["pretrain_ranks"].dropna()) == {2}
    assert set(single["pretrain_ranks"].dropna()) == {1}
    pd.testing.assert_frame_equal(shared.drop(columns=own), single.drop(columns=own))
    assert shared["value"].to_numpy() == pytest.approx(single["value"].to_numpy(), abs=0.02)
    again = torchrun(2, "-m", "mae_bench", "run", study, "--home", str(tmp_path / "ranks"))
    assert again.returncode == 0 and "nothing to do" in again.stdout + again.stderr
    wrong = torchrun(2, "-m", "mae_bench", "run", study, "--parallel", "tensor")
    assert "error: --parallel must be one of ddp, fsdp; got 'tensor'" in wrong.stderr
    assert wrong.returncode != 0
