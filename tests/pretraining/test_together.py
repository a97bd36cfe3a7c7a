"""Seeds trained as one program: cut short, short of memory, and not as far as each other."""

import gc
import json
import weakref

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_blocks import run_pretraining, seed_of, write_blocks

import mae_bench.pretraining.pretrain as loop
import mae_bench.pretraining.together as together
from mae_bench.errors import DivergedError
from mae_bench.masking import PAD_ID, SEP_ID
from mae_bench.pretraining.stacked import StackedObjective
from mae_bench.pretraining.together import pretrain_together

SEEDS = (0, 1, 2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    write_blocks(tmp_path / "blocks")
    return tmp_path


def seeds(folder, kind, **changes):
    name = "mae {} {}"
    given = {"options": {"target": "ema_features"}, **changes}
    return [
        seed_of(folder, "mae", name=name.format(kind, seed), seed=seed, **given) for seed in SEEDS
    ]


def results(group):
    weights = [load_file(seed.folders.out / "model.safetensors") for seed in group]
    curves = [json.loads((seed.folders.out / "curve.json").read_text())["loss"] for seed in group]
    return weights, curves


def facts(group, name):
    return [json.loads((seed.folders.out / "cost.json").read_text())[name] for seed in group]


def equal(weights, others):
    return all(
        torch.equal(value, other[key])
        for one, other in zip(weights, others, strict=True)
        for key, value in one.items()
    )


def keep_first_row_alone(folder):
    """Leave all other rows without a token that can be hidden."""
    rows = np.load(folder / "blocks" / "rows.npy")
    rows[1:, 2], rows[1:, 3:] = SEP_ID, PAD_ID
    np.save(folder / "blocks" / "rows.npy", rows)


def remembered(run, opened):
    opened.append(weakref.ref(run))
    return run


def cut_short(done, total, note=""):
    if done / total > 0.55:
        raise KeyboardInterrupt


def test_a_group_that_was_cut_short_goes_on_bit_for_bit(folder):
    whole, cut, again = (seeds(folder, kind) for kind in ("whole", "cut", "cut"))
    pretrain_together(whole, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        pretrain_together(seeds(folder, "cut", progress=cut_short), device="cpu")
    assert all(seed.folders.state.exists() for seed in cut)
    pretrain_together(again, device="cpu")
    assert results(again)[1] == results(whole)[1]
    assert equal(results(again)[0], results(whole)[0])
    assert facts(again, "seeds_together") == [3, 3, 3]


def test_each_seed_goes_on_alone_from_what_a_group_has_saved(folder):
    with pytest.raises(KeyboardInterrupt):
        pretrain_together(seeds(folder, "cut", progress=cut_short), device="cpu")
    for seed in seeds(folder, "cut"):
        name, number = seed.folders.out.name, seed.spec.seed
        whole, rest = (
            run_pretraining(folder, "mae", seed.spec.options, name=each, seed=number)
            for each in (f"alone {number}", name)
        )
        curves = [json.loads((out / "curve.json").read_text())["loss"] for out in (whole, rest)]
        assert curves[1] == pytest.approx(curves[0], rel=1e-4)


def test_seeds_that_are_not_as_far_as_others_do_not_hold_them_up(folder):
    with pytest.raises(KeyboardInterrupt):
        pretrain_together(seeds(folder, "cut", progress=cut_short), device="cpu")
    group = seeds(folder, "cut")
    group[1].folders.state.unlink()
    pretrain_together(group, device="cpu")
    whole = seeds(folder, "whole")
    pretrain_together(whole, device="cpu")
    assert facts(group, "seeds_together") == [2, 1, 2]
    assert "another step" in facts(group, "why_alone")[1]
    for curve, wanted in zip(results(group)[1], results(whole)[1], strict=True):
        assert curve == pytest.approx(wanted, rel=1e-4)


def test_what_has_no_memory_is_halved(folder, monkeypatch):
    real = StackedObjective.forward

    def forward(self, view):
        if len(view.input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return real(self, view)

    whole, group = seeds(folder, "whole"), seeds(folder, "halved")
    pretrain_together(whole, device="cpu")
    monkeypatch.setattr(StackedObjective, "forward", forward)
    pretrain_together(group, device="cpu")
    assert facts(group, "seeds_together") == [1, 2, 2]
    assert "no memory" in facts(group, "why_alone")[0]
    for curve, wanted in zip(results(group)[1], results(whole)[1], strict=True):
        assert curve == pytest.approx(wanted, rel=1e-4)


def test_each_seed_is_charged_its_share(folder, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(clock)))
    group = seeds(folder, "timed")
    pretrain_together(group, device="cpu")
    ended = next(clock)
    for seconds in facts(group, "seconds"):
        assert 0 < seconds * len(SEEDS) < ended
    assert sum(facts(group, "seconds")) > ended / 2


def test_a_loss_that_is_not_finite_stops_the_group(folder):
    with pytest.raises(DivergedError):
        pretrain_together(seeds(folder, "lost", peak_lr=1e30, clip_norm=1e30), device="cpu")


def test_seeds_with_nothing_to_predict_in_some_batch_run_alone(folder):
    """AdamW would move the weights of a seed that has no gradient; alone it skips the step."""
    keep_first_row_alone(folder)
    group = [seed_of(folder, "mlm", name=f"short {seed}", seed=seed) for seed in SEEDS]
    pretrain_together(group, device="cpu")
    assert facts(group, "seeds_together") == [1, 1, 1]
    assert all("no text is long enough" in why for why in facts(group, "why_alone"))
    assert all(0 < empty < 10 for empty in facts(group, "empty_steps"))


def test_seeds_that_run_alone_have_the_memory_for_themselves(folder, monkeypatch):
    keep_first_row_alone(folder)
    opened, trained = [], []

    def alone(spec, **given):
        gc.collect()
        assert not any(run() for run in opened), "the group is still in memory"
        trained.append(spec.seed)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")

    real = together._open
    monkeypatch.setattr(together, "pretrain", alone)
    monkeypatch.setattr(together, "_open", lambda *of: remembered(real(*of), opened))
    group = [seed_of(folder, "mlm", name=f"short {seed}", seed=seed) for seed in SEEDS]
    with pytest.raises(torch.OutOfMemoryError):  # not the group's, which would be halved for it
        pretrain_together(group, device="cpu")
    assert len(opened) == len(SEEDS)
    assert trained == [0]
