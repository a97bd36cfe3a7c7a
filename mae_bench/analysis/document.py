"""A report as one text: Markdown to send, LaTeX to compile, or CSV to compute with."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from mae_bench.analysis.best import best_with_ties
from mae_bench.analysis.cautions import cautions
from mae_bench.analysis.claims import control_of, judge_claims, judge_comparisons
from mae_bench.analysis.context import ReportContext
from mae_bench.analysis.costs import cost_table
from mae_bench.analysis.dates import claims_table, dated
from mae_bench.analysis.formats import FORMATS, NEEDED
from mae_bench.analysis.headline import headline
from mae_bench.analysis.leads import compared_settings
from mae_bench.analysis.markup import latex, markdown
from mae_bench.analysis.messages import language, message, speaking
from mae_bench.analysis.page import study_notes
from mae_bench.analysis.pairwise import Decisions, decide_all
from mae_bench.analysis.plain_words import plain_words
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.score_tables import score_table, scores_long
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table, failure_table
from mae_bench.analysis.trained import trained_sentence
from mae_bench.errors import SpecError
from mae_bench.specs import Study

_Sections = Sequence[tuple[str, Sequence[Table]]]


def check_format(name: str) -> None:
    """Refuse a form that no report has.

    Raises:
        SpecError: it is none of `formats.FORMATS`.
    """
    if name not in FORMATS:
        *known, last = FORMATS
        raise SpecError(
            f"reports are written as {', '.join(known)} or {last}, got '{name}'; give one of them "
            "to --format"
        )


def report_text(
    rows: pd.DataFrame, study: Study, form: str, context: ReportContext, *, has_words: bool = True
) -> str:
    """Return a report as one text.

    Args:
        rows: of the study.
        study: that asked for them.
        form: one of `formats.FORMATS`. CSV holds a line for each cell, as numbers; HTML is of
            tables alone, for the whole report is a folder: see `report.write_report`.
        context: its language and spread, notes, unread pairs and dates of claims are used.
        has_words: whether headline, claims, costs and failures stand around the tables of scores.
    """
    check_format(form)
    with speaking(context.language):
        scores = read_scores(rows, study, context.unread)
        decisions = decide_all(scores, control_of(study, scores))
        best = {setting: best_with_ties(scores, setting, decisions) for setting in scores.settings}
        if form == "csv":
            long = scores_long(scores, best)
            long.insert(0, "study", study.name)
            return str(long.to_csv(index=False))
        tables = [
            score_table(scores, setting, best[setting], context.spread)
            for setting in scores.settings
        ]
        if not has_words or form == "html":
            return "\n".join(FORMATS[form](table) for table in tables)
        words, sections = _contents(rows, study, scores, decisions, tables, context)
        return _WRITERS[form](study.name, words, sections)


def _contents(
    rows: pd.DataFrame,
    study: Study,
    scores: Scores,
    decisions: Decisions,
    tables: Sequence[Table],
    context: ReportContext,
) -> tuple[list[str], _Sections]:
    """Return the paragraphs at the top, and the sections of tables by heading."""
    control = control_of(study, scores)
    others = read_metrics(rows, study, (), context.unread)
    claims = dated(judge_claims(study, scores, others, rows), context.written)
    settings = compared_settings(scores)
    versus = judge_comparisons(study, scores, control, settings) if control else []
    words = [
        headline(scores, control, versus, claims),
        plain_words(rows, study, scores, control, versus, claims),
        trained_sentence(study, rows, scores, context.curves),
        *cautions(rows, scores, context.curves, decisions),
        *dict.fromkeys([*study_notes(study, scores), *context.notes]),
    ]
    failures = failure_table(rows)
    sections = [
        (message("heading.claims"), [claims_table(claims)] if claims else []),
        (message("heading.scores"), tables),
        (message("heading.costs"), [cost_table(rows, scores, control)]),
        (message("heading.failures"), [failures] if failures else []),
    ]
    return [text for text in words if text], [(name, some) for name, some in sections if some]


def _markdown(title: str, words: Sequence[str], sections: _Sections) -> str:
    parts = [f"# {markdown(title)}", f"**{markdown(words[0])}**", *map(markdown, words[1:])]
    for heading, tables in sections:
        parts += [f"## {markdown(heading)}", *(FORMATS["md"](table).rstrip() for table in tables)]
    return "\n\n".join(parts) + "\n"


def _latex(title: str, words: Sequence[str], sections: _Sections) -> str:
    """Return a document of its own; tables can be cut out, they need booktabs alone."""
    # Chinese needs XeLaTeX or LuaLaTeX with ctex; all else compiles anywhere.
    head = [r"\documentclass{ctexart}"] if language() == "zh" else [r"\documentclass{article}"]
    lines = [
        *head,
        r"\usepackage[margin=2cm,landscape]{geometry}",
        *(rf"\usepackage{{{package}}}" for package in NEEDED),
        r"\begin{document}",
        rf"\section*{{{latex(title)}}}",
        rf"\noindent\textbf{{{latex(words[0])}}}",
        *(f"\n{latex(text)}" for text in words[1:]),
    ]
    for heading, tables in sections:
        lines.append(f"\n\\subsection*{{{latex(heading)}}}")
        lines += [FORMATS["latex"](table) for table in tables]
        lines.append(r"\clearpage")
    return "\n".join([*lines, r"\end{document}", ""])


_WRITERS: Mapping[str, Callable[[str, Sequence[str], _Sections], str]] = {
    "md": _markdown,
    "latex": _latex,
}
