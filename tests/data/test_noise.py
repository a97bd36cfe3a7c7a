"""Typos: what each operator may do, how many letters change, and what stays untouched."""

import random

import pytest

from mae_bench.data.noise import apply_noise
from mae_bench.data.noises.keyboards import neighbours
from mae_bench.data.noises.typos import typos
from mae_bench.errors import DataError, UnknownNameError
from mae_bench.specs import NoiseSpec

NEIGHBOURS = neighbours("en")
TEXT = "The quick brown fox jumps over the lazy dog, again and again, in 2024."


def noisy(texts, ids=None, **fields):
    ids = ids or [f"test-{i}" for i in range(len(texts))]
    spec = NoiseSpec(name="typos", **{"rate": 0.3, **fields})
    return apply_noise(spec, texts, ids, task="toy", split="test", seed=0)


def distance(a, b):
    """Return the edit distance with swaps of neighbours as one edit (optimal string alignment)."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_the_rate_is_the_share_of_letters_mistyped(rate):
    texts = [TEXT] * 300
    letters = sum(letter.isalpha() for letter in TEXT) * len(texts)
    edits = sum(map(distance, texts, noisy(texts, rate=rate)))
    assert edits / letters == pytest.approx(rate, rel=0.08)


def test_operators_are_equally_likely_inside_words():
    kinds = {"shorter": 0, "longer": 0, "swapped": 0, "replaced": 0}
    for i in range(6000):
        rng = random.Random(i)
        out = typos("abcdefghijklmnop", 0.02, rng)
        if distance("abcdefghijklmnop", out) != 1:
            continue
        if len(out) != 16:
            kinds["shorter" if len(out) < 16 else "longer"] += 1
        else:
            kinds["swapped" if sorted(out) == sorted("abcdefghijklmnop") else "replaced"] += 1
    total = sum(kinds.values())
    assert total > 1000
    for count in kinds.values():
        assert count / total == pytest.approx(0.25, abs=0.05)


def test_neighbours_touch_on_the_keyboard():
    assert set(NEIGHBOURS["s"]) == set("awedzx")
    assert set(NEIGHBOURS["q"]) == set("wa")
    assert all(a in NEIGHBOURS[b] for a, keys in NEIGHBOURS.items() for b in keys)


def test_capitals_stay_capitals():
    texts = ["ABCDEFGHIJ"] * 50
    assert all(out.isupper() for out in noisy(texts, rate=0.5))


def test_spaces_digits_and_points_stay(tmp_path):
    for out in noisy([TEXT] * 100, rate=0.5):
        assert "".join(c for c in out if not c.isalpha()) == "".join(
            c for c in TEXT if not c.isalpha()
        )


def test_words_of_one_letter_stay_words():
    assert all(len(out.split()) == 3 for out in noisy(["a b c"] * 100, rate=1.0))


def test_letters_outside_the_keyboard_change_too():
    texts = ["人人生而自由在尊严和权利上一律平等"] * 20
    assert all(out != text for out, text in zip(noisy(texts, rate=0.5), texts, strict=True))


def test_the_two_texts_of_a_pair_get_their_own_typos():
    one, two = noisy(["abcdefghijklmnopqrst x"], ["i"]), noisy(["abcdefghijklmnopqrst y"], ["i"])
    assert one[0][:-1] != two[0][:-1]


def test_seed_task_and_split_each_move_the_noise():
    spec = NoiseSpec(name="typos", rate=0.3)
    axes = [("a", "test", 0), ("b", "test", 0), ("a", "train", 0), ("a", "test", 1)]
    outs = {
        apply_noise(spec, [TEXT], ["i"], task=task, split=split, seed=seed)[0]
        for task, split, seed in axes
    }
    assert len(outs) == 4


def test_an_unknown_noise_gets_the_nearest_name():
    spec = NoiseSpec(name="typo", rate=0.1)
    with pytest.raises(UnknownNameError, match=r"unknown noise 'typo'.*Did you mean 'typos'\?"):
        apply_noise(spec, ["a"], ["i"], task="t", split="test", seed=0)


def test_texts_and_ids_must_match():
    with pytest.raises(DataError, match="got 2 texts and 1 ids"):
        noisy(["a", "b"], ["i"])
