"""The environment of the pages' templates: everything is escaped, words are in one language."""

from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from mae_bench.analysis.messages import joined, language, markup, message, word
from mae_bench.analysis.units import note

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> jinja2.Environment:
    """Return an environment that speaks the language of this moment."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["breakable"] = breakable
    made.globals |= {"message": message, "markup": markup, "word": word, "joined": joined}
    made.globals |= {"note": note, "language": language(), "sideways": message("page.sideways")}
    return made


def breakable(text: str) -> Markup:
    """Return escaped text that may be broken after each underscore, for narrow columns."""
    return Markup(str(escape(text)).replace("_", "_<wbr>"))
