"""No module imports another that imports it back, not even through others or inside a function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "mae_bench"


def modules(root):
    """Return the files of the package by module name."""
    files = {}
    for path in (root / PACKAGE).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def is_for_types(test):
    return ast.unparse(test).endswith("TYPE_CHECKING")


def imports(tree):
    """Yield the import statements of a module, those inside functions too, none for types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and is_for_types(node.test):
            yield from imports(ast.Module(node.orelse, []))
        else:
            yield from imports(node)


def graph(root):
    """Return, for each module, the modules of the package that it names in an import."""
    known = modules(root)
    edges = {}
    for name, path in known.items():
        imported = set()
        for node in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
                continue
            assert not node.level, f"{name} has a relative import"
            for alias in node.names:  # `from package import module` or `from module import name`
                inner = f"{node.module}.{alias.name}"
                imported.add(inner if inner in known else node.module)
        edges[name] = sorted(imported & known.keys())
    return edges


def cycles(edges):
    """Return the groups of modules that reach each other (Tarjan 1972), each sorted."""
    index, low, stack, groups = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = []
            while not group or group[-1] != name:
                group.append(stack.pop())
            if len(group) > 1 or name in edges[name]:
                groups.append(sorted(group))

    for name in edges:
        if name not in index:
            visit(name)
    return sorted(groups)


def test_no_module_imports_itself_through_others():
    edges = graph(ROOT)
    assert len(edges) > 150 and any(edges.values())
    assert cycles(edges) == []


@pytest.mark.parametrize(
    ("text", "is_cycle"),
    [
        ("from mae_bench import a", True),
        ("from mae_bench.a import part", True),
        ("import mae_bench.a", True),
        ("def late():\n    from mae_bench.a import part", True),
        ("class Part:\n    def late(self):\n        import mae_bench.a", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mae_bench.a", False),
        ("import mae_bench.c", False),
    ],
)
def test_a_cycle_is_seen_wherever_the_import_stands(tmp_path, text, is_cycle):
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name, content in {"__init__": "", "a": "import mae_bench.b", "b": text, "c": ""}.items():
        (folder / f"{name}.py").write_text(content)
    expected = [[f"{PACKAGE}.a", f"{PACKAGE}.b"]] if is_cycle else []
    assert cycles(graph(tmp_path)) == expected
