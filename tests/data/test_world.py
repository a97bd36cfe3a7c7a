"""The generated world, read back by a slow parser that knows the grammar and no generator."""

import itertools
import math
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from mae_bench.data.world import SPLIT_SIZES, WORLD_TASKS, world_documents, world_task
from mae_bench.data.world_grammar import Dice, lexicon
from mae_bench.errors import DataError, UnknownNameError

LEX = lexicon()
TOPIC_OF = {word: topic for topic, words in enumerate(LEX.nouns) for word in words}
POLARITY_OF = {word: side for side, words in enumerate(LEX.adjectives) for word in words}
CLASSIFIED = {word: topic for topic, word in enumerate(LEX.classifiers)}
CUED = {word: mood for mood, word in enumerate(LEX.cues)}
DETERMINER_NUMBER = {word: number for number, words in enumerate(LEX.determiners) for word in words}
TEXTS = ("text", "text_a", "text_b")
EXAMPLES = {(name, split): world_task(name, split) for name in WORLD_TASKS for split in SPLIT_SIZES}
FIRST_WORDS = "mamu du me ka mefi ge me bevi."
FIRST_TOPIC_TEXT = "rone pepa nepo. duzo tupu dobo. mulo duki buro."


def all_words():
    for value in vars(LEX).values():
        groups = (value,) if isinstance(value, str) else value
        for group in groups:
            yield from (group,) if isinstance(group, str) else group


def sentences(text):
    assert text.endswith(".")
    return [sentence.split() for sentence in text.removesuffix(".").split(". ")]


def texts_of(example):
    return [example[field] for field in TEXTS if field in example]


class Reader:
    """Reads one sentence from left to right; fails where it breaks the grammar."""

    def __init__(self, words):
        self.words = words
        self.topics, self.meanings, self.names, self.cues = [], [], [], []
        number = self.thing()
        if self.next_is(LEX.copulas):
            assert self.take() == LEX.copulas[number], "the copula agrees with its subject"
            self.opinion()
            while self.next_is((LEX.conjunction,)):
                self.take()
                self.opinion()
        else:
            assert self.take() in LEX.verbs
            assert self.suffix(LEX.verb_plural) == number, "the verb agrees with its subject"
            if self.next_is(LEX.prepositions):
                self.take()
            self.thing()
        assert not self.words, f"left over: {self.words}"

    def take(self):
        word, *self.words = self.words
        return word

    def next_is(self, options):
        return bool(self.words) and self.words[0] in options

    def suffix(self, word):
        if self.next_is((word,)):
            self.take()
            return 1
        return 0

    def thing(self):
        if self.next_is(LEX.names):
            self.names.append(self.take())
            return 0
        determiner = DETERMINER_NUMBER[self.take()] if self.next_is(DETERMINER_NUMBER) else None
        classified = CLASSIFIED[self.take()] if self.next_is(CLASSIFIED) else None
        if self.next_is(TOPIC_OF):
            topic = TOPIC_OF[self.take()]
            assert classified in (None, topic), "the classifier agrees with its noun"
        else:
            topic = classified
            if classified is None:
                assert self.take() in LEX.plain_nouns
        self.topics.append(topic)
        number = self.suffix(LEX.noun_plural)
        assert determiner in (None, number), "the determiner agrees with its noun"
        return number

    def opinion(self):
        cue = CUED[self.take()] if self.next_is(CUED) else None
        is_negated = bool(self.suffix(LEX.negation))
        meaning = POLARITY_OF[self.take()] ^ is_negated
        assert cue in (None, meaning), "the cue agrees with the meaning"
        self.cues.append(cue)
        self.meanings.append(meaning)


def read(text):
    return [Reader(words) for words in sentences(text)]


def topics_in(text):
    return [topic for reader in read(text) for topic in reader.topics if topic is not None]


def meanings_in(text):
    return [meaning for reader in read(text) for meaning in reader.meanings]


def label_from(name, example):
    if name == "topic":
        (label, most), *others = Counter(topics_in(example["text"])).most_common()
        assert all(count < most for _, count in others)
        return label
    if name == "sentiment":
        meanings = meanings_in(example["text"])
        assert len(meanings) == 5
        return int(sum(meanings) > 2)
    first, second = example["text_a"], example["text_b"]
    if name == "entailment":
        assert topics_in(first) == topics_in(second), "both speak of the same thing"
        (premise,), (hypothesis,) = set(meanings_in(first)), set(meanings_in(second))
        return int(premise == hypothesis)
    (topic,) = set(topics_in(first))
    return float(topics_in(second).count(topic))


def test_the_words_are_few_short_and_of_one_class_each():
    words = list(all_words())
    assert len(words) == len(set(words)) < 400
    assert max(map(len, words)) <= 4


def test_each_word_becomes_one_token():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=2048, show_progress=False)
    tokenizer.train_from_iterator(world_documents(0, 600), trainer)
    text = " ".join(world_documents(600, 100))
    num_words = len(text.split()) + text.count(".")
    assert len(tokenizer.encode(text).tokens) == num_words


def test_a_document_is_a_pure_function_of_its_index():
    documents = world_documents(0, 40)
    assert world_documents(30, 10) == documents[30:]
    assert [world_documents(i, 1)[0] for i in (7, 3)] == [documents[7], documents[3]]
    assert len(set(world_documents(0, 2000))) == 2000


def test_the_language_does_not_change_unnoticed():
    """Results of different days compare only while the text of a version stays the same."""
    assert world_documents(0, 1)[0].startswith(FIRST_WORDS)
    assert EXAMPLES["topic", "train"][0]["text"] == FIRST_TOPIC_TEXT


def test_documents_are_long_and_keep_their_topic_their_mood_and_their_names():
    for text in world_documents(0, 300):
        assert 110 <= len(text.split()) <= 250
        readers = read(text)
        assert len(set(topics_in(text))) == 1
        assert len(set(meanings_in(text))) == 1
        assert len({name for reader in readers for name in reader.names}) <= 2


def test_documents_hold_what_the_labels_need():
    text = " ".join(world_documents(0, 300))
    counts = Counter(text.replace(".", "").split())
    assert set(counts) == set(all_words())
    cues = [cue for reader in read(text) for cue in reader.cues]
    assert 0.9 < 1 - cues.count(None) / len(cues) < 0.99
    assert 0.07 < counts[LEX.negation] / len(cues) < 0.13
    for words in (*LEX.nouns, *LEX.adjectives):
        uses = [counts[word] for word in words]
        assert max(uses) < 3 * min(uses), "words of a class are equally likely"


@pytest.mark.parametrize("name", WORLD_TASKS)
@pytest.mark.parametrize("split", SPLIT_SIZES)
def test_every_label_follows_from_the_text(name, split):
    for example in EXAMPLES[name, split]:
        assert label_from(name, example) == example["label"], example


@pytest.mark.parametrize("name", WORLD_TASKS)
@pytest.mark.parametrize("split", SPLIT_SIZES)
def test_examples_are_balanced_distinct_and_named(name, split):
    examples = EXAMPLES[name, split]
    assert len(examples) == SPLIT_SIZES[split]
    assert len({example["id"] for example in examples}) == len(examples)
    assert len({tuple(texts_of(example)) for example in examples}) == len(examples)
    counts = Counter(example["label"] for example in examples)
    assert max(counts.values()) - min(counts.values()) <= 1
    task = WORLD_TASKS[name]
    if task.num_labels:
        assert sorted(counts) == list(range(task.num_labels))
    else:
        assert sorted(counts) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    fields = {"id", "label", *(("text",) if task.kind == "classify" else TEXTS[1:])}
    assert all(set(example) == fields for example in examples)
    lengths = [sum(len(text.split()) for text in texts_of(example)) for example in examples]
    assert min(lengths) >= 6 and max(lengths) <= 50


@pytest.mark.parametrize("name", WORLD_TASKS)
def test_no_word_that_decides_a_test_label_occurs_in_train(name):
    deciding = {*TOPIC_OF, *POLARITY_OF}
    used = {}
    for split in SPLIT_SIZES:
        texts = [text for example in EXAMPLES[name, split] for text in texts_of(example)]
        words = [{*text.replace(".", "").split()} for text in texts]
        assert all(words_of_text & deciding for words_of_text in words), (
            "so no text stands in both splits"
        )
        used[split] = set().union(*words)
    assert not used["train"] & used["test"] & deciding
    assert used["train"] & deciding


@pytest.mark.parametrize("name", ["topic", "sentiment", "similarity"])
def test_no_sign_gives_a_class_away(name):
    signs = {*LEX.classifiers, *LEX.cues}
    for example in EXAMPLES[name, "train"] + EXAMPLES[name, "test"]:
        assert not signs & {word for text in texts_of(example) for word in text.rstrip(".").split()}


def test_calls_give_equal_examples():
    assert world_task("entailment", "test") == EXAMPLES["entailment", "test"]
    assert world_task("topic", "test") is not EXAMPLES["topic", "test"]


def test_sentiment_needs_the_position_of_the_negation():
    """A reader of all classes without order is bounded, and the bound is what is written."""
    rate = Fraction(1, 4)
    chances = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for label, num_against in itertools.product((0, 1), (0, 1)):
        moods = [1 - label] * num_against + [label] * (5 - num_against)
        for negated in itertools.product((0, 1), repeat=5):
            bag = sum(m ^ n for m, n in zip(moods, negated, strict=True)), sum(negated)
            chance = math.prod(rate if n else 1 - rate for n in negated) / 4
            chances[bag][label] += chance
    bound = float(sum(max(pair) for pair in chances.values()))
    assert bound == pytest.approx(0.89, abs=0.005)

    def right(example):
        words = example["text"].replace(".", "").split()
        bag = sum(POLARITY_OF.get(word, 0) for word in words), words.count(LEX.negation)
        return (chances[bag][1] > chances[bag][0]) == example["label"]

    measured = [right(example) for split in SPLIT_SIZES for example in EXAMPLES["sentiment", split]]
    assert sum(measured) / len(measured) == pytest.approx(bound, abs=0.03)


def test_counted_words_do_not_reach_the_test_split():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    for name, chance in (("topic", 1 / 8), ("sentiment", 1 / 2)):
        train, test = EXAMPLES[name, "train"], EXAMPLES[name, "test"]
        words = CountVectorizer()
        features = words.fit_transform([example["text"] for example in train])
        model = LogisticRegression(max_iter=500).fit(features, [e["label"] for e in train])
        accuracy = model.score(
            words.transform([e["text"] for e in test]), [e["label"] for e in test]
        )
        assert abs(accuracy - chance) < 0.06


def test_dice_shuffle_and_range():
    dice = Dice(1, 2)
    assert sorted(dice.shuffled([3, 1, 2, 2])) == [1, 2, 2, 3]
    draws = [dice.below(3) for _ in range(600)]
    assert sorted(set(draws)) == [0, 1, 2]
    assert [Dice(5, 6).uniform(), Dice(5, 7).uniform()] != [Dice(5, 6).uniform()] * 2


def test_a_wrong_request_says_what_there_is():
    with pytest.raises(UnknownNameError, match=r"'sentment'.*Did you mean 'sentiment'"):
        world_task("sentment", "train")
    with pytest.raises(DataError, match="train, test; got 'dev'"):
        world_task("topic", "dev")
    with pytest.raises(DataError, match="got start -1 and count 3"):
        world_documents(-1, 3)
