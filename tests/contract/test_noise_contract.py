"""What every registered noise must hold."""

import random

import pytest

from mae_bench.data.noise import NOISES, apply_noise
from mae_bench.specs import CLEAN, NoiseSpec

TEXTS = ["A plain sentence, with words.", "", "人人生而自由", "x", "two  spaces\tand a tab"]
IDS = [f"test-{i}" for i in range(len(TEXTS))]


def noisy(name, rate, texts=TEXTS, ids=IDS):
    spec = CLEAN if name == CLEAN.name else NoiseSpec(name=name, rate=rate)
    return apply_noise(spec, texts, ids, task="t", split="test", seed=0)


@pytest.mark.parametrize("name", NOISES.names())
class TestNoise:
    def test_rate_zero_is_the_identity(self, name):
        assert noisy(name, 0.0) == TEXTS
        for text in TEXTS:
            assert NOISES.get(name)(text, 0.0, random.Random(0)) == text

    def test_it_is_pure_and_independent_of_order(self, name):
        once = noisy(name, 0.5)
        assert once == noisy(name, 0.5)
        assert once[::-1] == noisy(name, 0.5, TEXTS[::-1], IDS[::-1])

    def test_it_leaves_the_global_generator_alone(self, name):
        random.seed(3)
        expected = random.Random(3).random()
        noisy(name, 0.5)
        assert random.random() == expected

    def test_it_gives_text_for_text(self, name):
        out = noisy(name, 1.0)
        assert len(out) == len(TEXTS)
        assert all(isinstance(text, str) for text in out)

    def test_it_says_what_it_does(self, name):
        assert NOISES.get(name).__doc__
