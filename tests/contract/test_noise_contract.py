"""What every registered noise must hold."""

import random

import pytest
from noise_tables import CHINESE, ENGLISH, OF_TEXT, TABLES, noisy

from mae_bench.data.noises import NOISES, NoiseContext, noise_of

TEXTS = [
    "A plain sentence, with words.",
    "",
    "人人生而自由",
    "x",
    "two  spaces\tand a tab",
    ENGLISH,
]
IDS = [f"test-{i}" for i in range(len(TEXTS))]


@pytest.mark.parametrize("name", NOISES.names())
class TestNoise:
    def test_rate_zero_is_the_identity(self, name):
        assert noisy(name, 0.0, TEXTS) == TEXTS
        context = NoiseContext("en", TABLES.get(name))
        for text in TEXTS:
            assert noise_of(name).change(text, 0.0, random.Random(0), context) == text

    def test_it_is_pure_and_independent_of_order(self, name):
        once = noisy(name, 0.5, TEXTS, IDS)
        assert once == noisy(name, 0.5, TEXTS, IDS)
        assert once[::-1] == noisy(name, 0.5, TEXTS[::-1], IDS[::-1])

    def test_it_leaves_the_global_generator_alone(self, name):
        random.seed(3)
        expected = random.Random(3).random()
        noisy(name, 0.5, TEXTS)
        assert random.random() == expected

    def test_it_gives_text_for_text(self, name):
        out = noisy(name, 1.0, TEXTS)
        assert len(out) == len(TEXTS)
        assert all(isinstance(text, str) for text in out)

    def test_it_says_what_it_does(self, name):
        assert noise_of(name).summary


@pytest.mark.parametrize("name", OF_TEXT)
class TestNoiseOfText:
    @pytest.mark.parametrize(("language", "text"), [("en", ENGLISH), ("zh", CHINESE)])
    def test_it_acts_on_each_language_that_it_does_not_refuse(self, name, language, text):
        if noise_of(name).refusal(language):
            return
        texts = [text] * 8
        assert noisy(name, 1.0, texts, language=language) != texts

    def test_what_is_untouched_at_a_rate_is_untouched_below(self, name):
        texts = [ENGLISH] * 40
        at = {rate: noisy(name, rate, texts) for rate in (0.05, 0.2, 0.4)}
        for low, high in ((0.05, 0.2), (0.2, 0.4)):
            for text, below, above in zip(texts, at[low], at[high], strict=True):
                assert above != text or below == text

    def test_words_stay_in_step_where_it_says_so(self, name):
        if not noise_of(name).keeps_words:
            return
        for text in (*TEXTS, CHINESE):
            for out in noisy(name, 0.7, [text] * 20):
                assert [c for c in out if c.isspace()] == [c for c in text if c.isspace()]
