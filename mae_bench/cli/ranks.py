"""A command that torchrun has started on several ranks: the first does what it says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from mae_bench.runner.torchrun import PARALLELS, num_ranks

if TYPE_CHECKING:
    from mae_bench.runner.executors import Executor
    from mae_bench.runner.rank_group import RankGroup

Parallel = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        help="How the ranks of torchrun share a pretraining: ddp, or fsdp where one holds too "
        "little. Default: ddp.",
    ),
]


def join_ranks() -> "RankGroup | None":
    """Return this process as one of torchrun's ranks; None where it is not."""
    if num_ranks() == 1:
        return None
    from mae_bench.runner.memory import keep_freed_memory

    keep_freed_memory()  # before torch is imported

    from mae_bench.runner.rank_group import rank_group

    return rank_group()


def serve(ranks: "RankGroup") -> int:
    """Be one of the ranks that the first tells what to do; return an exit code."""
    from mae_bench.runner.executors.ranks import serve

    return serve(ranks)


def ranks_executor(parallel: str | None, others: Mapping[str, str]) -> "Executor | None":
    """Return the executor of the ranks; None without torchrun.

    Args:
        parallel: how ranks share a pretraining, if that was said.
        others: flags that were given for executors that start workers, and their values.

    Raises:
        SpecError: ``parallel`` is none of the ways, there are no ranks, or there are flags of
            another executor.
    """
    if parallel is None and num_ranks() == 1:
        return None
    from mae_bench.errors import SpecError

    if parallel not in (None, *PARALLELS):
        raise SpecError(f"--parallel must be one of {', '.join(PARALLELS)}; got '{parallel}'")
    if num_ranks() == 1:
        raise SpecError(
            f"--parallel {parallel} is for several ranks, and there is one; start the command by "
            "`torchrun --nproc-per-node NUMBER -m mae_bench`, or leave it out"
        )
    for flag, value in others.items():
        raise SpecError(
            f"torchrun has started the workers, got {flag} {value}, which is for an executor that "
            "starts others; leave it out"
        )
    group = join_ranks()
    assert group is not None  # of several ranks this is one
    from mae_bench.runner.executors.ranks import RanksExecutor

    return RanksExecutor(group, parallel or PARALLELS[0])
