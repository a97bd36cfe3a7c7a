"""Reads safe YAML: plain values only, no key twice, and errors that name the line."""

import re
from collections.abc import Hashable, Sequence

import yaml

from mae_bench.errors import SpecError

MAX_INT = 2**63 - 1  # what files of results can hold
MAX_VALUES = 100_000  # with every alias written out: a few lines of aliases can mean billions
MAX_DEPTH = 100
_TAG = "tag:yaml.org,2002:"
_PLAIN = ("str", "int", "float", "bool", "null", "map", "seq", "merge")

_PLAINLY = {  # PyYAML's words, and what a user can do about it
    "mapping values are not allowed here": "a colon stands behind another in the same line, or "
    "behind a line without one; put a text with a colon in quotes, and write key: value in every "
    "line",
    "cannot start any token": "a tab, @, ` or % stands where a value begins; indent by spaces, and "
    "put a text that begins so in quotes",
    "expected the node content": "a value is missing, or begins with a sign that YAML keeps for "
    "itself; write one, or put it in quotes",
    "expected <block end>": "this line is indented otherwise than those beside it, or goes on "
    "behind a value; give lines of one list or mapping the same indent, and put a whole "
    "text in quotes",
    "expected ',' or ']'": "a list in [ ] is not closed, or lacks a comma; close it, or put a text "
    "with a comma or colon in quotes",
    "expected ',' or '}'": "a mapping in { } is not closed, or lacks a comma; close it, or put a "
    "text with a comma or colon in quotes",
    "could not find expected ':'": "a key has no colon behind it; write key: value",
    "unexpected end of stream": "a quote is not closed; close it",
    "expected <document start>": "something stands behind the end of the study; indent it, or "
    "remove it",
    "sequence entries are not allowed here": "an item (- ) stands behind a key; put items into "
    "lines of their own, or write [a, b]",
    "chomping or indentation": "a value begins with | or >; put it in quotes",
    "another document": "it holds several documents; leave out the lines of ---",
    "found undefined alias": "an alias (*name) names nothing; write &name before the value that it "
    "repeats, or put a text that begins with * in quotes",
    "unknown escape character": "a backslash in double quotes begins a code that YAML does not "
    "know; take single quotes",
}


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, without the traps and the kinds that no study can use."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        line = node.start_mark.line + 1
        if node.tag.startswith(_TAG) and node.tag.removeprefix(_TAG) not in _PLAIN:
            kind = node.tag.removeprefix(_TAG)
            raise SpecError(
                f"line {line} holds a value of the YAML kind '{kind}'; a study holds texts, "
                "numbers, true and false, lists and mappings"
            )
        try:
            value = super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            shown = str(node.value)[:40]
            raise SpecError(
                f"line {line} holds no value that can be read ({type(error).__name__}: {shown}); "
                "write a plain text, number, list or mapping"
            ) from None
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise SpecError(f"line {line} holds half of a character, which is not text: {value!r}")
        if isinstance(value, int) and abs(value) > MAX_INT:
            raise SpecError(
                f"line {line} holds a whole number of {value.bit_length()} bits; the largest is "
                f"{MAX_INT}"
            )
        return value

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                kind = "list" if isinstance(key, yaml.SequenceNode) else "mapping"
                raise SpecError(
                    f"a key in line {line} is a {kind}; a key must be a name. Braces that are "
                    "doubled, as in '{{ x }}', belong to a template that was not filled in"
                )
            if key.tag == f"{_TAG}merge":
                continue
            if key.value in seen:
                raise SpecError(
                    f"the key '{key.value}' occurs twice, in lines {seen[key.value]} and "
                    f"{line}; keep one"
                )
            seen[key.value] = line
            key.tag = f"{_TAG}str"  # YAML 1.1 reads a key `on` as true
        return super().construct_mapping(node, deep)


# Dates stay texts: pydantic then says what was wanted in their place.
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != f"{_TAG}timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 wants a dot in a float and a sign in its exponent, so that 2e-3 would be a text.
_StrictLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_yaml(text: str, name: str) -> object:
    """Return the content of one YAML document: texts, numbers, booleans, None, lists, mappings.

    Raises:
        SpecError: with the line where that is known: no YAML, a repeated key or one that is no
            name, a value of another kind, or too many.
    """
    try:
        loader = _StrictLoader(text)
        try:
            content = loader.get_single_data()
        finally:
            loader.dispose()
        _count(content, 0, [])
        return content
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from None
    except RecursionError:
        raise SpecError(f"{name}: not valid YAML (lists or mappings nested too deep)") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{name}{_line(error, text)}: not valid YAML ({_problem(error)})") from None


def _count(value: object, count: int, above: list[int]) -> int:
    """Return how many values there are so far; refuse endless and far too large documents."""
    count += 1
    if count > MAX_VALUES or len(above) > MAX_DEPTH:
        raise SpecError(
            f"it holds more than {MAX_VALUES:,} values, or more than {MAX_DEPTH} of them one "
            "inside another, once its aliases are written out; shorten it"
        )
    if isinstance(value, dict | list):
        if id(value) in above:
            raise SpecError(
                "an alias stands inside the value that it repeats; write that value out"
            )
        for item in value.values() if isinstance(value, dict) else value:
            count = _count(item, count, [*above, id(value)])
    return count


def _line(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f", line {text.count(chr(10), 0, error.position) + 1}"
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"the character U+{int(error.character):04X} may not stand in it"
    problem = str(getattr(error, "problem", None) or str(error).splitlines()[0])
    return next((plain for words, plain in _PLAINLY.items() if words in problem), problem)


def parse_value(text: str, name: str) -> object:
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
            entries = [(key, value) for key, value in node.value if key.value == str(part)]
            if not entries:
                return line
            line, node = entries[0][0].start_mark.line + 1, entries[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                return line
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
