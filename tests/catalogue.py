"""Writes CATALOGUE.md: all that a study can name, as `mae-bench list --json` tells it.

python tests/catalogue.py
"""

import json
from pathlib import Path

from mae_bench.cli.catalogue import cell, parts
from mae_bench.objectives.base import OBJECTIVES

FILE = Path(__file__).parents[1] / "CATALOGUE.md"
TABLES = ("maskings", "backbones", "tasks", "corpora", "protocols", "metrics", "noises")
HEAD = """\
# Catalogue

What a study can name, with options and sources. `python tests/catalogue.py` writes this file from
what `mae-bench list --json` tells; a test compares them. `mae-bench list study` shows every other
key of a study.

## Objectives
"""


def text():
    """Return the whole file."""
    lines = [HEAD]
    for part in parts("objectives"):
        lines += [f"### {part['name']}\n", f"{_sentence(part['summary'])} {part['source']}.\n"]
        if part["options"]:
            keys = ("name", "type", "default", "description")
            rows = [{key: option[key] for key in keys} for option in part["options"]]
            for row, option in zip(rows, part["options"], strict=True):
                row["name"] = f"`{row['name']}`"
                default = f"`{json.dumps(option['default'])}`"
                row["default"] = "required" if option["is_required"] else default
                row["description"] = row["description"].replace("``", "`")
            lines += [*_table("option type default meaning".split(), rows), ""]
        if part["controls"]:
            example = json.dumps(dict(OBJECTIVES.get(part["name"]).example))
            of = "" if example == "{}" else f" with `{example}`"
            lines.append(f"Its controls{of}: {cell('controls', part['controls'])}.\n")
    for kind in TABLES:
        entries = parts(kind)
        lines += [f"## {kind.capitalize()}\n", *_table(list(entries[0]), entries), ""]
    return "\n".join(lines).rstrip() + "\n"


def _sentence(summary):
    return f"{summary[:1].upper()}{summary[1:].rstrip('.')}."


def _table(columns, rows):
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        cells = (str(value).replace("|", "\\|").replace("\n", " ") for value in row.values())
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
