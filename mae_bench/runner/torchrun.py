"""Whether torchrun has started this process, and as which of its ranks; imports no torch."""

import os

PARALLELS = ("ddp", "fsdp")


def num_ranks() -> int:
    """Return how many ranks torchrun has started; 1 without it."""
    # other launchers set WORLD_SIZE, too, for programs that are no ranks of one training
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def local_number() -> int:
    """Return which of the ranks of this machine this process is."""
    return int(os.environ["LOCAL_RANK"])
