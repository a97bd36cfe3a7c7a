"""Results that others published, beside those of a study: read, compared unpaired, never judged.

What to touch: a reader a file, chosen in `read_foreign`.
"""

from collections.abc import Sequence
from pathlib import Path

from mae_bench.analysis.foreign.encodeval import is_encodeval, read_encodeval
from mae_bench.analysis.foreign.euroeval import read_euroeval
from mae_bench.analysis.foreign.lm_eval import read_lm_eval
from mae_bench.analysis.foreign.paper import read_paper
from mae_bench.analysis.foreign.results import ForeignScore, wrong

__all__ = ["ForeignScore", "read_foreign"]

_BY_SUFFIX = {".csv": read_paper, ".jsonl": read_euroeval, ".json": read_lm_eval}


def read_foreign(paths: Sequence[Path]) -> list[ForeignScore]:
    """Return the scores of files of results, each read by its form.

    Raises:
        DataError: a path is not there, of no known form, or without any score.
    """
    found: list[ForeignScore] = []
    for path in paths:
        if not path.exists():
            raise wrong(path, "is not there; give a file or folder of results")
        scores = _read(path)
        if not scores:
            raise wrong(path, "holds no score; give another file")
        found += scores
    return found


def _read(path: Path) -> list[ForeignScore]:
    if is_encodeval(path):
        return read_encodeval(path)
    reader = _BY_SUFFIX.get(path.suffix)
    if reader is None or path.is_dir():
        raise wrong(
            path,
            "is of no known form; known: a folder of EncodEval, a .jsonl of EuroEval, a .json of "
            "lm-evaluation-harness, a .csv of a paper's means",
        )
    return reader(path)
