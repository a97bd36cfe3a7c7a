"""Finds what a checkpoint can be asked for tokens by: its own objective, or an encoder's head."""

from pathlib import Path

from mae_bench.model.teacher import is_checkpoint
from mae_bench.pretraining.rebuild import rebuild_scorer
from mae_bench.protocols.outside_head import open_outside_head
from mae_bench.protocols.own_head import OwnHead
from mae_bench.protocols.token_head import TokenHead
from mae_bench.specs import Precision


def open_head(
    checkpoint: Path, *, precision: Precision, device: str, max_length: int
) -> TokenHead | None:
    """Return what a checkpoint is asked for tokens by; None where nothing in it names tokens.

    Args:
        checkpoint: of a pretraining of this suite, or any encoder's folder.
        precision: of its passes.
        device: that they run on.
        max_length: tokens of a row, frame included, at most.

    Raises:
        SpecError: the head's weights are in no file, its tokenizer cannot serve, or the encoder
            has too few positions.
    """
    if not is_checkpoint(checkpoint):
        return open_outside_head(
            checkpoint, precision=precision, device=device, max_length=max_length
        )
    rebuilt = rebuild_scorer(checkpoint, device)
    if rebuilt is None:
        return None
    return OwnHead(checkpoint, *rebuilt, precision=precision, device=device, max_length=max_length)
