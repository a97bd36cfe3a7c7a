"""The front page of several reports: each study's answer, what became of its claims, its costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mae_bench.analysis.costs import total_costs
from mae_bench.analysis.folder import mark, report_folder
from mae_bench.analysis.messages import message, speaking
from mae_bench.analysis.tables import si, whole_number
from mae_bench.analysis.templating import environment
from mae_bench.analysis.verdicts import OUTCOMES, Outcome
from mae_bench.results import load_rows, read_json


@dataclass(frozen=True)
class Entry:
    """One study on the front page.

    Attributes:
        name: of the study.
        folder: of its report, beside the front page; empty where there is none.
        description: the study's.
        headline: its answer in a sentence; why there is no report, where there is none.
        plain: its answer in a paragraph.
        claims: number of claims by outcome, those that occur.
        facts: (number, word) of its seeds, rows, failures and costs.
    """

    name: str
    folder: str
    description: str
    headline: str
    plain: str = ""
    claims: Mapping[Outcome, int] | None = None
    facts: Sequence[tuple[str, str]] = ()


def write_front_page(
    writers: Mapping[str, Callable[[Path], Path]],
    missing: Mapping[str, str],
    out: Path,
    provenance: Mapping[str, object],
    lang: str,
) -> Path:
    """Write the reports of several studies and a page that leads to them; return that page.

    Args:
        writers: by name of a study, what writes its report to a folder.
        missing: by name of a study that has no report, why.
        out: folder of the front page; each report gets a folder in it.
        provenance: as `provenance.collect_provenance` returns it.
        lang: one of `messages.LANGUAGES`.

    Raises:
        StoreError: ``out`` is a file, or a folder that holds something other than a report.
    """
    with report_folder(out) as temporary:
        with speaking(lang):
            entries = [
                read_entry(write(temporary / name).parent) for name, write in writers.items()
            ]
            entries += [Entry(name, "", "", why) for name, why in missing.items()]
            (temporary / "index.html").write_text(_render(entries), encoding="utf-8")
        mark(temporary, provenance)
    return out / "index.html"


def read_entry(folder: Path) -> Entry:
    """Return what the front page says of a report, from the report's own files."""
    verdicts, provenance = (
        read_json(folder / "verdicts.json"),
        read_json(folder / "provenance.json"),
    )
    outcomes = [claim["outcome"] for claim in verdicts["claims"]]
    study = provenance["study"]
    return Entry(
        name=study["name"],
        folder=folder.name,
        description=study.get("description") or "",
        headline=verdicts["headline"],
        plain=verdicts["plain"],
        claims={outcome: outcomes.count(outcome) for outcome in OUTCOMES if outcome in outcomes},
        facts=_facts(load_rows(folder)),
    )


def _facts(rows: pd.DataFrame) -> list[tuple[str, str]]:
    primary = rows[rows["is_primary"].fillna(True).astype(bool)]
    flops, seconds, number = total_costs(rows)
    counts = {
        "seeds": primary["seed"].nunique(),
        "runs": len(primary),
        "failures": int(primary["failure"].notna().sum()),
        "pretrainings": number,
    }
    facts = [(whole_number(n), message(f"front.{name}", n=n)) for name, n in counts.items()]
    if flops:
        facts.append((si(flops, "FLOP"), message("front.to_pretrain")))
    if seconds:
        facts.append((whole_number(seconds), message("front.seconds")))
    return facts


def _render(entries: Sequence[Entry]) -> str:
    page = environment().get_template("front.html.j2")
    title = message("front.title", n=len(entries))
    return page.render(entries=entries, title=title, outcomes=OUTCOMES)
