"""Rankings of candidates: what predictions of kind `rank` are.

Legend: N queries, C candidates, D features of a vector.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import Rows, Score, unit_rows

MAX_RANKED = 100  # candidates of a query that a prediction keeps; metrics look at ten
DIGITS = 6  # of a score; what differs by less is rounding of the encoder, and tied
_AT_ONCE = 256  # queries that are compared with all candidates

Ranking = list[list[str]]


def nearest(queries: Rows, candidates: Rows, names: Sequence[str]) -> list[Ranking]:
    """Return the candidates of each query by the cosine of their vectors.

    Args:
        queries: [N, D], dense or sparse.
        candidates: [C, D].
        names: of the candidates.
    """
    from scipy.sparse import issparse

    queries, columns = unit_rows(queries), unit_rows(candidates).T

    def cosines(some: range) -> Values:
        scores = queries[some.start : some.stop] @ columns
        return scores.toarray() if issparse(scores) else scores  # type: ignore[no-any-return]

    return [each for some in _blocks(queries.shape[0]) for each in rankings(cosines(some), names)]


def ranked(queries: Sequence[str], score: Score, names: Sequence[str]) -> list[Ranking]:
    """Return the candidates of each of N queries by their scores [N, C]."""
    return [
        each
        for some in _blocks(len(queries))
        for each in rankings(score(queries[some.start : some.stop]), names)
    ]


def rankings(scores: Values, names: Sequence[str]) -> list[Ranking]:
    """Return for each row of scores [N, C] the groups of tied candidates, best first.

    At most `MAX_RANKED` candidates are kept; a group that goes on beyond is cut.
    """
    rounded = np.round(scores, DIGITS)
    ranked = []
    for row in rounded:
        order = np.argsort(-row, kind="stable")[:MAX_RANKED]
        groups: Ranking = []
        for at, index in enumerate(order):
            if at and row[index] == row[order[at - 1]]:
                groups[-1].append(names[index])
            else:
                groups.append([names[index]])
        ranked.append(groups)
    return ranked


def _blocks(count: int) -> Iterator[range]:
    for start in range(0, count, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, count))
