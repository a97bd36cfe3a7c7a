"""Safe YAML that refuses repeated keys, reads 2e-3 as a number and knows its lines."""

import re
from collections.abc import Hashable, Sequence
from typing import Any

import yaml

from mae_bench.errors import SpecError


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, with two of its traps closed."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen and key.value != "<<":
                raise SpecError(
                    f"the key '{key.value}' occurs twice, in lines {seen[key.value]} and "
                    f"{key.start_mark.line + 1}; keep one"
                )
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a dot in a float and a sign in its exponent, so that 2e-3 would be a text.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_yaml(text: str, name: str) -> Any:
    """Return the content of one YAML document.

    Raises:
        SpecError: with the line, where the text is not YAML or repeats a key.
    """
    try:
        loader = _StrictLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        place = f", line {mark.line + 1}" if mark else ""
        raise SpecError(f"{name}{place}: not valid YAML ({problem})") from None


def parse_value(text: str, name: str) -> Any:
    """Return the value of a YAML text of one line, as ``--set`` takes it."""
    return read_yaml(text, name) if text.strip() else None


def line_of_name(text: str, name: str) -> int | None:
    """Return the line where a name stands as a whole key or value; None where several lines do."""
    lines = {
        int(token.start_mark.line) + 1
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken) and token.value == name
    }
    return lines.pop() if len(lines) == 1 else None


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line of the deepest part of a path that the text holds."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                return line
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
