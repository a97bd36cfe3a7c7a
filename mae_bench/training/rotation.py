"""Features turned to their principal directions, once for all that is fitted to them.

There the squares of ridge are diagonal, and those of logistic regression nearly so. The weights are
as long there as before: a penalty of their length stays what it is.

Legend: G tables of features, N examples, F features, R directions: the fewer of N and F.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rotation:
    """Centred features along their principal directions, float64.

    Attributes:
        mean: [G, F] of the features.
        basis: [G, F, R] orthonormal directions.
        variances: [G, R] along them.
        rows: [G, N, R] the features along them.
    """

    mean: Tensor
    basis: Tensor
    variances: Tensor
    rows: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Rotation":
        """Return that of tables [G, N, F]."""
        features = features.double()
        mean = features.mean(dim=1)
        centred = features - mean.unsqueeze(1)
        num_examples, num_features = centred.shape[1:]
        if num_examples < num_features:  # all rows lie in a space of N dimensions
            within = torch.linalg.qr(centred.mT).Q
            centred = centred @ within
        variances, basis = torch.linalg.eigh(centred.mT @ centred / num_examples)
        rows = centred @ basis
        if num_examples < num_features:
            basis = within @ basis
        return cls(mean, basis, variances.clamp_min(0.0), rows)

    def back(self, weights: Tensor, offsets: Tensor) -> Tensor:
        """Return weights [G, ..., F + 1] of the features themselves, the intercept last.

        Args:
            weights: [G, ..., R] along the directions.
            offsets: [G, ...] intercepts of the centred features.
        """
        flat = weights.flatten(1, -2) @ self.basis.mT
        offsets = offsets.flatten(1) - (flat @ self.mean.unsqueeze(-1)).squeeze(-1)
        table = torch.cat([flat, offsets.unsqueeze(-1)], dim=-1)
        return table.view(*weights.shape[:-1], table.shape[-1])


def solve_ridge(rotation: Rotation, targets: Tensor, penalties: Tensor) -> Tensor:
    """Return the weights [G, P, F + 1] of ridge regressions at inverse penalties C.

    As scikit-learn's ``Ridge`` at alpha = 1/C: sums of squares, and the intercept is free.

    Args:
        rotation: of the features.
        targets: [N] float64.
        penalties: [P] float64.
    """
    mean = targets.mean()
    pulled = (rotation.rows.mT @ (targets - mean)).unsqueeze(1)  # [G, 1, R]
    squares = rotation.variances.unsqueeze(1) * rotation.rows.shape[1]
    weights = pulled / (squares + 1.0 / penalties[:, None])
    return rotation.back(weights, mean.expand(weights.shape[:-1]))
