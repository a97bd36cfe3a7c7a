"""EuroEval's `euroeval_benchmark_results.jsonl`: a line for each model and dataset.

A line is a `BenchmarkResult` (github.com/EuroEval/EuroEval): ``{"dataset", "task", "model",
"results": {"raw": [{"test_mcc": 0.40, ...}, ...], "total": {...}}}``, ``raw`` one for each
iteration, in shares of 1; the totals are hundredths, and not read. Later versions write the same
numbers as ``eval_library.additional_details.raw_results``. The runs are iterations: another
fine-tune and another bootstrap sample of the test set each.
"""

import json
from pathlib import Path
from typing import Any

from mae_bench.analysis.foreign.results import ForeignScore, of_runs, wrong

METRICS = {"mcc": "matthews", "em": "exact_match"}
_PREFIX = "test_"
_NOTE = "iterations: a fine-tune and a bootstrap sample of the test set each"


def read_euroeval(path: Path) -> list[ForeignScore]:
    """Return a score for each line and metric.

    Raises:
        DataError: a line is not of this form.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            found += _of_line(path, number, line)
    return found


def _of_line(path: Path, number: int, line: str) -> list[ForeignScore]:
    try:
        model, dataset, raw = _parts(json.loads(line))
        by_metric: dict[str, list[float]] = {}
        for run in raw:
            for name, value in run.items():
                if name.startswith(_PREFIX) and not name.endswith("_se"):
                    by_metric.setdefault(name.removeprefix(_PREFIX), []).append(float(value))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise wrong(
            path, f"line {number} is no result of EuroEval: it needs model, dataset and results.raw"
        ) from None
    return [
        of_runs(values, model, dataset, METRICS.get(name, name), "EuroEval", _NOTE)
        for name, values in by_metric.items()
    ]


def _parts(content: dict[str, Any]) -> tuple[str, str, list[dict[str, Any]]]:
    """Return model, dataset and iterations of either version."""
    if "results" in content:
        raw = content["results"]["raw"]
        return content["model"], content["dataset"], raw["test"] if isinstance(raw, dict) else raw
    details = content["eval_library"]["additional_details"]
    return content["model_info"]["name"], details["dataset"], details["raw_results"]
