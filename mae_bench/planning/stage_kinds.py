"""The kinds of stages: one record each, which says all that differs between them but their work.

What runs a kind is `mae_bench.runner.stages.RUN`: planning runs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class StageKind:
    """One kind of stage.

    Attributes:
        name: the first part of a stage's key, and its folder in the store.
        version: part of the ids; raised where the same spec would give other numbers than before.
        may_use_network: whether it may fetch; every other kind runs with the network closed.
        failed: what failed with it, for the stages that need it; a clause.
        row_files: files of its artefact that rows are derived from. Their checksums are checked
            before rows are kept.
    """

    name: str
    version: int
    may_use_network: bool
    failed: str
    row_files: tuple[str, ...] = ()


CHECKPOINTS = ("pretrain", "encoder")  # kinds of stages that evaluations read an encoder of


def _by_name(*kinds: StageKind) -> Mapping[str, StageKind]:
    return MappingProxyType({kind.name: kind for kind in kinds})


STAGE_KINDS = _by_name(
    StageKind("tokenizer", 2, True, "making the tokenizer failed"),
    StageKind("blocks", 1, True, "tokenising the corpus failed"),
    StageKind("ngrams", 1, False, "counting the corpus' collocations failed"),
    StageKind("task", 1, True, "preparing the task failed"),
    StageKind("error_table", 1, True, "preparing a noise's table of errors failed"),
    StageKind("teacher", 1, True, "fetching the encoder failed"),
    StageKind("encoder", 1, False, "reading the encoder failed", ("encoder.json",)),
    StageKind("pretrain", 3, False, "pretraining failed", ("cost.json", "curve.json")),
    StageKind("evaluate", 2, False, "evaluation failed", ("metrics.json", "predictions.parquet")),
)
