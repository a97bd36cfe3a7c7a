"""What a benchmark measured, as JSON beside what it prints."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark write its numbers to a file."""
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the numbers here, too")


def write_json(path: Path | None, numbers: Mapping[str, object]) -> None:
    """Write numbers, numpy's among them, if a file was asked for."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(numbers, indent=1, default=float) + "\n", encoding="utf-8")
