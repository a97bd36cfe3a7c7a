"""Escapes the text of users for Markdown and LaTeX, so that none of it is read as markup."""

import re

_SPACES = re.compile(r"\s+")
# Of signs that also occur in numbers and names, only where they would be read as markup.
_MARKDOWN = re.compile(
    r"[\\|`*~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not inside a word, where it is no emphasis
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)"
    r"|\[(?=[^\]]*\][(\[:])"
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{MINUS SIGN}": "$-$",
    "†": r"\dag{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "≥": r"$\geq$",
    "·": r"$\cdot$",
    "—": "---",
}
_LATEX_SIGNS = str.maketrans(_LATEX)


def one_line(text: str) -> str:
    """Return the text with every run of white space, line breaks among them, as one blank."""
    return _SPACES.sub(" ", text).strip()


def markdown(text: str) -> str:
    """Return the text for a line of Markdown or a cell of its tables."""
    return _MARKDOWN.sub(r"\\\g<0>", one_line(text))


def latex(text: str) -> str:
    """Return the text for a cell, a heading or a caption of LaTeX."""
    escaped = one_line(text).translate(_LATEX_SIGNS)
    # after the \\ that ends a line, LaTeX would read these as its arguments
    return f"{{{escaped[0]}}}{escaped[1:]}" if escaped[:1] in ("[", "*") else escaped
