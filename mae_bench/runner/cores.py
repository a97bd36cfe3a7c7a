"""How many cores a stage may take."""

from pathlib import Path

from mae_bench.planning.machine import num_cores
from mae_bench.store.leases import num_held_here


def share_of_cores(leases: Path) -> int:
    """Return the cores of a stage whose result is the same by any number of threads.

    All that there are, shared with what else is under way on this machine: while a corpus is
    tokenised, others mostly wait for it.
    """
    return max(1, num_cores() // max(1, num_held_here(leases)))
