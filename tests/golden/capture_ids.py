"""Writes `ids.json`: a hash of all stages and cells of each packaged study, and their number.

Run `python tests/golden/capture_ids.py` only after a change that is meant to make results anew.
"""

import hashlib
import json
from pathlib import Path

from mae_bench.planning.packaged import papers, suites
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study, read_raw
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.specs import CORPUS

FILE = Path(__file__).with_name("ids.json")


def studies():
    """Return the path of each packaged study, by name; a measurement of speed has no stages."""
    files = suites() | papers()
    return {name: path for name, path in files.items() if "kind" not in read_raw(path, (), None)}


def scales_of(path):
    """Return the scales of a study, and none for the study as it is written."""
    return (None, *read_yaml(path.read_text("utf-8"), path.name).get("scales", {}))


def ids_of(path, scale):
    """Return the number and a hash of all stages and cells, planned without local data."""
    plan = make_plan(load_study(path, (), scale), None)
    stages = [f"{stage.kind} {stage.id} {stage.label}" for stage in plan.stages]
    cells = [
        f"{cell.id} {cell.arm.label} {cell.task or CORPUS} {cell.protocol} {cell.train_size} "
        f"{cell.noise.label} {cell.seed} {cell.pretrain} {cell.evaluate}"
        for cell in plan.cells
    ]
    text = "\n".join(stages + cells)
    return [len(stages), len(cells), hashlib.sha256(text.encode()).hexdigest()[:16]]


def captured():
    """Return what the file holds."""
    return {
        f"{name}, {scale or 'as written'}": ids_of(path, scale)
        for name, path in sorted(studies().items())
        for scale in scales_of(path)
    }


if __name__ == "__main__":
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in captured().items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
