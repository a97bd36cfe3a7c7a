"""A bi-encoder: one encoder of queries and candidates, trained on what stands in a batch.

Every other query's candidate is a wrong one: in-batch negatives (Henderson et al. 2017,
arXiv:1705.00652), with the cosine and the scale of 20 of `MultipleNegativesRankingLoss` of
sentence-transformers (Reimers & Gurevych 2019, arXiv:1908.10084). Differs from it in that other
relevant candidates of a query, and its own one where the batch holds it again, are no wrong ones.
Legend: N queries, C candidates, R pairs of a query and one of its relevant candidates, K most
relevant candidates of a query, B pairs of a batch, D features.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from mae_bench.tasks.base import Labels
from mae_bench.tasks.kinds.base import objects
from mae_bench.tasks.learner import Learner
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.rankings import nearest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mae_bench.training.batching import Indices, TokenSet
    from mae_bench.training.pairs import Pairs, Ranked

TEMPERATURE = 1 / 20


class InBatch(Learner):
    """Vectors of texts, of which a query's must be nearest to its own candidate's."""

    def __init__(self, num_examples: int) -> None:
        """Leave the loss of a constant to the batches, which decide it."""
        self.constant_losses = np.zeros(num_examples)
        self._width = 0

    def head(self, width: int, *, dropout: float, seed: int) -> "nn.Module":
        """Return the mean of token vectors, which learns nothing."""
        from mae_bench.model.heads import VectorHead

        self._width = width
        return VectorHead()

    def output_shape(self, longest: int) -> tuple[int, ...]:
        """Return the width of a vector; of a pair there are two."""
        return (self._width,)

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [R, K] int64 numbers of candidates: the pair's own, then the query's others.

        Where there are fewer the own one is repeated.
        """
        import torch

        names = cast("Pairs | Ranked", texts).names
        numbers = {name: number for number, name in enumerate(names)}
        most = max(len(label["relevant"]) for label in labels)
        rows = []
        for label in labels:
            relevant = [numbers[name] for name in label["relevant"]]
            for at, own in enumerate(relevant):
                others = relevant[:at] + relevant[at + 1 :]
                rows.append([own, *others, *[own] * (most - len(relevant))])
        return torch.tensor(rows, dtype=torch.int64, device=texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean cross-entropy of each query's own candidate among those of the batch.

        Args:
            outputs: [B, 2, D] vectors of queries and of their candidates.
            targets: [B, K] as `encode` gives them.
        """
        import torch

        from mae_bench.model.info_nce import similarities

        scores = similarities(outputs[:, 0], outputs[:, 1], TEMPERATURE)
        own = torch.arange(len(scores), device=scores.device)
        return _cross_entropy(scores, own, targets[:, 0], targets)

    def reading_loss(self, outputs: "Tensor", targets: "Tensor", texts: "TokenSet") -> "Tensor":
        """Return the mean cross-entropy of pairs among all candidates."""
        import torch

        from mae_bench.model.info_nce import similarities

        ranked = cast("Ranked", texts)
        queries, candidates = outputs.split([ranked.num_queries, len(ranked.names)])
        scores = similarities(queries, candidates, TEMPERATURE)
        owners = torch.from_numpy(ranked.owners).to(scores.device)
        columns = torch.arange(len(ranked.names), device=scores.device)
        return _cross_entropy(scores[owners], targets[:, 0], columns, targets)

    def constant_loss(
        self, targets: "Tensor", texts: "TokenSet", batches: Sequence["Indices"]
    ) -> float:
        """Return the loss of vectors that are all alike: the logarithm of what is left to choose.

        That is a pair's own candidate and those of its batch that are not relevant.
        """
        rows = targets.cpu().numpy()
        means = []
        for index in batches:
            is_relevant = (rows[index][:, :, None] == rows[index, 0]).any(axis=1)
            means.append(np.log1p((~is_relevant).sum(axis=1)).mean())
        return float(np.mean(means))

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return the candidates of each query by the cosine of their vectors."""
        ranked = cast("Ranked", texts)
        vectors = outputs.cpu().numpy()
        queries, candidates = vectors[: ranked.num_queries], vectors[ranked.num_queries :]
        return objects(nearest(queries, candidates, ranked.names))


def _cross_entropy(
    scores: "Tensor", own: "Tensor", columns: "Tensor", targets: "Tensor"
) -> "Tensor":
    """Return the mean cross-entropy of scores [R, C] without other relevant candidates.

    Args:
        scores: of pairs against candidates.
        own: [R] the column of each pair's own candidate.
        columns: [C] the number of each column's candidate.
        targets: [R, K] the numbers of the candidates that are relevant to a pair's query.
    """
    import torch
    from torch.nn import functional

    is_relevant = (targets[:, :, None] == columns).any(dim=1)
    is_other = is_relevant.scatter(1, own[:, None], False)
    return functional.cross_entropy(scores.masked_fill(is_other, -torch.inf), own)
