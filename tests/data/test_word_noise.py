"""Noise on texts whose words have labels: words stay in step; what would move them is refused."""

import itertools

import pytest
from registries import set_apart
from small_cases import small_spec, small_task

from mae_bench.data.noise import NOISES, apply_noise, noise_of
from mae_bench.data.words import join_words, split_words
from mae_bench.errors import DataError, SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.protocols.splits import Splits
from mae_bench.specs import NoiseSpec

WORDS = ["Mary", "Slessor", "", "of the", "\u200b", "42", "unbelievable"]
TYPOS = NoiseSpec(name="typos", rate=0.4, where="both")


@pytest.fixture
def noises(monkeypatch):
    set_apart(monkeypatch)


def noisy(name, words, rate=0.4, seed=0, example="train-1"):
    (text,) = apply_noise(
        NoiseSpec(name=name, rate=rate),
        [join_words(words)],
        [example],
        task="t",
        split="train",
        seed=seed,
        is_by_word=True,
    )
    return split_words(text)


def add(name, function):
    function.keeps_words = True
    NOISES.register(name)(function)


def test_every_word_stays_in_its_place_whatever_noise_makes_of_it(noises):
    add("vowels_out", lambda text, rate, rng: "".join(c for c in text if c not in "aeiou"))
    add("split", lambda text, rate, rng: "\n".join(text))
    assert noisy("vowels_out", ["idea", "a", "of the"]) == ["d", "a", "f th"]
    assert noisy("split", ["ab", "c"]) == ["ab", "c"]
    for seed in range(20):
        changed = noisy("typos", WORDS, rate=0.9, seed=seed)
        assert len(changed) == len(WORDS)
        assert changed[2] == "" and changed[4] == "\u200b" and changed[5] == "42"
        assert [word.count(" ") for word in changed] == [word.count(" ") for word in WORDS]


def test_words_of_one_form_draw_apart_and_rates_nest():
    words = ["unbelievable"] * 12
    assert len(set(noisy("typos", words))) > 6
    clean = [
        [a == b for a, b in zip(noisy("typos", words, rate), words, strict=True)]
        for rate in (0.02, 0.1, 0.4)
    ]
    for few, more in itertools.pairwise(clean):
        assert all(before or not after for before, after in zip(few, more, strict=True))


def test_a_noise_that_draws_more_at_a_higher_rate_moves_no_other_word(noises):
    def greedy(text, rate, rng):
        draws = [rng.random() for _ in range(1 + int(100 * rate))]
        return f"{text}{draws[0]:.3f}"

    add("greedy", greedy)
    assert noisy("greedy", WORDS, 0.1) == noisy("greedy", WORDS, 0.5)


def test_a_noise_that_moves_words_is_refused_where_they_have_labels():
    with pytest.raises(DataError, match="noise 'drop_words' drops or moves words"):
        noisy("drop_words", WORDS)


def test_every_protocol_reads_words_that_fit_their_tags():
    data = small_task("tag")
    splits = Splits(small_spec("finetune", data, train_noise=TYPOS), data)
    for part, clean in (
        (splits.train, None),
        (splits.selection, data.selection),
        (splits.test(TYPOS), data.test),
    ):
        sizes = [len(split_words(text)) for text in part.texts[0]]
        assert sizes == [len(tags) for tags in part.labels]
        assert clean is None or part.texts != clean.texts


STUDY = {"name": "s", "objectives": ["mlm"], "protocols": ["finetune"], "train_sizes": [20]}


def test_a_noise_that_moves_words_is_refused_where_words_have_labels(noises):
    @NOISES.register("shuffled")
    def shuffled(text, rate, rng):
        return " ".join(sorted(text.split()))

    assert not noise_of("shuffled").keeps_words and noise_of("typos").keeps_words
    noise = ["clean", {"shuffled": {"rate": 0.1}}]
    with pytest.raises(SpecError) as refused:
        make_plan(study_of({**STUDY, "noise": noise, "tasks": ["sst2", "resume_ner"]}), None)
    assert str(refused.value) == (
        "noise: 'shuffled' drops or moves words, and each word of task 'resume_ner' has its own "
        "label; leave that noise out, or put the task into a study of its own"
    )
    assert make_plan(study_of({**STUDY, "noise": noise, "tasks": ["sst2"]}), None)
    assert make_plan(study_of({**STUDY, "noise": ["clean"], "tasks": ["resume_ner"]}), None)
