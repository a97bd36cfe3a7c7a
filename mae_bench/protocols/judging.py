"""The sample of a task that is judged by likelihoods, read once for each noise."""

import time
from collections.abc import Callable, Mapping

from mae_bench.progress import Progress
from mae_bench.protocols.outcome import ProtocolResult, Reading, Trial
from mae_bench.protocols.scoring import compute_metric
from mae_bench.protocols.splits import Splits
from mae_bench.specs import EvaluateSpec, ScoreRecipe
from mae_bench.tasks.base import TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.scored import ScoredKind, TextScorer


def judge_sample(
    spec: EvaluateSpec,
    task: TaskData,
    scorer: TextScorer,
    recipe: ScoreRecipe,
    progress: Progress,
    *,
    chosen: Mapping[str, float | str],
    started: float,
    count_flops: Callable[[], float | None] = lambda: None,
) -> ProtocolResult:
    """Return the result: the test examples that the recipe chooses, as a scorer judges them.

    Args:
        spec: whether the test split is to be read at all, and under which noises.
        task: of a kind that can be judged.
        scorer: that judges.
        recipe: what is read.
        progress: told of each noise.
        chosen: the one setting.
        started: `time.perf_counter` at the start of the protocol.
        count_flops: called after the last reading.
    """
    kind = kind_of(task.task)
    assert isinstance(kind, ScoredKind)  # the protocol's `kinds`
    splits = Splits(spec, task)
    sample = kind.sample(task.test, recipe)
    noises = () if spec.selection_only else spec.test_noises
    readings = []
    for done, noise in enumerate(noises):
        progress(done, len(noises), f"{task.task.name}: scoring {len(sample):,} examples")
        # the sample is of the clean texts: under every noise the same ones
        test = splits.test(noise).take(sample)
        predictions, further = kind.judge(test, scorer, recipe)
        metrics = {
            name: compute_metric(task.task, name, test.labels, predictions)
            for name in task.task.metrics
            if not (scorer.is_left_to_right and name.startswith("pseudo_"))
        }
        collapse = kind.find_collapse(test.labels, predictions)
        readings.append(Reading(noise, test, predictions, {**metrics, **further}, collapse))
    only = Trial(chosen, None, facts={"unknown_tokens": scorer.unknown})
    return ProtocolResult(
        n_train=0,
        n_selection=0,
        n_test=len(readings[0].test) if readings else 0,
        best=only,
        trials=(only,),
        readings=tuple(readings),
        seconds=time.perf_counter() - started,
        flops=count_flops(),
    )
