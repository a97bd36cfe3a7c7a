"""Zero-shot: what an encoder does that was never trained on the task.

Similarity and ranking follow from the cosine of pooled vectors, each text encoded alone (SimCSE,
Gao et al. 2021, arXiv:2104.08821; where a task is a year of STS, all its sets are one list, the
"all" setting of its appendix B). Classes follow from a prompt with a gap (PET, Schick & Schütze
2021, arXiv:2001.07676), see `mae_bench.protocols.cloze`. The pooling is chosen on the selection
part; a task without one gets the first of the recipe. Prompts are not chosen: they are written
before, and the same for every encoder. Numbers of the literature whose prompt was picked on a large
labelled set are not zero-shot (Perez et al. 2021, arXiv:2105.11447).
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.cloze import ClozeReader
from mae_bench.protocols.linear_probe import Encoder
from mae_bench.protocols.outcome import ProtocolResult, Trial, choose, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.protocols.unlearned import without_train
from mae_bench.specs import EvaluateSpec, ZeroShotRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import ClozeKind, CosineKind, ZeroShotKind

Setting = Callable[[Examples], Values]


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Predict the test split by an encoder as it is.

    Raises:
        SpecError: a task of classes has no prompt, or the objective predicts no tokens.
        DivergedError: the encoder's vectors are not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, ZeroShotRecipe)
    splits = Splits(spec, without_train(task))
    kind = kind_of(task.task)
    settings: dict[str, Setting]
    if isinstance(kind, CosineKind):
        encoder = Encoder(checkpoint, recipe, device)
        settings = {name: partial(_by_cosine, kind, encoder, name) for name in encoder.poolings}

        def count_flops() -> float | None:
            return encoder.operations.total

    else:
        cloze = ClozeReader(checkpoint, recipe, task.task, device)
        settings = {"": cloze.predict}

        def count_flops() -> float | None:
            return cloze.head.flops

    if not len(splits.selection):
        settings = dict(list(settings.items())[:1])
    # where nothing is to be chosen, nobody but a tuning of objectives reads the value
    is_scored = len(splits.selection) > 0 and (len(settings) > 1 or spec.selection_only)
    trials = []
    for done, (name, predict) in enumerate(settings.items()):
        progress(done, len(settings), f"{task.task.name}: zero-shot{name and f', {name} pooling'}")
        chosen = {"pooling": name} if name else {}
        selection, value = splits.selection, None
        if is_scored:
            value = score(task.task, selection.labels, predict(selection))
        trials.append(Trial(chosen, value))
    best = settings[str(choose(task.task, trials).chosen.get("pooling", ""))]
    return conclude(spec, splits, trials, best, started=started, count_flops=count_flops)


def _by_cosine(kind: CosineKind, encoder: Encoder, pooling: str, examples: Examples) -> Values:
    encoder.encode(kind.compared_texts(examples))
    return kind.by_cosine(examples, partial(encoder.vectors, pooling=pooling))


PROTOCOLS.register("zero_shot")(
    Protocol(
        "zero_shot",
        version=1,
        recipe=ZeroShotRecipe,
        needs_checkpoint=True,
        run=run,
        needs_labels=False,
        kinds=ZeroShotKind,
        token_kinds=ClozeKind,
    )
)
