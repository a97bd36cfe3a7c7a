"""Features of probes as arrays on the host, for scikit-learn, or as tensors on their device.

On a GPU features never leave it: they are standardised there, and linear models are solved there,
those of several tables together. Legend: N texts, F features.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from mae_bench.tasks.kinds.base import LinearKind
from mae_bench.tasks.stacked import FeatureStack
from mae_bench.tasks.word_kind import WordKind

Features = Any  # [N, F] float64, an array or a tensor
SOLVERS = {False: "scikit-learn", True: "torch"}
STACK_BYTES = 2 << 30  # of tables that are solved together; solving takes a few times as much


def fits_on_device(kind: LinearKind | WordKind, device: str) -> bool:
    """Whether the linear models of a kind are solved where the encoder runs."""
    return kind.fits_on_device and device.startswith("cuda")


def fit_scaler(features: Features) -> Callable[[Features], Features]:
    """Return what takes features to mean 0 and variance 1 as those given have them then.

    Constant features become 0, as scikit-learn's ``StandardScaler`` has it.
    """
    if not isinstance(features, Tensor):
        from sklearn.preprocessing import StandardScaler

        transform: Callable[[Features], Features] = StandardScaler().fit(features).transform
        return transform
    mean = features.mean(dim=0)
    deviation = (features - mean).square().mean(dim=0).sqrt()
    # rounding of a constant: scikit-learn's bound, of the variance, as one of the deviation
    rounding = len(features) * torch.finfo(features.dtype).eps * mean.abs()
    deviation = torch.where(deviation <= rounding.clamp_min(1e-300), 1.0, deviation)
    return lambda others: (others - mean) / deviation


def solved_together(tables: Iterable[Features]) -> Iterator[Any]:
    """Yield tables of the same examples as `fit_linear` of a kind takes them.

    Arrays one by one, each when it is asked for; tensors in stacks of at most `STACK_BYTES`.
    """
    waiting: list[Tensor] = []
    for table in tables:
        if not isinstance(table, Tensor):
            yield table
            continue
        if waiting and (len(waiting) + 1) * table.nbytes > STACK_BYTES:
            yield from FeatureStack(torch.stack(waiting)).parts
            waiting = []
        waiting.append(table)
    if waiting:
        yield from FeatureStack(torch.stack(waiting)).parts
