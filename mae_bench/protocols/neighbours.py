"""The nearest of some vectors by cosine. Legend: M vectors asked for, N examples, F features."""

from collections.abc import Sequence

import numpy as np

from mae_bench.tasks.base import Labels
from mae_bench.tasks.metrics import Values

Nearest = tuple[Values, Labels]  # [M, k] distances, ascending, and indices of the examples


def nearest(asked: Values, near: Values, counts: Sequence[int]) -> list[Nearest]:
    """Return the nearest k of examples [N, F] for vectors [M, F], for each k of ``counts``.

    Each k gets what scikit-learn's neighbours by cosine give it alone, of equally distant ones too;
    the distances, which take longest, are worked out once, and a part of the rows at a time.
    """
    from sklearn.metrics import pairwise_distances_chunked

    def reduce(distances: Values, start: int) -> tuple[Values, ...]:
        rows = np.arange(len(distances))[:, None]
        kept: list[Values] = []
        for count in counts:
            index = np.argpartition(distances, count - 1, axis=1)[:, :count]
            index = index[rows, np.argsort(distances[rows, index])]
            kept += [distances[rows, index], index]
        return tuple(kept)

    parts = pairwise_distances_chunked(asked, near, reduce_func=reduce, metric="cosine")
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return list(zip(columns[::2], columns[1::2], strict=True))
