"""How many cores there are, and how many of them a stage may take."""

import os
from pathlib import Path

from mae_bench.store.leases import num_held_here


def num_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of_cores(leases: Path) -> int:
    """Return the cores of a stage whose result is the same by any number of threads.

    All that there are, shared with what else is under way on this machine: while a corpus is
    tokenised, others mostly wait for it.
    """
    return max(1, num_cores() // max(1, num_held_here(leases)))
