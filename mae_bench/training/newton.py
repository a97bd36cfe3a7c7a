"""Logistic regressions on a device, those of all penalties and tables of features at once.

The objective is that of scikit-learn's ``LogisticRegression``: the mean loss of an example and
1/(2 C N) of the weights' squared length; intercepts are free; two classes have one row of weights.
It is convex, so what solves it does not matter: Newton steps, each found by conjugate gradients
(as in Lin, Weng & Keerthi 2008, JMLR 9) on features along their principal directions, where the
diagonal of the second derivative preconditions well. Float64 throughout.

Legend: G tables of features, N examples, R directions, P penalties, K rows: C, or 1 of two classes.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from mae_bench.training.rotation import Rotation

GAP = 1e-6  # of the loss: a step that can gain no more is the last
MAX_GRADIENTS = 500  # conjugate gradients of a step; it goes downhill with whatever was reached
_SHORTEST = 2.0**-40  # of a step


@dataclass(frozen=True)
class _Problems:
    """What is solved side by side.

    Attributes:
        rows: [G, N, R + 1] features along their directions, and a 1.
        variances: [G, 1, 1, R + 1] of them.
        targets: [1, N, P or 1, K] 1 at an example's class, of two classes at the second.
        shrinkage: [P, 1, R + 1] of the weights, 0 of the intercept.
    """

    rows: Tensor
    variances: Tensor
    targets: Tensor
    shrinkage: Tensor

    def at(self, penalties: Tensor) -> "_Problems":
        """Return those of some penalties."""
        is_shared = self.targets.shape[2] == 1
        targets = self.targets if is_shared else self.targets[:, :, penalties]
        return replace(self, targets=targets, shrinkage=self.shrinkage[penalties])

    def scores(self, weights: Tensor) -> Tensor:
        """Return [G, N, P, K] of weights [G, P, K, R + 1]."""
        flat: Tensor = self.rows @ weights.flatten(1, 2).mT
        return flat.view(*flat.shape[:2], *weights.shape[1:3])

    def pulled(self, slopes: Tensor, weights: Tensor) -> Tensor:
        """Return [G, P, K, R + 1] what slopes [G, N, P, K] of the losses mean for weights."""
        flat = slopes.flatten(2).mT @ self.rows / self.rows.shape[1]
        return flat.view_as(weights) + self.shrinkage * weights

    def losses(self, scores: Tensor, weights: Tensor) -> Tensor:
        """Return [G, P] the objective of each problem."""
        if scores.shape[-1] == 1:
            each = functional.softplus(scores).squeeze(-1)
        else:
            each = scores.logsumexp(dim=-1)
        each = each - (self.targets * scores).sum(dim=-1)
        squares = (self.shrinkage * weights * weights).sum(dim=(-2, -1))
        return each.mean(dim=1) + squares / 2


def solve_logistic(
    rotation: Rotation, targets: Tensor, penalties: Tensor, max_iter: int
) -> tuple[Tensor, Tensor]:
    """Return weights [G, P, K, F + 1], the intercept last, and [G, P] whether each converged.

    Args:
        rotation: of the features.
        targets: [N, P or 1, K] float64, 1 at an example's class, else 0; of two classes 1 at the
            second. Those of each penalty may be labels of their own.
        penalties: [P] inverse penalties C, float64.
        max_iter: Newton steps at most.
    """
    rows, variances = rotation.rows, rotation.variances
    groups, num_examples, _ = rows.shape
    shrinkage = (1.0 / (penalties * num_examples))[:, None, None].repeat(1, 1, rows.shape[2] + 1)
    shrinkage[..., -1] = 0.0
    problems = _Problems(
        functional.pad(rows, (0, 1), value=1.0),
        functional.pad(variances, (0, 1), value=1.0)[:, None, None],
        targets.unsqueeze(0),
        shrinkage,
    )
    shape = (groups, len(penalties), targets.shape[2], rows.shape[2] + 1)
    weights = rows.new_zeros(shape)
    is_done = torch.zeros(shape[:2], dtype=torch.bool, device=rows.device)
    for _ in range(max_iter):
        # strong penalties end first: what is left gets smaller
        left = (~is_done).any(dim=0).nonzero().squeeze(-1)
        if not len(left):
            break
        moved, ended = _step(problems.at(left), weights[:, left], is_done[:, left])
        weights[:, left], is_done[:, left] = moved, ended
    offsets = weights[..., -1]
    if targets.shape[2] > 1:  # only their differences count
        offsets = offsets - offsets.mean(dim=-1, keepdim=True)
    return rotation.back(weights[..., :-1], offsets), is_done


def _step(problems: _Problems, weights: Tensor, is_done: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights after a Newton step of those that are not done, and who is then."""
    scores = problems.scores(weights)
    losses = problems.losses(scores, weights)
    is_binary = weights.shape[2] == 1
    chances = scores.sigmoid() if is_binary else scores.softmax(dim=-1)
    gradient = problems.pulled(chances - problems.targets, weights)
    way = _newton(problems, chances, gradient, is_done)
    gains = -(gradient * way).sum(dim=(-2, -1))
    is_last = gains / 2 <= GAP * losses
    way_scores = problems.scores(way)
    lengths = torch.ones_like(losses)
    while True:
        tried = problems.losses(
            scores + lengths[:, None, :, None] * way_scores,
            weights + lengths[..., None, None] * way,
        )
        is_short = is_done | is_last | (tried <= losses - 1e-4 * lengths * gains)
        is_short |= lengths < _SHORTEST
        if bool(is_short.all()):
            break
        lengths = torch.where(is_short, lengths, lengths / 2)
    lengths = torch.where(is_done | (lengths < _SHORTEST), 0.0, lengths)
    return weights + lengths[..., None, None] * way, is_done | is_last


def _newton(problems: _Problems, chances: Tensor, gradient: Tensor, is_done: Tensor) -> Tensor:
    """Return about the second derivative's inverse times minus the gradient.

    Conjugate gradients until what is left is a quarter of what was there.
    """
    spread = chances * (1.0 - chances)
    diagonal = spread.mean(dim=1).clamp_min(1e-12).unsqueeze(-1) * problems.variances
    diagonal = diagonal + problems.shrinkage

    def curved(ways: Tensor) -> Tensor:
        scores = problems.scores(ways)
        if ways.shape[2] == 1:
            return problems.pulled(spread * scores, ways)
        weighed = chances * scores
        return problems.pulled(weighed - chances * weighed.sum(dim=-1, keepdim=True), ways)

    def product(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(dim=(-2, -1), keepdim=True)

    left = -gradient
    scaled = left / diagonal
    way = scaled
    size = product(left, scaled)
    enough = torch.where(is_done[..., None, None], torch.inf, 0.06 * size)
    answer = torch.zeros_like(gradient)
    for _ in range(MAX_GRADIENTS):
        is_open = size > enough
        if not bool(is_open.any()):
            break
        bent = curved(way)
        length = torch.where(is_open, size / product(way, bent), 0.0)
        answer = answer + length * way
        left = left - length * bent
        scaled = left / diagonal
        was, size = size, torch.where(is_open, product(left, scaled), size)
        way = scaled + torch.where(is_open, size / was, 0.0) * way
    return answer
