"""What a process keeps is what reading again would give, and it is bounded."""

import shutil

import pytest
import torch
from cachetools import LRUCache
from small_cases import save_encoder

from mae_bench.data import noise
from mae_bench.data.noise import apply_noise
from mae_bench.model.backbone import load_backbone
from mae_bench.progress import silent
from mae_bench.runner.executors import local
from mae_bench.specs import NoiseSpec
from mae_bench.store import artefact
from mae_bench.store import store as stores
from mae_bench.store.store import Store
from mae_bench.tasks import TASKS, build_task, load_task
from mae_bench.training import token_cache
from mae_bench.training.batching import load_tokenizer, tokenize

TEXTS = ["the red house of the blue stone", "blue", "the house"]


@pytest.fixture
def encoder(tmp_path):
    return save_encoder(tmp_path / "encoder")


def ids(tokenizer, *columns, max_length=16):
    read = tokenize(tokenizer, columns, max_length=max_length, vocab_size=9_999, device="cpu")
    return [row[:length].tolist() for row, length in zip(read.ids, read.lengths, strict=True)]


def plain(tokenizer, *columns, max_length=16):
    return tokenizer(*columns, truncation="longest_first", max_length=max_length)["input_ids"]


def test_each_length_has_its_own_ids(encoder):
    tokenizer = load_tokenizer(encoder)
    for length in (16, 5, 16, 4):
        wanted = plain(tokenizer, TEXTS, max_length=length)
        assert ids(tokenizer, TEXTS, max_length=length) == wanted


def test_a_pair_is_not_its_first_text(encoder):
    tokenizer = load_tokenizer(encoder)
    turned = TEXTS[::-1]
    for columns in ((TEXTS,), (TEXTS, turned), (turned,), (turned, TEXTS)):
        assert ids(tokenizer, *columns) == plain(tokenizer, *columns)


def test_each_tokenizer_has_its_own_ids(encoder, tmp_path):
    other = shutil.copytree(encoder, tmp_path / "other")
    written = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(written.replace('"red"', '"rad"'))
    first, second = load_tokenizer(encoder), load_tokenizer(other)
    assert ids(first, TEXTS) == plain(first, TEXTS) != plain(second, TEXTS)
    assert ids(second, TEXTS) == plain(second, TEXTS)


def test_checkpoints_with_the_same_tokenizer_share_it(encoder, tmp_path):
    copy = shutil.copytree(encoder, tmp_path / "copy")
    (copy / "cost.json").write_text("{}")
    (copy / "model.safetensors").write_bytes(b"other weights")
    assert load_tokenizer(copy) is load_tokenizer(encoder)


def test_a_text_is_tokenised_once():
    asked = []

    def encode(columns):
        asked.extend(columns[0])
        return [[len(text)] for text in columns[0]]

    class Tokenizer:
        pass

    tokenizer = Tokenizer()
    for texts in (["a", "bb", "a"], ["bb", "ccc"], ["ccc", "a"]):
        ids_by_text = token_cache.token_ids(tokenizer, (texts,), 8, encode)
        assert [row.tolist() for row in ids_by_text] == [[len(text)] for text in texts]
    assert asked == ["a", "bb", "ccc"]


def test_token_ids_in_memory_are_bounded(encoder, monkeypatch):
    bound = 2_000
    held = LRUCache(bound, getsizeof=lambda held: held[1])
    monkeypatch.setattr(token_cache, "_held", held)
    monkeypatch.setattr(token_cache, "MAX_BYTES", bound)
    tokenizer = load_tokenizer(encoder)
    texts = [f"the {word} house" * times for word in ("red", "blue") for times in range(1, 99)]
    assert ids(tokenizer, texts, max_length=64) == plain(tokenizer, texts, max_length=64)
    assert 0 < held.currsize <= bound


def test_noise_from_memory_is_that_of_its_seed_rate_task_and_split():
    texts = ["something about letters", "and some more of them"]
    asked = [
        (rate, task, split, seed, names)
        for rate in (0.2, 0.5)
        for task in ("one", "two")
        for split in ("test", "train")
        for seed in (0, 1)
        for names in (["a", "b"], ["b", "a"])
    ]

    def noisy(rate, task, split, seed, names):
        spec = NoiseSpec(name="typos", rate=rate)
        return apply_noise(spec, texts, names, task=task, split=split, seed=seed)

    kept = [noisy(*each) for each in asked]
    for each, noised in zip(asked, kept, strict=True):
        noise._noisy.cache_clear()
        assert noisy(*each) == noised
    assert len({tuple(noised) for noised in kept}) == len(kept)
    assert noise._noisy.cache.maxsize == noise.MAX_CHARACTERS


def test_a_task_is_read_once_and_again_where_it_changed(tmp_path):
    for name, folder in (("world/topic", "one"), ("world/sentiment", "two")):
        build_task(TASKS.get(name), tmp_path / folder, None, silent)
    one, two = load_task(tmp_path / "one"), load_task(tmp_path / "two")
    assert load_task(tmp_path / "one") is one
    assert (one.task.name, two.task.name) == ("world/topic", "world/sentiment")
    shutil.copy(tmp_path / "two" / "test.parquet", tmp_path / "one" / "test.parquet")
    again = load_task(tmp_path / "one")
    assert again.test.texts == two.test.texts and again.train.texts == one.train.texts


def test_each_reader_of_a_checkpoint_has_weights_of_its_own(encoder):
    first = load_backbone(encoder)
    wanted = first.embedding.weight.detach().clone()
    with torch.no_grad():
        first.embedding.weight.zero_()
    assert torch.equal(load_backbone(encoder).embedding.weight, wanted)


def test_dropout_is_that_which_was_asked_for(encoder):
    def rates(dropout):
        modules = load_backbone(encoder, dropout).modules()
        return {module.p for module in modules if isinstance(module, torch.nn.Dropout)}

    own = rates(None)
    assert rates(0.25) == {0.25} != own
    assert rates(None) == own


def test_a_checkpoint_that_was_written_again_is_read_again(encoder, tmp_path):
    changed = load_backbone(encoder)
    with torch.no_grad():
        changed.embedding.weight.add_(1.0)
    changed.encoder.save_pretrained(tmp_path / "new")
    shutil.copy(tmp_path / "new" / "model.safetensors", encoder)
    assert torch.equal(load_backbone(encoder).embedding.weight, changed.embedding.weight)


def test_a_large_encoder_is_not_kept(encoder, monkeypatch):
    from mae_bench.model import backbone

    monkeypatch.setattr(backbone, "MAX_BYTES", 10)
    monkeypatch.setattr(backbone, "_encoders", LRUCache(10, getsizeof=backbone._num_bytes))
    assert load_backbone(encoder).width == load_backbone(encoder).width
    assert not backbone._encoders


@pytest.mark.parametrize("limit_s", [0.0, 1e9])
def test_only_what_took_long_waits_for_the_disk(tmp_path, monkeypatch, limit_s):
    synced = []
    monkeypatch.setattr(stores, "SYNC_FROM_S", limit_s)
    monkeypatch.setattr(artefact, "sync", synced.append)
    store = Store(tmp_path).open()
    with store.build("task", "a", {}) as out:
        (out / "file").write_text("text")
    assert bool(synced) is (limit_s == 0)
    assert store.is_done("task", "a") and store.damage("task", "a") is None


def test_a_worker_lives_until_it_holds_much(monkeypatch):
    assert local.resident_bytes() is None or local.resident_bytes() > 1 << 20
    for held, num_run, is_tired in (
        (1 << 30, 500, False),
        (3 << 30, 1, True),
        (None, 59, False),
        (None, 60, True),
    ):
        monkeypatch.setattr(local, "resident_bytes", lambda held=held: held)
        assert local.is_tired(num_run) is is_tired
