"""The floor of rankings: BM25, which scores candidates by the words that they share with a query.

Okapi BM25 (Robertson & Zaragoza 2009, doi:10.1561/1500000019) in Lucene's form (Kamphuis et al.
2020, doi:10.1007/978-3-030-45442-5_4), by bm25s (Lù 2024, arXiv:2407.03618). How rare a word is,
is counted in the candidates. Legend: N queries, C candidates.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from mae_bench.data.scripts import is_unspaced, word_pattern
from mae_bench.errors import DataError
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult
from mae_bench.protocols.unlearned import read_unlearned
from mae_bench.specs import EvaluateSpec, Frozen
from mae_bench.tasks.base import TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import CandidateKind, Score


class Bm25Recipe(Frozen):
    """BM25 with Lucene's constants; nothing is trained or chosen.

    In scripts without blanks between words each character is a word, and so are two in a row.

    Attributes:
        k1: how soon a word that a candidate repeats counts no more.
        b: how much a longer candidate is held against it, from 0 to 1.
    """

    k1: Annotated[float, Field(ge=0)] = 1.2
    b: Annotated[float, Field(ge=0, le=1)] = 0.75


def terms(text: str) -> list[str]:
    """Return the words of a text in lower case, without signs.

    Of a script without blanks these are its characters, and every two that follow each other, as
    in Lucene's analyzer of Chinese, Japanese and Korean.
    """
    words = [match for match in word_pattern().finditer(text.lower()) if match[0][0].isalnum()]
    units = [match[0] for match in words]
    for first, second in pairwise(words):
        is_one = first.end() == second.start()
        if is_one and all(is_unspaced()[ord(match[0][0])] for match in (first, second)):
            units.append(first[0] + second[0])
    return units


def index_candidates(candidates: Sequence[str], recipe: Bm25Recipe) -> Score:
    """Return what scores candidates for queries.

    Raises:
        DataError: no candidate has a word.
    """
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
    words = [terms(text) for text in candidates]
    if not any(words):
        raise DataError("no candidate has a word, so that BM25 has nothing to compare")
    index = bm25s.BM25(method="lucene", k1=recipe.k1, b=recipe.b, dtype="float64")
    index.index(words, show_progress=False)

    def scores(queries: Sequence[str]) -> Values:
        asked = (index.get_tokens_ids(terms(query)) for query in queries)
        return np.stack([index.get_scores_from_ids(ids) for ids in asked])

    return scores


def run(
    spec: EvaluateSpec, *, checkpoint: Path | None, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Rank candidates by BM25.

    Raises:
        DataError: no candidate has a word.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, Bm25Recipe)
    kind = kind_of(task.task)
    assert isinstance(kind, CandidateKind)  # the protocol's `kinds`
    predict = partial(kind.by_scores, index=partial(index_candidates, recipe=recipe))
    return read_unlearned(spec, task, predict, started=started)


PROTOCOLS.register("bm25")(
    Protocol(
        "bm25",
        version=1,
        recipe=Bm25Recipe,
        needs_checkpoint=False,
        run=run,
        needs_labels=False,
        kinds=CandidateKind,
    )
)
