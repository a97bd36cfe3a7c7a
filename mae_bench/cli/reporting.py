"""The verb report: of one study, of several with a front page, or of all that a home holds."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict, cast

import typer

from mae_bench.cli.options import AsJson, Flags, Out, with_flags
from mae_bench.cli.running import write_page

if TYPE_CHECKING:
    import pandas as pd

    from mae_bench.analysis.score_tables import Spread
    from mae_bench.runner.session import Session

    Opened = tuple[Session, pd.DataFrame, str]


class Look(TypedDict):
    """How a report is written."""

    language: str
    spread: "Spread"
    foreign: Sequence[Path]


Studies = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY...",
        help="YAML files, or names that `list suites` shows; several get a front page.",
    ),
]
Form = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORM",
        help="html, a folder; or md, latex or csv: one text, on stdout or in the file of --out.",
    ),
]
TablesOnly = Annotated[
    bool, typer.Option("--tables-only", help="The tables of scores alone, as one text.")
]
SpreadName = Annotated[
    str, typer.Option("--spread", metavar="NAME", help="After ±: interval (half of 95%) or sd.")
]
Language = Annotated[
    str, typer.Option("--lang", metavar="NAME", help="en, or zh: Simplified Chinese.")
]
Foreign = Annotated[
    list[Path] | None,
    typer.Option(
        help="Results of others, shown beside and not judged: a folder of EncodEval, a .jsonl of "
        "EuroEval, a .json of lm-evaluation-harness, a .csv of means; may be repeated.",
        metavar="PATH",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every study that the home holds.")]


@with_flags
def report(
    flags: Flags,
    studies: Studies = None,
    out: Out = None,
    form: Form = "html",
    tables_only: TablesOnly = False,
    spread: SpreadName = "interval",
    lang: Language = "en",
    of_all: All = False,
    foreign: Foreign = None,
    as_json: AsJson = False,
) -> None:
    """Write the report on what is done so far: a page, tables, figures, verdicts."""
    is_text = form != "html" or tables_only
    look = _checked(studies or [], form, spread, lang, flags, of_all, foreign or ())
    if is_text and (foreign or as_json):
        _refuse("--foreign" if foreign else "--json")
    opened, missing = _all_of_home(flags) if of_all else (_opened(studies or [], flags), {})
    if is_text:
        _write_texts(opened, missing, out, form, look, tables_only)
        return
    if of_all or len(opened) > 1:
        page = _write_front(opened, missing, out, look)
    else:
        ((session, rows, command),) = opened.values()
        page = write_page(session, rows, out, command, **look)
    if as_json:
        typer.echo(json.dumps({"page": str(page), "folder": str(page.parent)}, indent=1))
    else:
        typer.echo(str(page))


def _checked(
    studies: list[str],
    form: str,
    spread: str,
    lang: str,
    flags: Flags,
    of_all: bool,
    foreign: Sequence[Path],
) -> Look:
    """Return how to write, and refuse wrong values before anything is opened.

    Raises:
        SpecError: the first of them.
    """
    from mae_bench.analysis.document import check_format
    from mae_bench.analysis.messages import speaking
    from mae_bench.analysis.score_tables import check_spread
    from mae_bench.errors import SpecError

    check_format(form)
    with speaking(lang):
        pass
    check_spread(spread)
    if of_all and (studies or flags.overrides or flags.scale):
        raise SpecError(
            "--all takes every study as it was run here; leave out names of studies, --set and "
            "--scale"
        )
    if not of_all and not studies:
        raise SpecError("report needs a study; name one or several, or give --all")
    return {"language": lang, "spread": cast("Spread", spread), "foreign": foreign}


def _refuse(flag: str) -> None:
    """Refuse a flag that a report as text has no use for."""
    from mae_bench.errors import SpecError

    raise SpecError(
        f"{flag} is for a report as a page; leave it out, or --format and --tables-only"
    )


def _opened(studies: list[str], flags: Flags) -> "dict[str, Opened]":
    """Return sessions with their rows and what to type to run them, by name of the study."""
    from mae_bench.api import finished_rows
    from mae_bench.errors import SpecError

    opened: dict[str, Opened] = {}
    for text in studies:
        session = flags.open(text)
        name = session.asked.name
        if name in opened:
            raise SpecError(f"two of the studies are called '{name}'; report them one by one")
        opened[name] = (session, finished_rows(session), flags.command("run", text))
    return opened


def _all_of_home(flags: Flags) -> "tuple[dict[str, Opened], dict[str, str]]":
    """Return what `_opened` returns for every study of the home, and why others have no report."""
    from mae_bench.api import finished_rows
    from mae_bench.errors import DataError, MaeBenchError
    from mae_bench.runner.kept import kept_studies
    from mae_bench.store.store import Store

    store = Store(flags.home)
    opened: dict[str, Opened] = {}
    missing: dict[str, str] = {}
    for name, read in kept_studies(store):
        try:
            session = flags.open(read())
            opened[name] = (session, finished_rows(session), flags.command("run", name))
        except MaeBenchError as error:
            missing[name] = str(error)
    if not opened and missing:
        told = "; ".join(f"'{name}': {why}" for name, why in missing.items())
        raise DataError(f"no study of the home {store.home} can be reported; {told}")
    if not opened:
        raise DataError(f"the home {store.home} holds no study; run one first (`mae-bench run`)")
    return opened, missing


def _write_front(
    opened: "dict[str, Opened]", missing: dict[str, str], out: Path | None, look: Look
) -> Path:
    """Write the reports of several studies and their front page."""
    from mae_bench.analysis.front import write_front_page
    from mae_bench.analysis.provenance import collect_provenance

    home = next(iter(opened.values()))[0].store.home

    def written(opened: "Opened", folder: Path) -> Path:
        session, rows, command = opened
        return write_page(session, rows, folder, command, **look)

    return write_front_page(
        {name: partial(written, one) for name, one in opened.items()},
        missing,
        out or home / "report",
        collect_provenance(),
        look["language"],
    )


def _write_texts(
    opened: "dict[str, Opened]",
    missing: dict[str, str],
    out: Path | None,
    form: str,
    look: Look,
    tables_only: bool,
) -> None:
    """Write one text after another to stdout or a file.

    Raises:
        SpecError: the texts cannot follow one another.
        StoreError: the file cannot be written.
    """
    from mae_bench.analysis.document import report_text
    from mae_bench.analysis.markup import markdown
    from mae_bench.cli.show import say
    from mae_bench.errors import SpecError, StoreError
    from mae_bench.reporting import report_context

    if form == "latex" and not tables_only and len(opened) > 1:
        raise SpecError(
            "LaTeX documents cannot follow one another; report one study, or add --tables-only"
        )
    texts: list[str] = []
    for session, rows, command in opened.values():
        context = report_context(session, rows, command, **look)
        text = report_text(rows, session.study, form, context, has_words=not tables_only)
        if form == "md" and tables_only and len(opened) > 1:  # a document has its own heading
            text = f"# {markdown(session.study.name)}\n\n{text}"
        is_headed = form == "csv" and texts  # one heading is enough
        texts.append(text.partition("\n")[2] if is_headed else text)
    for name, why in missing.items():
        say(f"warning: no report of '{name}': {why}")
    whole = ("" if form == "csv" else "\n").join(texts)
    if out is None:
        typer.echo(whole, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(whole, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"the report cannot be written to {out} ({error.strerror}); name a file to --out"
        ) from None
    typer.echo(str(out))
