"""BM25 against its formula written out, and what its words are."""

import math
import random

import numpy as np
import pytest
from small_cases import FILLERS, small_spec, small_task

from mae_bench.errors import DataError
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.protocols.bm25 import Bm25Recipe, index_candidates, terms
from mae_bench.tasks.rankings import rankings


def plain(query, documents, k1, b):
    """Return the score of each document, term by term."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term in query:
            holding = sum(term in other for other in documents)
            rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            if not (count := document.count(term)):
                continue
            score += rarity * count / (count + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (2.0, 0.0), (0.0, 1.0)])
def test_scores_are_the_formula(k1, b):
    rng = random.Random(f"{k1} {b}")
    documents = [rng.choices(FILLERS, k=rng.randint(0, 12)) for _ in range(30)]
    documents.append(FILLERS[:3] * 2)
    queries = [rng.choices([*FILLERS, "unheard"], k=rng.randint(1, 6)) for _ in range(20)]
    queries += [["unheard"], [], ["stone", "stone"]]
    score = index_candidates([" ".join(each) for each in documents], Bm25Recipe(k1=k1, b=b))
    expected = [plain(query, documents, k1, b) for query in queries]
    np.testing.assert_allclose(score([" ".join(query) for query in queries]), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("My card, my CARD is lost?", ["my", "card", "my", "card", "is", "lost"]),
        ("银行卡", ["银", "行", "卡", "银行", "行卡"]),
        ("丢了 卡。好 ok", ["丢", "了", "卡", "好", "ok", "丢了"]),
        ("ไปที่", ["ไ", "ป", "ที่", "ไป", "ปที่"]),
        ("ATM卡x", ["atm", "卡", "x"]),
        ("...", []),
    ],
)
def test_words_of_scripts_with_and_without_blanks(text, words):
    assert terms(text) == words


def test_it_ranks_candidates_by_their_scores_and_learns_nothing():
    data = small_task("rank", label_names=("red", "green", "blue", "red_stone"))
    results = [
        PROTOCOLS.get("bm25").run(
            small_spec("bm25", data, checkpoint=None, train_size=size),
            checkpoint=None,
            task=data,
            device="cpu",
            progress=silent,
        )
        for size in (4, "all")
    ]
    documents = [["red"], ["green"], ["blue"], ["red", "stone"]]
    names = list(data.task.label_names)
    scores = [plain(text.split(), documents, 1.2, 0.75) for text in data.test.texts[0]]
    expected = rankings(np.array(scores), names)
    for result in results:
        assert result.readings[0].predictions.tolist() == expected
        assert result.n_train == 0 and result.best.value is not None


def test_candidates_without_a_word_are_nothing_to_compare():
    with pytest.raises(DataError, match="no candidate has a word"):
        index_candidates(["?", "!"], Bm25Recipe())
