"""Noise on any text: rate 0 is the identity, and neither order nor company matters."""

from hypothesis import given
from hypothesis import strategies as st

from mae_bench.data.noise import apply_noise
from mae_bench.specs import NoiseSpec

TEXTS = st.lists(st.text(max_size=40), max_size=8)
RATES = st.floats(0, 1)


def noisy(texts, ids, rate, seed=0):
    spec = NoiseSpec(name="typos", rate=rate)
    return apply_noise(spec, texts, ids, task="t", split="test", seed=seed)


@given(TEXTS)
def test_rate_zero_is_the_identity(texts):
    ids = [str(i) for i in range(len(texts))]
    assert noisy(texts, ids, 0.0) == texts


@given(TEXTS, RATES, st.integers(-5, 5))
def test_the_same_call_gives_the_same_text(texts, rate, seed):
    ids = [str(i) for i in range(len(texts))]
    assert noisy(texts, ids, rate, seed) == noisy(texts, ids, rate, seed)


@given(TEXTS, RATES, st.randoms())
def test_order_and_company_do_not_matter(texts, rate, rng):
    ids = [str(i) for i in range(len(texts))]
    whole = dict(zip(ids, noisy(texts, ids, rate), strict=True))
    order = list(range(len(texts)))
    rng.shuffle(order)
    for i in order:
        assert noisy([texts[i]], [ids[i]], rate) == [whole[ids[i]]]


@given(st.text(max_size=60), RATES)
def test_what_is_no_letter_stays(text, rate):
    (out,) = noisy([text], ["i"], rate)
    # capital letters may have no single-letter form, so only compare what is no letter
    assert [c for c in out if not c.isalpha()] == [c for c in text if not c.isalpha()]


@given(st.text(alphabet="abcdefghij ", max_size=60), RATES, RATES)
def test_a_text_untouched_at_a_rate_is_untouched_below(text, one, two):
    low, high = sorted((one, two))
    if noisy([text], ["i"], high) == [text]:
        assert noisy([text], ["i"], low) == [text]
