"""The sample of a task that is judged by likelihoods, read once for each noise."""

from mae_bench.progress import Progress
from mae_bench.protocols.outcome import Reading
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
) -> tuple[Reading, ...]:
    """Return the test examples that the recipe chooses, as a scorer judges them."""
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
    return tuple(readings)
