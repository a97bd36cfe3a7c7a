"""What a seed moves: every stream of its own, one at a time, and the same for the same seed."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_blocks import run_pretraining, write_blocks
from small_cases import save_encoder, small_spec, small_task

import mae_bench.pretraining.run as running
import mae_bench.pretraining.step as step
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.progress import silent
from mae_bench.protocols.finetune import run
from mae_bench.protocols.splits import Splits
from mae_bench.specs import Budget, NoiseSpec
from mae_bench.training.batching import training_batches
from mae_bench.training.dropout_seed import seeded_dropout

TYPOS = NoiseSpec(name="typos", rate=0.3, where="both")
SEEDS = (0, 1, 2)


def splits_of(data, seed, **changes):
    return Splits(small_spec("finetune", data, seed=seed, train_noise=TYPOS, **changes), data)


@pytest.mark.parametrize("kind", ["classify", "pair"])
def test_each_seed_reads_its_own_typos_in_every_part(kind):
    data = small_task(kind)
    by_seed = {seed: splits_of(data, seed) for seed in SEEDS}
    for part in ("selection", "test", "train"):
        texts = {}
        for seed, splits in by_seed.items():
            examples = splits.test(TYPOS) if part == "test" else getattr(splits, part)
            order = np.argsort(examples.ids)  # the subset's order is another stream
            texts[seed] = tuple(examples.texts[-1][index] for index in order)
        assert len(set(texts.values())) == len(SEEDS), part
    again = splits_of(data, 0)
    assert again.test(TYPOS).texts == by_seed[0].test(TYPOS).texts
    assert again.selection.texts == by_seed[0].selection.texts


def test_the_same_text_has_other_typos_in_another_part():
    data = small_task("classify", selection=24, test=24)
    data = dataclasses.replace(data, test=data.selection)
    splits = splits_of(data, 0)
    assert splits.test(TYPOS).ids == splits.selection.ids
    assert splits.test(TYPOS).texts != splits.selection.texts


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_each_seed_trains_on_its_own_subset(kind):
    data = small_task(kind, train=60)
    chosen = {
        tuple(sorted(Splits(small_spec("finetune", data, train_size=12, seed=s), data).train.ids))
        for s in SEEDS
    }
    assert len(chosen) == len(SEEDS)


@pytest.fixture
def folder(tmp_path):
    write_blocks(tmp_path / "blocks")
    return tmp_path


@pytest.mark.parametrize("objective", ["mlm", "mae"])
def test_each_seed_starts_from_weights_of_its_own(folder, objective):
    files = ("model.safetensors", "objective.safetensors")
    still = {"budget": Budget(steps=1), "peak_lr": 1e-12}
    starts = [run_pretraining(folder, objective, seed=s, name=str(s), **still) for s in (0, 1)]
    for file in files:
        first, second = (load_file(out / file) for out in starts)
        drawn = [name for name, value in first.items() if value.ndim == 2 and value.std() > 1e-6]
        assert drawn
        assert not any(torch.allclose(first[name], second[name], atol=1e-6) for name in drawn)


def test_each_seed_has_rows_and_masks_of_its_own(folder, monkeypatch):
    made = []
    real = step.Draws
    monkeypatch.setattr(step, "Draws", lambda *args: made.append(real(*args)) or made[-1])
    for seed in (0, 1):
        run_pretraining(folder, "mlm", seed=seed, name=str(seed), budget=Budget(steps=3))
    first, second = made[:3], made[3:6]
    assert any(a.row_ids.tolist() != b.row_ids.tolist() for a, b in zip(first, second, strict=True))
    same_rows = dataclasses.replace(second[0], row_ids=first[0].row_ids)
    assert not torch.equal(first[0].uniform("which", 24), same_rows.uniform("which", 24))


def test_a_vocabulary_head_starts_from_its_seed_whatever_was_drawn_before():
    heads = []
    for seed, torch_seed in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(torch_seed)
        heads.append(VocabularyHead(8, 8, 20, seed=seed).dense.weight)
    first, again, other = heads
    assert torch.equal(first, again) and not torch.equal(first, other)


def dropped(folder, monkeypatch, seed):
    """Return what dropout lets pass in each step, where it sees ones."""
    seen = []

    class Watching(torch.nn.Dropout):
        def forward(self, given):
            if self.training:  # rows are also read before the first step, and nothing drops then
                seen.append(super().forward(torch.ones_like(given)))
            return given

    real = running.build_backbone

    def build(*args):
        backbone = real(*args)
        backbone.encoder.embeddings.drop = Watching(0.5)
        return backbone

    with monkeypatch.context() as patched:
        patched.setattr(running, "build_backbone", build)
        run_pretraining(folder, "mlm", seed=seed, name=f"dropped {seed}", budget=Budget(steps=3))
    return seen[:3]


def test_each_step_and_each_seed_has_dropout_of_its_own(folder, monkeypatch):
    first, second = (dropped(folder, monkeypatch, seed) for seed in (0, 1))
    assert 0.4 < float((first[0] > 0).float().mean()) < 0.6
    for one, other in ((first[0], first[1]), (first[1], first[2]), (first[0], second[0])):
        assert not torch.equal(one, other)
    again = dropped(folder, monkeypatch, 0)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def test_each_seed_fine_tunes_from_a_head_of_its_own(encoder):
    data = small_task("classify")
    losses = set()
    for seed in SEEDS:
        spec = small_spec("finetune", data, seed=seed, recipe={"learning_rates": (1e-12,)})
        result = run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
        losses.add(result.trials[0].loss)
    assert len(losses) == len(SEEDS)


def test_each_seed_task_and_epoch_orders_the_batches_anew():
    lengths = np.full(40, 5)

    def order(task, seed):
        batches = training_batches(
            lengths, batch_size=8, bucket_batches=2, steps=10, task=task, seed=seed
        )
        return [batch.tolist() for batch in batches]

    first = order("a", 0)
    assert first == order("a", 0)
    assert first[:5] != order("a", 1)[:5] and first[:5] != order("b", 0)[:5]
    epochs = first[:5], first[5:]
    assert sorted(epochs[0]) != sorted(epochs[1])
    assert all(sorted(np.concatenate(epoch)) == list(range(40)) for epoch in epochs)


def test_each_seed_and_task_fine_tunes_under_dropout_of_its_own():
    drawn = []
    for task, seed in (("a", 0), ("a", 1), ("b", 0), ("a", 0)):
        with seeded_dropout(task, seed, "cpu"):
            drawn.append(tuple(torch.rand(4).tolist()))
    assert len(set(drawn)) == 3 and drawn[0] == drawn[3]
