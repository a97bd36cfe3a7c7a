"""A probe of the encoder that works for any objective: which word was left out of a text?

Words are taken out of validation rows, and the gaps close. From the vectors of the two neighbours,
which any encoder gives, a ridge regression predicts which word stood between them. It needs no
[MASK] and no head, so that an encoder of any objective can be probed before its first step and
after its last.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mae_bench.data.blocks import Blocks
from mae_bench.masking import NUM_SPECIAL, as_block
from mae_bench.model.backbone import Backbone

EVERY = 8  # one word in eight is left out
FIRST = 3
MAX_ROWS, MAX_WORDS = 512, 2048
MIN_WORDS = 64  # left-out words, for half of them to fit on and half to test on
MAX_CLASSES = 256  # the most frequent of the left-out words; the others are of no class
BATCH_ROWS = 64
ALPHAS = np.logspace(-1, 5, 13)
MIN_GAIN, MIN_GAIN_RATIO = 0.002, 0.1  # of R², and of the R² before training


def has_learned(before: float | None, after: float | None) -> bool:
    """Return whether R² clearly rose by training; False where either probe could not be made."""
    if before is None or after is None:
        return False
    return after > before + max(MIN_GAIN, MIN_GAIN_RATIO * before)


def left_out_r2(backbone: Backbone, data: Blocks, device: str) -> float | None:
    """Return the share of the left-out words' variance that the probe explains.

    The probe is fitted on the first half of the rows, its penalty chosen there by generalised
    cross-validation, and judged on the second.

    Returns:
        R² of the one-hot words, at most 1; None where there are too few words, or where a vector
        is not finite.
    """
    length = data.row_length
    positions = torch.arange(FIRST, length - 1, EVERY)
    rows = np.array(data.validation[: min(MAX_ROWS, MAX_WORDS // max(1, len(positions)))])
    if not len(positions) or not len(rows):
        return None
    ids = torch.from_numpy(rows.astype(np.int64))
    kept = torch.ones(length, dtype=torch.bool)
    kept[positions] = False
    left = positions - 1 - torch.arange(len(positions))  # the neighbour, once gaps have closed
    words, shorter = ids[:, positions], ids[:, kept]
    pairs = _neighbours(backbone, shorter, left, device)
    is_text = (words >= NUM_SPECIAL) & (shorter[:, left] >= NUM_SPECIAL)
    is_text &= shorter[:, left + 1] >= NUM_SPECIAL
    is_first_half = (torch.arange(len(ids)) < len(ids) // 2)[:, None]
    is_fitted, is_tested = is_first_half & is_text, ~is_first_half & is_text
    if min(int(is_fitted.sum()), int(is_tested.sum())) < MIN_WORDS // 2:
        return None
    if not bool(torch.isfinite(pairs[is_text]).all()):
        return None
    classes = _classes(words[is_text].numpy())
    return _r2(
        (pairs[is_fitted].numpy(), _one_hot(words[is_fitted].numpy(), classes)),
        (pairs[is_tested].numpy(), _one_hot(words[is_tested].numpy(), classes)),
    )


@torch.no_grad()
def _neighbours(
    backbone: Backbone, ids: torch.Tensor, left: torch.Tensor, device: str
) -> torch.Tensor:
    """Return [N, P, 2 * D]: the vectors on both sides of each closed gap."""
    backbone.eval()
    pairs = []
    for batch in ids.split(BATCH_ROWS):
        block = as_block(batch.to(device))
        hidden = backbone(block.ids, None, block.is_pad).float()
        pairs.append(torch.cat([hidden[:, left], hidden[:, left + 1]], dim=-1).cpu())
    return torch.cat(pairs)


def _classes(words: NDArray[np.int64]) -> NDArray[np.int64]:
    names, counts = np.unique(words, return_counts=True)
    return names[np.argsort(-counts, kind="stable")[:MAX_CLASSES]]


def _one_hot(words: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return [N, C]; a word that is none of the classes has a row of zeros."""
    is_class: NDArray[np.bool_] = words[:, None] == classes
    return is_class.astype(np.float64)


Examples = tuple[NDArray[np.float32], NDArray[np.float64]]


def _r2(fitted: Examples, tested: Examples) -> float:
    # heavy, and not needed by objectives that train nothing
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeCV(alphas=ALPHAS))
    probe.fit(fitted[0].astype(np.float64), fitted[1])
    predicted = probe.predict(tested[0].astype(np.float64))
    return float(r2_score(tested[1], predicted, multioutput="variance_weighted"))
