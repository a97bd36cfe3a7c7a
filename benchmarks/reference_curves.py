"""The mean pretraining curves of packaged studies, which reports draw beside a user's own.

    python benchmarks/reference_curves.py HOME STUDY ARM [ARM ...]

Prints one JSON object a line: the mean over seeds of loss over what needs no context, at
forty numbers of tokens, with what the study trained on. Put them into ``curves`` of
mae_bench/analysis/reference_curves.json.
"""

import json
import sys
from pathlib import Path

import numpy as np

from mae_bench.analysis.curves import load_curves
from mae_bench.reporting import landmarks
from mae_bench.results import load_rows
from mae_bench.store.store import Store

POINTS = 40
DASHES = ([], [0, [1, 1]], [0, [4, 1, 1, 1]], [0, [6, 2]])


def main() -> None:
    """Print the curves of the arms that are named."""
    home, study, *arms = sys.argv[1:]
    folder = Path(home) / "studies" / study
    curves = load_curves(load_rows(folder), Path(home), landmarks(Store(Path(home))))
    asked = json.loads((folder / "study.json").read_text())
    for index, arm in enumerate(arms):
        runs = [curve for curve in curves if curve.arm == arm]
        last = min(run.tokens[-1] for run in runs)
        grid = np.geomspace(runs[0].tokens[0], last, POINTS)
        shares = [np.interp(grid, r.tokens, r.loss) / r.landmark for r in runs]
        size = asked.get("backbone", {})
        print(json.dumps({
            "name": f"{study}: {arm}",
            "dashes": DASHES[index % len(DASHES)],
            "runs": len(runs),
            "vocab_size": runs[0].vocab_size,
            "backbone": size,
            "tokens": [int(value) for value in grid],
            "share": [round(float(value), 4) for value in np.mean(shares, axis=0)],
        }))  # fmt: skip


if __name__ == "__main__":
    main()
