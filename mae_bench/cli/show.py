"""Puts numbers and tables on the terminal; results on stdout, everything else on stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], has_title: bool = False
) -> None:
    """Show a table: drawn on a terminal, one line of tabs a row elsewhere.

    ``has_title`` writes the title there too, for a reader of several tables.
    """
    if not sys.stdout.isatty():
        if has_title:
            typer.echo(f"# {title}")
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


def lines(texts: Iterable[str]) -> None:
    """Show lines on stdout."""
    for text in texts:
        typer.echo(text)


def say(text: str) -> None:
    """Show a line on stderr."""
    typer.echo(text, err=True)


def by_cause(failures: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each cause of failed stages, from their records."""
    causes: dict[str, list[Mapping[str, Any]]] = {}
    for record in failures:
        causes.setdefault(record["message"], []).append(record)
    texts = []
    for cause, records in causes.items():
        first, others = records[0], len(records) - 1
        more = f" and {others} more" if others else ""
        texts.append(f"failed: {first['label']}{more}: {cause}\n        {first['traceback']}")
    return texts


def number(value: float | None) -> str:
    """Return a number with a unit prefix, as ``1.2 T``; a dash for none."""
    if value is None:
        return "-"
    for prefix, scale in (
        ("Z", 1e21),
        ("E", 1e18),
        ("P", 1e15),
        ("T", 1e12),
        ("G", 1e9),
        ("M", 1e6),
    ):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {prefix}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 129_600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def size(num_bytes: float) -> str:
    """Return bytes as people say them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.3g} {unit}"
    return f"{num_bytes:.0f} B"
