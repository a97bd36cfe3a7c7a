"""Checks the metrics that decide a study: declared, directed, comparable where averaged."""

from collections.abc import Iterable

from mae_bench.errors import SpecError
from mae_bench.measures import measure_of
from mae_bench.planning.reading import tuned_tasks
from mae_bench.specs import Study


def check_deciding(study: Study) -> None:
    """Refuse metrics that are unknown or undeclared, and deciding ones without a direction.

    Raises:
        SpecError: the first of them, or trials that would be chosen by a mean of unlike metrics.
    """
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.metrics import METRICS
    from mae_bench.tasks.own import task_of

    tuned = tuned_tasks(study)
    for name in dict.fromkeys([*study.real_tasks, *tuned]):
        task = task_of(study, name)
        for metric in task.metrics:
            METRICS.get(metric)
            measure_of(metric)
        _require_direction(f"task '{name}'", task.metrics[0])
    for name in study.protocols:
        if primary := PROTOCOLS.get(name).primary:
            _require_direction(f"protocol '{name}'", primary)
    if tuned:
        check_mean("tuning.tasks", study, tuned)


def check_mean(where: str, study: Study, tasks: Iterable[str]) -> None:
    """Refuse a mean over tasks whose deciding metrics differ in unit or direction.

    Raises:
        SpecError: they do.
    """
    from mae_bench.tasks.own import task_of

    first = {name: task_of(study, name).metrics[0] for name in tasks}
    if len({measure_of(metric) for metric in first.values()}) > 1:
        listed = ", ".join(f"{metric} of {name}" for name, metric in first.items())
        raise SpecError(
            f"{where} takes a mean over tasks, but {listed} have no common unit or direction; "
            "name one task, or tasks that share a metric"
        )


def _require_direction(what: str, metric: str) -> None:
    if measure_of(metric).better == "neither":
        raise SpecError(
            f"{what} is decided by '{metric}', of which neither more nor less is better; let "
            "another of its metrics decide"
        )
