"""Rankings of candidates: what predictions of kind `rank` are.

Legend: N queries, C candidates, D features of a vector.
"""

from collections.abc import Callable, Sequence

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

    def cosines(block: slice) -> Values:
        scores = queries[block] @ columns
        return scores.toarray() if issparse(scores) else scores  # type: ignore[no-any-return]

    return _in_blocks(queries.shape[0], cosines, names)


def ranked(queries: Sequence[str], score: Score, names: Sequence[str]) -> list[Ranking]:
    """Return the candidates of each of N queries by their scores [N, C]."""
    return _in_blocks(len(queries), lambda block: score(queries[block]), names)


def rankings(scores: Values, names: Sequence[str]) -> list[Ranking]:
    """Return for each row of scores [N, C] the groups of tied candidates, best first.

    At most `MAX_RANKED` candidates are kept; a group that goes on beyond is cut.
    """
    rounded = np.round(scores, DIGITS)
    found = []
    for row in rounded:
        order = np.argsort(-row, kind="stable")[:MAX_RANKED]
        groups: Ranking = []
        for at, index in enumerate(order):
            if at and row[index] == row[order[at - 1]]:
                groups[-1].append(names[index])
            else:
                groups.append([names[index]])
        found.append(groups)
    return found


def _in_blocks(count: int, score: Callable[[slice], Values], names: Sequence[str]) -> list[Ranking]:
    """Return the rankings of so many queries, whose scores [N, C] are never held all at once."""
    blocks = (slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE))
    return [each for block in blocks for each in rankings(score(block), names)]
