"""One pretraining as a value, which can be sent to other ranks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec

if TYPE_CHECKING:
    from mae_bench.pretraining.ranks import Ranks
    from mae_bench.pretraining.run import Folders


@dataclass(frozen=True)
class Training:
    """What to pretrain, where, and how; see `pretraining.pretrain.pretrain`."""

    spec: PretrainSpec
    folders: "Folders"
    device: str
    compile_by: str
    why_alone: str

    def run(self, progress: Progress, ranks: "Ranks | None" = None) -> None:
        """Train, alone or as one of several ranks."""
        from mae_bench.pretraining.pretrain import pretrain
        from mae_bench.pretraining.ranks import ALONE

        pretrain(
            self.spec,
            **vars(self.folders),
            device=self.device,
            compile_by=self.compile_by,
            why_alone=self.why_alone,
            progress=progress,
            ranks=ranks or ALONE,
        )
