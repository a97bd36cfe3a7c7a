"""How much of the package is typed: `Any` switches the type checker off for whatever it touches."""

import ast
from pathlib import Path

import mae_bench

MAX_ANY = 7  # in a thousand lines


def test_any_is_rare():
    files = sorted(Path(mae_bench.__file__).parent.rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in files]
    names = [node for text in texts for node in ast.walk(ast.parse(text))]
    num_any = sum(isinstance(node, ast.Name) and node.id == "Any" for node in names)
    num_lines = sum(len(text.splitlines()) for text in texts)
    assert num_any <= MAX_ANY * num_lines / 1000, f"{num_any} in {num_lines} lines"
