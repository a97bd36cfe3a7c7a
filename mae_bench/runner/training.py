"""One pretraining as a value, which can be sent to other ranks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec

if TYPE_CHECKING:
    from mae_bench.pretraining.ranks import Ranks


@dataclass(frozen=True)
class Training:
    """The arguments of `pretraining.pretrain.pretrain`."""

    spec: PretrainSpec
    blocks: Path
    tokenizer: Path
    teacher: Path | None
    ngrams: Path | None
    encoder: Path | None
    work: Path
    out: Path
    device: str
    compile_by: str

    def run(self, progress: Progress, ranks: "Ranks | None" = None) -> None:
        """Train, alone or as one of several ranks."""
        from mae_bench.pretraining.pretrain import pretrain
        from mae_bench.pretraining.ranks import ALONE

        pretrain(
            self.spec,
            blocks=self.blocks,
            tokenizer=self.tokenizer,
            teacher=self.teacher,
            ngrams=self.ngrams,
            encoder=self.encoder,
            work=self.work,
            out=self.out,
            device=self.device,
            compile_by=self.compile_by,
            progress=progress,
            ranks=ranks or ALONE,
        )
