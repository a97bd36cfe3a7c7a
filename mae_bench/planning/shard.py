"""Which stages a shard of a study takes, where nothing starts its workers together.

Stages are shared out by the checkpoint that they make or read, so that no two shards pretrain the
same: a shard takes whole checkpoints, with every evaluation of them. What a share needs and others
need too (a tokenizer, a task's splits, a teacher) belongs to every shard that needs it: at one home
leases see that it is made once, and homes of their own stay complete, so that their rows join.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mae_bench.errors import SpecError
from mae_bench.planning.stage import Key, Stage
from mae_bench.planning.stage_kinds import CHECKPOINTS


@dataclass(frozen=True)
class Shard:
    """One of ``num`` shares, counted from 1."""

    number: int
    num: int

    def stages(self, stages: Sequence[Stage]) -> tuple[Stage, ...]:
        """Return the stages of this share and all that they need, in their order."""
        by_key = {stage.key: stage for stage in stages}
        taken: set[Key] = set()
        for stage in reversed(stages):  # what a stage needs stands before it
            is_shared_out = stage.kind == "evaluate" or stage.kind in CHECKPOINTS
            if stage.key in taken or (is_shared_out and self.takes(stage.checkpoint or stage.key)):
                taken.update((stage.key, *(need for need in stage.needs if need in by_key)))
        return tuple(stage for stage in stages if stage.key in taken)

    def takes(self, key: Key) -> bool:
        """Whether a checkpoint, or an evaluation without one, falls to this share."""
        digest = hashlib.blake2b("/".join(key).encode(), digest_size=8).digest()
        return int.from_bytes(digest) % self.num == self.number - 1


def parse_shard(text: str | None, name: str = "shard") -> Shard | None:
    """Return the shard that ``2/8`` means; None for None.

    Args:
        text: number and count.
        name: what the user calls it: an argument, or a flag.

    Raises:
        SpecError: it is anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    number, num = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= num:
        raise SpecError(
            f"{name} must be two whole numbers i/n with i from 1 to n, such as 2/8; got '{text}'"
        )
    return Shard(number, num)
