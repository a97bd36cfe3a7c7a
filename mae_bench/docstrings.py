"""Reads the ``Attributes:`` of docstrings, for lists and references made from the code."""

import inspect
import re

_ENTRY = re.compile(r"^ {4}(\w+): (.*)$")


def attribute_docs(kind: type) -> dict[str, str]:
    """Return the descriptions of a class's attributes; a subclass's own come first."""
    docs: dict[str, str] = {}
    for model in kind.__mro__:
        _, has_section, section = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")
        name = ""
        own: dict[str, str] = {}
        for line in section.splitlines() if has_section else ():
            if entry := _ENTRY.match(line):
                name = entry[1]
                own[name] = entry[2]
            elif name and line.startswith(" " * 8):
                own[name] += f" {line.strip()}"
            elif line.strip():
                break
        docs = own | docs
    return docs
