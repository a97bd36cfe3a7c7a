"""Metrics of answers against the official rules of SQuAD and CMRC 2018, written plainly here."""

# ruff: noqa: RUF001 (full-width signs are what is tested)

import collections
import random
import re
import string

import pytest

from mae_bench.tasks.kinds import objects
from mae_bench.tasks.metrics import METRICS

ENGLISH = [
    "the",
    "The",
    "a",
    "an",
    "cat",
    "Cat",
    "cat's",
    "U.S.",
    "U",
    "1,000",
    "—",
    "!",
    "the cat",
]
CHINESE = [
    "范",
    "廷",
    "颂",
    "1963年",
    "3.5",
    "NBA",
    "nba",
    "，",
    "。",
    "（",
    "）",
    "…",
    "……",
    " ",
    "-",
]
ADVERSARIAL = [
    ([], ""),
    ([], "the"),
    ([], "cat"),
    (["cat"], ""),
    (["the", "an"], "a"),
    (["the"], ""),
    (["."], "the"),
    (["cat cat cat"], "cat"),
    (["cat"], "cat cat cat"),
    (["a cat", "the dog"], "Dog!"),
    (["cat，dog"], "cat dog"),
    (["ｃａｔ"], "cat"),
    (["anthem"], "them"),
    (["a\u00a0cat"], "cat"),
]


def squad_normal(text):
    text = text.lower()
    text = "".join(sign for sign in text if sign not in set(string.punctuation))
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


def squad_f1(gold, predicted):
    gold, predicted = squad_normal(gold).split(), squad_normal(predicted).split()
    common = collections.Counter(gold) & collections.Counter(predicted)
    if len(gold) == 0 or len(predicted) == 0:
        return int(gold == predicted)
    if sum(common.values()) == 0:
        return 0
    precision = sum(common.values()) / len(predicted)
    recall = sum(common.values()) / len(gold)
    return 2 * precision * recall / (precision + recall)


def squad_2(answers, predicted):
    golds = [answer for answer in answers if squad_normal(answer)] or [""]
    exact = max(int(squad_normal(gold) == squad_normal(predicted)) for gold in golds)
    return exact, max(squad_f1(gold, predicted) for gold in golds)


def squad_1(answers, predicted):
    """Return 1.1's scores, which keep every answer and give 0 where no word is shared."""
    f1 = 0.0
    for gold in answers:
        right, words = squad_normal(gold).split(), squad_normal(predicted).split()
        shared = sum((collections.Counter(right) & collections.Counter(words)).values())
        if shared:
            precision, recall = shared / len(words), shared / len(right)
            f1 = max(f1, 2 * precision * recall / (precision + recall))
    return max(int(squad_normal(gold) == squad_normal(predicted)) for gold in answers), f1


SIGNS = [*"-:_*^/\\~`+=，。：？！“”；’《》", "……", *"·、「」（）－～『』"]


def cmrc_parts(text):
    """Segment as the official script does; a run that is no Chinese is split by a plain rule."""
    parts, run = [], ""
    for letter in text.lower().strip():
        if letter in SIGNS:
            continue
        if re.search(r"[\u4e00-\u9fa5]", letter):
            parts += [*re.findall(r"\w+(?:[.,]\d+)*|\S", run), letter]
            run = ""
        else:
            run += letter
    return parts + re.findall(r"\w+(?:[.,]\d+)*|\S", run)


def cmrc(answers, predicted):
    def unsigned(text):
        return "".join(letter for letter in text.lower().strip() if letter not in SIGNS)

    exact = int(any(unsigned(answer) == unsigned(predicted) for answer in answers))
    best = 0.0
    for answer in answers:
        right, parts = cmrc_parts(answer), cmrc_parts(predicted)
        runs = {tuple(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
        longest = max(
            (
                j - i
                for i in range(len(right))
                for j in range(i + 1, len(right) + 1)
                if tuple(right[i:j]) in runs
            ),
            default=0,
        )
        if longest:
            precision, recall = longest / len(parts), longest / len(right)
            best = max(best, 2 * precision * recall / (precision + recall))
    return exact, best


def scores(names, answers, predicted):
    labels = objects([{"text": answers, "answer_start": [0] * len(answers)}])
    return [METRICS.get(name)(labels, objects([predicted]), 1) for name in names]


def drawn(words, joint, count):
    rng = random.Random(0)
    for _ in range(count):
        answers = [
            joint.join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 3))
        ]
        predicted = rng.choice([answers[0], joint.join(rng.choices(words, k=rng.randint(0, 6)))])
        yield answers, predicted


@pytest.mark.parametrize("case", ADVERSARIAL)
def test_squad_on_adversarial_answers(case):
    assert scores(("exact_match", "answer_f1"), *case) == pytest.approx(squad_2(*case))


def test_squad_on_random_answers():
    for answers, predicted in drawn(ENGLISH, " ", 600):
        got = scores(("exact_match", "answer_f1"), answers, predicted)
        assert got == pytest.approx(squad_2(answers, predicted)), (answers, predicted)
        if all(squad_normal(answer) for answer in answers):  # where both versions are one
            assert got == pytest.approx(squad_1(answers, predicted)), (answers, predicted)


def test_cmrc_on_random_answers():
    for answers, predicted in drawn(CHINESE, "", 600):
        got = scores(("cmrc_exact_match", "cmrc_f1"), answers, predicted)
        exact, f1 = cmrc(answers, predicted)
        if any(cmrc_parts(answer) for answer in answers):  # else there is nothing to share
            assert got == pytest.approx([exact, f1]), (answers, predicted)


@pytest.mark.parametrize(
    ("answers", "predicted", "exact", "f1"),
    [
        (["1963年"], "１９６３年", 0, 0.5),  # full-width digits are other characters
        (["范廷颂，枢机"], "范廷颂枢机", 1, 1.0),
        (["范廷颂"], "范颂", 0, 0.4),  # the longest run is one character of 3 and of 2
        (["NBA总冠军"], "nba", 0, 0.4),
        (["3.5米"], "3.5", 0, 2 / 3),
        (["踢爆", "爆"], "爆", 1, 1.0),
        (["踢爆"], "", 0, 0.0),
        ([], "", 1, 1.0),
        ([], "踢", 0, 0.0),
    ],
)
def test_cmrc_on_answers_worked_out_by_hand(answers, predicted, exact, f1):
    got = scores(("cmrc_exact_match", "cmrc_f1"), answers, predicted)
    assert got == pytest.approx([exact, f1])


def test_a_score_is_a_mean_over_questions():
    labels = objects([{"text": ["cat"]}, {"text": []}, {"text": ["red dog"]}])
    predictions = objects(["cat", "cat", "dog"])
    assert METRICS.get("exact_match")(labels, predictions, 1) == pytest.approx(1 / 3)
    assert METRICS.get("answer_f1")(labels, predictions, 1) == pytest.approx((1 + 0 + 2 / 3) / 3)
