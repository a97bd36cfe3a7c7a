"""lm-evaluation-harness' `results_<time>.json`: one run of one model on several tasks.

The file (github.com/EleutherAI/lm-evaluation-harness) holds ``{"results": {task: {"acc,none":
0.66, "acc_stderr,none": 0.01, "alias": ...}}, "model_name": ..., "n-samples": ...}``; before
version 0.4 names lack their filter. The standard error is one over examples of a single run. It
says nothing about other runs, so the spread over runs is unknown.
"""

from pathlib import Path
from typing import Any

from mae_bench.analysis.foreign.results import ForeignScore, read_object, wrong

METRICS = {"acc": "accuracy", "mcc": "matthews", "em": "exact_match"}


def read_lm_eval(path: Path) -> list[ForeignScore]:
    """Return a score for each task and metric.

    Raises:
        DataError: the file is not of this form.
    """
    content = read_object(path)
    results = content.get("results")
    if not isinstance(results, dict) or not all(isinstance(of, dict) for of in results.values()):
        raise wrong(path, "is no result of lm-evaluation-harness: it needs 'results', by task")
    arm = str(content.get("model_name") or _model_of(content) or path.stem)
    found = []
    for task, numbers in results.items():
        for name, value in numbers.items():
            metric, _, chosen_by = name.partition(",")
            if isinstance(value, bool | str) or not isinstance(value, int | float):
                continue
            if metric.endswith("_stderr") or metric in ("sample_len", "samples"):
                continue
            error = numbers.get(f"{metric}_stderr,{chosen_by}", numbers.get(f"{metric}_stderr"))
            found.append(_score(arm, task, metric, chosen_by, float(value), error))
    return found


def _score(
    arm: str, task: str, metric: str, chosen_by: str, value: float, error: object
) -> ForeignScore:
    note = "one run"
    if isinstance(error, int | float):
        note += f", standard error over examples {error:.3g}"
    note += f", filter {chosen_by}" if chosen_by not in ("", "none") else ""
    named = METRICS.get(metric, metric)
    source = "lm-evaluation-harness"
    return ForeignScore(arm, task, named, value, float("nan"), 1, source, note)


def _model_of(content: dict[str, Any]) -> object:
    """Return the model as older files name it."""
    config = content.get("config")
    return config.get("model_args") if isinstance(config, dict) else None
