"""EncodEval's folders: `<model>/<type>/<dataset>/[<from>_]lr<rate>_sd<seed>/results.json`.

A file holds ``{"validation": {"score", "scores_i"}, "test": {"score", "scores_i"}}``, ``scores_i``
one for each example (github.com/hgissbkh/EncodEval, branch MLM_vs_CLM). As there, the learning rate
is the one with the best mean validation score; the seeds at that rate are the runs. They are
fine-tunes of one pretraining.
"""

import re
from pathlib import Path

import numpy as np

from mae_bench.analysis.foreign.results import ForeignScore, of_runs, read_object, wrong

METRICS = {"SC": "accuracy", "TC": "f1", "QA": "f1", "IR": "ndcg"}
_RUN = re.compile(r"(?P<start>.*?_)?lr(?P<rate>[0-9.e+-]+)_sd(?P<seed>\d+)")


def is_encodeval(path: Path) -> bool:
    """Whether a path is a folder of its results."""
    return path.is_dir() and any(path.rglob("*lr*_sd*/results.json"))


def read_encodeval(path: Path) -> list[ForeignScore]:
    """Return a score for each model and dataset below a folder.

    Raises:
        DataError: a file is not of this form.
    """
    runs: dict[tuple[str, str, str, str], dict[str, list[tuple[float, float]]]] = {}
    for file in sorted(path.absolute().rglob("results.json")):
        named = _RUN.fullmatch(file.parent.name)
        if named is None or len(file.parts) < 5:
            continue
        model, kind, dataset = file.parts[-5:-2]
        key = (model, kind, dataset, named["start"] or "")
        scores = _scores(file)
        runs.setdefault(key, {}).setdefault(named["rate"], []).append(scores)
    found = []
    for (model, kind, dataset, start), by_rate in runs.items():
        rate = max(by_rate, key=lambda r: np.mean([validation for validation, _ in by_rate[r]]))
        note = f"fine-tunes of one pretraining at rate {rate}, the best of {len(by_rate)}"
        note += f", from {start.rstrip('_')}" if start else ""
        tests = [test for _, test in by_rate[rate]]
        metric = METRICS.get(kind, "score")
        found.append(of_runs(tests, model, dataset, metric, "EncodEval", note))
    return found


def _scores(file: Path) -> tuple[float, float]:
    content = read_object(file)
    try:
        return float(content["validation"]["score"]), float(content["test"]["score"])
    except (KeyError, TypeError, ValueError):
        raise wrong(file, "has no 'score' under 'validation' and 'test'") from None
