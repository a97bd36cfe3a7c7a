"""Tensors that may lie in shards on several ranks, as whole ones."""

from torch import Tensor


def whole(value: Tensor) -> Tensor:
    """Return a tensor as it is, or all of one in shards, on the CPU; every rank must ask."""
    if not _is_in_shards(value):
        return value
    full: Tensor = value.full_tensor()  # type: ignore[attr-defined]
    return full.cpu()


def take(own: Tensor, given: Tensor) -> Tensor:
    """Return a whole tensor in the shards of another, if that is in shards; no rank waits."""
    if not _is_in_shards(own):
        return given
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(own, DTensor)
    return distribute_tensor(given, own.device_mesh, own.placements, src_data_rank=None)


def _is_in_shards(value: Tensor) -> bool:
    return hasattr(value, "full_tensor")  # of DTensor alone, whose import takes seconds
