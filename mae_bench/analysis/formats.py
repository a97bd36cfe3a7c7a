"""A table in the markups of papers and pages: LaTeX with booktabs, Markdown, HTML and CSV."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mae_bench.analysis.markup import latex, markdown
from mae_bench.analysis.messages import word

if TYPE_CHECKING:
    from mae_bench.analysis.tables import Table

NEEDED = ("booktabs", "graphicx")  # LaTeX packages
_LINE = 95  # characters that a page of a paper is wide
_SMALL = 115  # likewise in small print, with less between the columns; wider tables are shrunk
_LONG = 26  # characters of a cell that stand in the middle of a column; longer text at its left
_Grid = list[list[str]]


def to_latex(table: "Table") -> str:
    """Return a table environment; it needs the packages `NEEDED`.

    Where a table of scores is wider than a page and than it is long, arms stand across.
    """
    plain = [_heads(table), *_cells(table, str, "{}")]
    marked = [[latex(head) for head in plain[0]], *_cells(table, latex, r"\textbf{{{}}}")]
    rules = {table.rule_after} - {0}
    if table.is_of_scores and _width(plain) > _LINE and len(plain[0]) > len(plain):
        plain, marked = ([list(line) for line in zip(*g, strict=True)] for g in (plain, marked))
        rules = set()
    width = _width(plain)
    at_middle = [at > 0 and w <= _LONG for at, w in enumerate(_widths(plain))]
    is_shrunk = width > _SMALL
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex(table.caption)}}}",
        rf"\label{{tab:{table.slug}}}",
        *([r"\small\setlength{\tabcolsep}{4pt}"] if _LINE < width <= _SMALL else []),
        *([r"\resizebox{\linewidth}{!}{%"] if is_shrunk else []),
        rf"\begin{{tabular}}{{{''.join('c' if is_so else 'l' for is_so in at_middle)}}}",
        r"\toprule",
        *_latex_heads(marked[0]),
        r"\midrule",
    ]
    for at, line in enumerate(marked[1:]):
        lines += [r"\midrule"] if at in rules else []
        lines.append(" & ".join(line) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if is_shrunk else "")]
    if table.notes:
        notes = " ".join(latex(note) for note in table.notes)
        lines.append(rf"\par\smallskip{{\footnotesize {notes}\par}}")
    return "\n".join([*lines, r"\end{table}", ""])


def _widths(grid: _Grid) -> list[int]:
    """Return the characters of the widest cell of each column; headings break at their metric."""
    first, *others = grid
    parts = [head.split(" (") for head in first]
    return [
        max(max(map(len, part)), *(len(line[at]) for line in others))
        for at, part in enumerate(parts)
    ]


def _width(grid: _Grid) -> int:
    return sum(width + 2 for width in _widths(grid))


def _latex_heads(heads: Sequence[str]) -> list[str]:
    """Return the headings as LaTeX lines: what stands in brackets goes below."""
    lines: list[list[str]] = [[], []]
    for head in heads:
        name, _, metric = head.removesuffix(")").partition(" (")
        is_split = bool(metric) and head.endswith(")")
        lines[0].append(name if is_split else head)
        lines[1].append(metric if is_split else "")
    return [" & ".join(line) + r" \\" for line in lines if any(line[1:])]


def to_markdown(table: "Table") -> str:
    """Return the caption, a pipe table and the notes."""
    cells = _cells(table, markdown, "**{}**")
    heads = [markdown(head) for head in _heads(table)]
    widths = [max(3, *(len(line[at]) for line in [heads, *cells])) for at in range(len(heads))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in [heads, *cells]
    ]
    lines.insert(1, "|" + "|".join(":" + "-" * (width + 1) for width in widths) + "|")
    notes = [markdown(" ".join(table.notes))] if table.notes else []
    return "\n\n".join([markdown(table.caption), "\n".join(lines), *notes]) + "\n"


def to_html(table: "Table") -> str:
    """Return a table element, readable on its own and in any page."""
    cells = _cells(table, html.escape, "<strong>{}</strong>")
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in _heads(table))
    rows = [
        f'<tr><th scope="row">{line[0]}</th>{"".join(f"<td>{cell}</td>" for cell in line[1:])}</tr>'
        for line in cells
    ]
    notes = html.escape(" ".join(table.notes))
    foot = f'<tfoot><tr><td colspan="{len(table.frame.columns)}">{notes}</td></tr></tfoot>'
    parts = [
        "<table>",
        f"<caption>{html.escape(table.caption)}</caption>",
        f"<thead><tr>{heads}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody>",
        *([foot] if notes else []),
        "</table>",
    ]
    return "\n".join(parts) + "\n"


def to_csv(table: "Table") -> str:
    """Return the cells as text."""
    return str(table.frame.to_csv(index=False))


FORMATS: Mapping[str, Callable[["Table"], str]] = {
    "html": to_html,
    "md": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
}


def _heads(table: "Table") -> list[str]:
    return [word("column", str(name)) for name in table.frame.columns]


def _cells(table: "Table", escape: Callable[[str], str], strong: str) -> _Grid:
    """Return the cells in a markup; of bold ones the first word, the number, stands out."""
    grid = []
    for line, values in enumerate(table.frame.itertuples(index=False)):
        words = []
        for column, value in enumerate(values):
            if (line, column) in table.bold:
                number, blank, rest = str(value).partition(" ")
                words.append(strong.format(escape(number)) + blank + escape(rest))
            else:
                words.append(escape(word("word", str(value))))
        grid.append(words)
    return grid
