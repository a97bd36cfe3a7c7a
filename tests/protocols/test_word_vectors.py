"""Vectors of words that cells of one process share, and the encoder that they keep."""

import numpy as np
import pytest
from small_cases import save_encoder, small_task

from mae_bench.model.backbone import load_backbone
from mae_bench.protocols import frozen_encoder, word_vectors
from mae_bench.protocols.word_vectors import WordReader
from mae_bench.specs import WordProbeRecipe
from mae_bench.tasks import kind_of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def nothing_held():
    word_vectors._held.clear()
    frozen_encoder._kept.clear()


def reader(encoder, **fields):
    recipe = WordProbeRecipe(**{"max_length": 16, "precision": "fp32"} | fields)
    return WordReader(encoder, kind_of(small_task("tag").task), recipe, "cpu")


def by_text(words):
    """Return the vectors of each text's words."""
    counts = [int(is_read.sum()) for is_read in words.is_read]
    return np.split(words.vectors, np.cumsum(counts)[:-1])


def test_a_word_has_the_same_bits_beside_other_texts(encoder):
    test = small_task("tag", test=30).test
    together = by_text(reader(encoder).read(test))
    for part in ([4, 17, 4], [29], range(10, 25)):
        word_vectors._held.clear()
        alone = by_text(reader(encoder).read(test.take(np.array(part))))
        assert all(map(np.array_equal, alone, [together[i] for i in part]))


def test_what_is_held_is_not_encoded_again_and_costs_the_same(encoder, monkeypatch):
    test = small_task("tag", test=30).test
    first, again = reader(encoder), reader(encoder)
    words = first.read(test)
    monkeypatch.setattr(word_vectors, "fixed_batches", None)  # would raise if it were called
    assert np.array_equal(again.read(test).vectors, words.vectors)
    assert again.operations.total == first.operations.total > 0


def test_what_is_held_on_a_gpu_holds_nothing_else(encoder, monkeypatch):
    monkeypatch.setattr(WordReader, "_is_on_gpu", True)
    test = small_task("tag", test=30).test
    on_gpu = reader(encoder).read(test)
    held = [vectors for vectors, _ in word_vectors._held.values()]
    assert all(each.untyped_storage().nbytes() == each.nbytes for each in held)
    word_vectors._held.clear()
    monkeypatch.undo()
    assert np.array_equal(reader(encoder).read(test).vectors, on_gpu.vectors)


@pytest.mark.parametrize("change", [{"max_length": 4}, {"batch_size": 3}, {"precision": "bf16"}])
def test_another_recipe_or_encoder_shares_nothing(encoder, tmp_path, change):
    test = small_task("tag", test=8).test
    reader(encoder).read(test)
    held = len(word_vectors._held)
    reader(encoder, **change).read(test)
    reader(save_encoder(tmp_path, seed=1)).read(test)
    numbers = {number for number, *_ in word_vectors._held}
    assert len(numbers) == 3 and len(word_vectors._held) > 2 * held - 8


def test_an_encoder_is_read_once_until_its_files_change(tmp_path, monkeypatch):
    asked = []

    def load(folder):
        asked.append(folder)
        return load_backbone(folder)

    monkeypatch.setattr(frozen_encoder, "load_backbone", load)
    save_encoder(tmp_path)
    first = frozen_encoder.frozen_encoder(tmp_path, "cpu")
    assert frozen_encoder.frozen_encoder(tmp_path, "cpu") is first and len(asked) == 1
    assert not first.training
    save_encoder(tmp_path, seed=1)
    assert frozen_encoder.frozen_encoder(tmp_path, "cpu") is not first and len(asked) == 2


def test_one_encoder_is_kept_and_none_that_is_large(encoder, tmp_path, monkeypatch):
    frozen_encoder.frozen_encoder(encoder, "cpu")
    frozen_encoder.frozen_encoder(save_encoder(tmp_path), "cpu")
    assert len(frozen_encoder._kept) == 1
    frozen_encoder._kept.clear()
    monkeypatch.setattr(frozen_encoder, "MAX_BYTES", 1000)
    frozen_encoder.frozen_encoder(encoder, "cpu")
    assert not frozen_encoder._kept
