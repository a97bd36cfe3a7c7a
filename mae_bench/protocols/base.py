"""What a protocol is: a fixed way to turn a checkpoint and a task into test predictions.

A protocol chooses on the selection part alone and predicts the test split once per noise,
with what it chose.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from mae_bench.data.blocks import load_blocks
from mae_bench.data.noises import load_table
from mae_bench.errors import DataError, MaeBenchError, PluginError, SpecError, near_match
from mae_bench.measures import measure_of
from mae_bench.progress import Progress
from mae_bench.protocols.outcome import ProtocolResult
from mae_bench.registry import Registry
from mae_bench.specs import CORPUS, EvaluateSpec, Frozen
from mae_bench.tasks.base import Task, TaskData
from mae_bench.tasks.kinds.base import KINDS, TaskKind
from mae_bench.tasks.prepared import load_task

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Frozen)


@dataclass(frozen=True)
class Evaluation:
    """One of several evaluations that are run together, and the folder of its result."""

    spec: EvaluateSpec
    checkpoint: Path
    task: TaskData
    out: Path
    progress: Progress


RunTogether = Callable[..., list[ProtocolResult]]


@dataclass(frozen=True)
class Protocol:
    """A registered way to evaluate.

    Attributes:
        name: as studies write it.
        version: part of the ids of its results; raised when its numbers may move.
        recipe: every hyper-parameter.
        needs_checkpoint: False for floors.
        run: called as ``run(spec, checkpoint=, task=, device=, progress=)``; one that reads the
            corpus gets ``corpus=`` in place of ``task=``.
        reads_corpus: whether it reads validation rows of the corpus and no task, so that a
            checkpoint has one evaluation, whatever the tasks, train sizes and noises.
        primary: its metric that decides; empty for the first metric of the task.
        needs_labels: whether it learns from the training part. One that does not has the same
            result at every train size, and may read tasks that have a test alone.
        needs_scorer: whether it asks a checkpoint's own head for tokens, the objective's
            (`Provisions.scorer`) or an outside encoder's, so that arms without one have no result.
        learns_corpus: whether it is a floor that learns from the rows of the study's corpus, whose
            folder and whose tokenizer's it gets as ``corpus=`` and ``tokenizer=``, too.
        recipe_from: the protocol whose recipe a study sets for it, where it has none of its own.
        kinds: the interface that a task's kind must have, for what the protocol calls on it:
            `TaskKind` for those of every kind, `FinetuneKind`, `LinearKind` or one of its own.
        token_kinds: the interface of kinds on which it asks a checkpoint's own head for hidden
            tokens, so that checkpoints without one are left out there.
        spends_flops: whether it trains the encoder for as many steps as `EvaluateSpec.train_flops`
            buys, where that is set, and says what it spent.
        is_compiled: whether it gets ``compile_by=``, too, and says how its training steps were run.
        run_together: called as ``run_together(evaluations, device=, compile_by=)`` with evaluations
            that differ in nothing but the seed and what belongs to it; returns their results. None
            where they are run one by one.
    """

    name: str
    version: int
    recipe: type[Frozen]
    needs_checkpoint: bool
    run: Callable[..., ProtocolResult]
    reads_corpus: bool = False
    primary: str = ""
    needs_labels: bool = True
    needs_scorer: bool = False
    learns_corpus: bool = False
    recipe_from: str = ""
    kinds: type = TaskKind
    token_kinds: type | None = None
    spends_flops: bool = False
    is_compiled: bool = False
    run_together: RunTogether | None = None

    @property
    def learns_labels(self) -> bool:
        """Whether it learns from labels of a task, of which another seed draws others."""
        return self.needs_labels and not self.reads_corpus

    def fits(self, kind: str) -> bool:
        """Whether it can read tasks of a kind.

        Raises:
            UnknownNameError: no kind of that name is registered.
        """
        return issubclass(KINDS.get(kind), self.kinds)

    def needs_token_head(self, kind: str) -> bool:
        """Whether it asks a checkpoint for hidden tokens on tasks of a kind."""
        return self.token_kinds is not None and issubclass(KINDS.get(kind), self.token_kinds)

    def asks_head(self, kind: str) -> bool:
        """Whether it asks a checkpoint's own head on tasks of a kind."""
        return self.needs_scorer or self.needs_token_head(kind)

    def can_read(self, task: Task) -> bool:
        """Whether it fits the kind of a task, and finds in it what it learns from.

        Raises:
            UnknownNameError: the task's kind is not registered.
        """
        return self.fits(task.kind) and not (task.is_test_only and self.needs_labels)


class Protocols(Registry[Protocol]):
    """The protocols by name; a variant, as ``finetune/lora``, is the one before the slash."""

    def get(self, name: str) -> Protocol:
        """Return the protocol of that name, or of that variant.

        Raises:
            UnknownNameError: with every known name and the nearest one.
        """
        return super().get(name.partition("/")[0])

    def __contains__(self, name: object) -> bool:
        """Whether a protocol of that name, or of that variant, is registered."""
        return super().__contains__(name.partition("/")[0] if isinstance(name, str) else name)


NO_FOLDERS: Mapping[str, Path] = MappingProxyType({})
PROTOCOLS = Protocols("protocol", "protocols")


def read_recipe(spec: EvaluateSpec, recipe: type[R]) -> R:
    """Return the recipe of a spec.

    Raises:
        SpecError: an unknown key, or a value that is not allowed.
    """
    unknown = sorted(set(spec.recipe) - set(recipe.model_fields))
    if unknown:
        known = sorted(recipe.model_fields)
        raise SpecError(
            f"protocol '{spec.protocol}' has no option '{unknown[0]}'; options: "
            f"{', '.join(known) or 'none'}.{near_match(unknown[0], known)}"
        )
    try:
        return recipe.model_validate(spec.recipe)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SpecError(
            f"option '{where}' of protocol '{spec.protocol}': {first['msg']}, "
            f"got {first['input']!r}"
        ) from error


def evaluate(
    spec: EvaluateSpec,
    *,
    checkpoint: Path | None,
    task: Path,
    out: Path,
    device: str,
    progress: Progress,
    error_tables: Mapping[str, Path] = NO_FOLDERS,
    learned: Mapping[str, Path] = NO_FOLDERS,
    compile_by: str = "off",
) -> None:
    """Run a protocol and write ``metrics.json`` and ``predictions.parquet`` into ``out``.

    ``task`` is the folder of a task, or of token rows for a protocol that reads the corpus;
    ``error_tables`` are the folders of the tables that its noises need, by their names;
    ``learned`` are those of the corpus and its tokenizer, for a floor that learns from them;
    ``compile_by`` is how training steps are run, as in `make_tuning_step`.

    Raises:
        SpecError: the protocol needs a checkpoint and none was given, or it gave a metric that is
            not declared.
        DataError, PluginError: a metric is not a finite number.
    """
    protocol = PROTOCOLS.get(spec.protocol)
    if protocol.needs_checkpoint and checkpoint is None:
        raise SpecError(
            f"protocol '{spec.protocol}' needs a checkpoint and got none; name a pretrained "
            "encoder, or choose a protocol without one"
        )
    data: dict[str, object]
    if protocol.reads_corpus:
        data = {"corpus": load_blocks(task)}
    else:
        data = {"task": read_task(task, error_tables)}
    data |= learned
    if protocol.is_compiled:
        data["compile_by"] = compile_by
    write_result(
        protocol.run(spec, checkpoint=checkpoint, **data, device=device, progress=progress),
        spec,
        out,
    )


def evaluate_together(
    evaluations: Sequence[Evaluation], *, device: str, compile_by: str = "off"
) -> None:
    """Run evaluations that differ in nothing but the seed; write each result as `evaluate` does.

    Raises:
        MaeBenchError: as `evaluate` does for any of them.
    """
    run_together = PROTOCOLS.get(evaluations[0].spec.protocol).run_together
    assert run_together is not None
    results = run_together(evaluations, device=device, compile_by=compile_by)
    for each, result in zip(evaluations, results, strict=True):
        write_result(result, each.spec, each.out)


def read_task(folder: Path, error_tables: Mapping[str, Path]) -> TaskData:
    """Return the task of a folder, with the tables that its noises need."""
    tables = {name: load_table(each) for name, each in error_tables.items()}
    return replace(load_task(folder), error_tables=tables)


def write_result(result: ProtocolResult, spec: EvaluateSpec, out: Path) -> None:
    """Write ``metrics.json`` and ``predictions.parquet`` into ``out``.

    Raises:
        SpecError: a metric is not declared.
        DataError, PluginError: a metric is not a finite number.
    """
    for reading in result.readings:
        for name, value in reading.metrics.items():
            measure_of(name)  # raises for a metric that is not declared: no report could show it
            if not math.isfinite(value):
                raise _not_finite(spec, name, value)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result.record(), indent=1, allow_nan=False)
    (out / "metrics.json").write_text(text, encoding="utf-8")
    tabulate(result).to_parquet(out / "predictions.parquet", index=False)


def _not_finite(spec: EvaluateSpec, metric: str, value: float) -> MaeBenchError:
    """Return the error for a metric that a protocol measured itself, without a task's labels."""
    what = f"protocol '{spec.protocol}' on {spec.task or CORPUS} measured {metric} as {value}"
    plugin = PROTOCOLS.plugin(spec.protocol)
    if plugin is None:
        return DataError(f"{what}, which is no finite number; give it more text, or leave it out")
    return PluginError(
        f"{what}, which is no finite number; it comes from the module {plugin.module} "
        f"({plugin.version}): leave the metric out of a reading that cannot give it"
    )


def tabulate(result: ProtocolResult) -> "pd.DataFrame":
    """Return the test predictions with their labels, one row an example and noise.

    Where a result is a mean over draws, one for each of them, too, in the column ``draw``.
    """
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "noise": reading.noise.label,
                "id": reading.test.ids,
                "label": reading.test.labels,
                "prediction": reading.predictions,
            }
            | ({} if reading.draw is None else {"draw": reading.draw})
        )
        for reading in result.readings
    ]
    if not tables:
        return pd.DataFrame(columns=["noise", "id", "label", "prediction"])
    return pd.concat(tables, ignore_index=True)
