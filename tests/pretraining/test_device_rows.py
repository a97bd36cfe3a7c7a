"""Rows are the same bits wherever they are read, and a corpus larger than memory trains."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_blocks import BATCH, ROWS, L, run_pretraining, write_blocks
from tape import Tape

import mae_bench.pretraining.batches as batches
import mae_bench.pretraining.device_rows as device_rows
import mae_bench.pretraining.pretrain as loop
from mae_bench.data.blocks import load_blocks
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.device_rows import CopiedRows, MappedRows, ResidentRows
from mae_bench.pretraining.recorded import RecordedStep
from mae_bench.pretraining.row_order import RowOrder


def resident(rows, orders, device):
    return ResidentRows(rows, device)


def copied(block_steps):
    return lambda rows, orders, device: CopiedRows(rows, orders, device, block_steps)


@settings(max_examples=40, deadline=None)
@given(
    num_rows=st.integers(1, 40),
    batch_rows=st.integers(1, 7),
    block_steps=st.integers(1, 5),
    seed=st.integers(0, 9),
    jump=st.integers(0, 30),
)
def test_every_step_reads_its_rows_from_any_place(num_rows, batch_rows, block_steps, seed, jump):
    batch_rows = min(batch_rows, num_rows)
    rows = np.arange(num_rows * 3, dtype=np.uint16).reshape(num_rows, 3)
    order = RowOrder(num_rows, batch_rows, seed)
    readers = [
        ResidentRows(rows, "cpu"),
        MappedRows(rows),
        CopiedRows(rows, (order,), "cpu", block_steps),
    ]
    # a training that goes on, over the end of an epoch, and back as a fallback would go
    for step in (*range(jump, jump + 9), jump, jump):
        index = order.batch(step)[1]
        for reader in readers:
            reader.open(step)
            found = reader.take(torch.from_numpy(index))
            assert found.dtype == torch.int32
            assert found.tolist() == rows[index].tolist(), type(reader)


def test_seeds_that_are_trained_at_once_read_their_own_rows():
    rows = np.arange(60, dtype=np.uint16).reshape(20, 3)
    orders = [RowOrder(20, 2, seed) for seed in range(3)]
    reader = CopiedRows(rows, orders, "cpu", 3)
    for step in range(12):
        reader.open(step)
        for order in orders:
            index = order.batch(step)[1]
            assert reader.take(torch.from_numpy(index)).tolist() == rows[index].tolist()


def test_a_block_is_copied_while_the_one_before_is_read():
    rows = np.arange(60, dtype=np.uint16).reshape(20, 3)
    order = RowOrder(20, 2, 0)
    reader = CopiedRows(rows, (order,), "cpu", 3)
    held = reader.rows
    for step, following in ((0, 1), (2, 1), (3, 2), (6, 3), (9, 3)):
        reader.open(step)
        assert reader._next.wanted == (0, following)
    assert reader.rows is held and len(held) == 6  # what a recording reads does not move
    assert int(reader.numbers[2]) == device_rows._NO_ROW  # of the short block at the epoch's end


@pytest.mark.parametrize("is_padded", [True, False])
def test_a_training_ends_with_the_same_bits(tmp_path, monkeypatch, is_padded):
    write_blocks(tmp_path / "blocks", is_padded=is_padded)
    ended = []
    for name, rows in (("map", None), ("resident", resident), ("copied", copied(2))):
        if rows:
            monkeypatch.setattr(batches, "device_rows", rows)
        out = run_pretraining(tmp_path, "mlm", name=name)
        files = {p.name: p.read_bytes() for p in out.iterdir() if p.suffix == ".safetensors"}
        losses = json.loads((out / "curve.json").read_text())["loss"]
        ended.append((losses, files))
    assert len(ended[0][1]) > 0
    assert ended[0] == ended[1] == ended[2]


def test_a_recorded_step_reads_what_is_copied_later(tmp_path, monkeypatch):
    """A tape plays the same operations on the same memory, as a CUDA graph does."""
    write_blocks(tmp_path / "blocks")
    plain = run_pretraining(tmp_path, "mlm", name="plain")
    tape = Tape()
    monkeypatch.setattr(
        loop, "make_stepper", lambda step, _: RecordedStep(step, "graph", step.objective, tape)
    )
    monkeypatch.setattr(batches, "device_rows", copied(2))
    taped = run_pretraining(tmp_path, "mlm", name="taped")
    assert tape.replayed >= 3
    wanted, got = (json.loads((out / "curve.json").read_text())["loss"] for out in (plain, taped))
    assert got == pytest.approx(wanted, rel=1e-3)


def test_where_rows_lie_follows_the_free_memory_of_a_card_alone(monkeypatch):
    rows = np.zeros((100, 8), np.uint16)
    order = RowOrder(100, 4, 0)
    made = {}
    for name in ("ResidentRows", "CopiedRows"):
        monkeypatch.setattr(device_rows, name, lambda *given, name=name: made.setdefault(name))
    for free in (4 * 3200, 4 * 3200 - 4):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        device_rows.device_rows(rows, (order,), "cuda")
    assert list(made) == ["ResidentRows", "CopiedRows"]
    assert isinstance(device_rows.device_rows(rows, (order,), "cpu"), MappedRows)


def test_a_cpu_copies_no_corpus(tmp_path):
    write_blocks(tmp_path / "blocks")
    data = load_blocks(tmp_path / "blocks")
    read = Batches(data, RowOrder(ROWS, BATCH, 0), "cpu", 1)
    assert np.shares_memory(read.rows.rows, data.rows)
    index = read.at(1)[1]
    assert read.block(index).ids.tolist() == data.rows[index.numpy()].tolist()


@pytest.mark.gpu
def test_a_card_reads_the_same_bits_and_waits_for_no_host():
    rows = np.random.default_rng(0).integers(0, 60_000, (5_000, L)).astype(np.uint16)
    order = RowOrder(5_000, 32, 0)
    readers = [ResidentRows(rows, "cuda"), CopiedRows(rows, (order,), "cuda", 7)]
    for step in range(2 * order.epoch_steps):
        index = torch.from_numpy(order.batch(step)[1]).cuda()
        for reader in readers:
            reader.open(step)
        torch.cuda.set_sync_debug_mode("error")
        one, two = (reader.take(index) for reader in readers)
        torch.cuda.set_sync_debug_mode("default")
        assert torch.equal(one, two)
