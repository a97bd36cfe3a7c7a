"""Writes the tables of reports/README.md: what was claimed, published and measured, and its cost.

    python benchmarks/papers/table.py [--reports FOLDER]

Every number is read from the reports beside it, papers/*/ and findings/*/. What stands outside of
the marks `<!-- NAME -->` and `<!-- end -->` is left as it is.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from mae_bench.analysis.costs import evaluation_seconds, total_costs
from mae_bench.analysis.messages import message
from mae_bench.analysis.tables import si
from mae_bench.results import load_rows

MEASURED = ("study", "claim", "measured", "verdict")
PUBLISHED = ("published", "measured beside it", "same direction")
ONE_LINE = (*MEASURED, *PUBLISHED, "seeds", "cost", "command")
EVERY = ("study", "claim", "verdict", "measured", "unit", "seeds")
SPEED_CLAIMS = {"statement": "claim", "measured": "difference"}
COLUMNS = ["published", "difference there", "difference", "95% interval", "same direction"]
SPEED_PUBLISHED = {
    "there": "difference there",
    "formula, same shape": "difference",
    "agree": "same direction",
}


def main() -> None:
    """Write the tables of a folder of reports into its README."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER")
    readme = parser.parse_args().reports / "README.md"
    if not readme.is_file():
        parser.error(
            f"{readme} is no file; name the folder that holds papers/, findings/ and README.md"
        )
    readme.write_text(with_tables(readme.read_text("utf-8"), readme.parent), "utf-8")


def with_tables(text: str, reports: Path) -> str:
    """Return the text of a README with what stands between its marks written anew."""
    for kind in ("papers", "findings"):
        folders = sorted(path.parent for path in (reports / kind).glob("*/provenance.json"))
        every = [line for folder in folders for line in claim_lines(folder)]
        text = _between(text, kind, markdown([study_line(f) for f in folders], ONE_LINE))
        text = _between(text, f"{kind}, every claim", markdown(every, EVERY))
    return text


def study_line(folder: Path) -> dict[str, str]:
    """Return a study's first claim, the first number that was published, and what both cost."""
    claims, published = read_claims(folder), read_published(folder)
    first = claims.iloc[0]
    numbers = published[published["difference there"] != "not stated"]
    shown = (numbers if len(numbers) else published).head(1)
    is_decided = claims["verdict"].str.startswith(("supported", "refuted"))
    return {
        "study": _link(folder),
        "claim": first["claim"],
        "measured": _measured(first),
        "verdict": f"{first['verdict']}; {is_decided.sum()} of {len(claims)} claims decided",
        "published": "".join(shown["published"] + ": " + shown["difference there"])
        or "no difference",
        "measured beside it": "".join(_measured(row) for _, row in shown.iterrows()),
        "same direction": "".join(shown["same direction"]),
        "seeds": first["seeds"].split(" (")[0],
        "cost": cost(folder),
        "command": f"`{_provenance(folder)['command']}`",
    }


def claim_lines(folder: Path) -> list[dict[str, str]]:
    """Return a line for each claim of a study."""
    claims = read_claims(folder)
    return [
        {**claim[["claim", "verdict", "unit", "seeds"]], "study": _link(folder),
         "measured": _measured(claim)}
        for _, claim in claims.iterrows()
    ]  # fmt: skip


def read_claims(folder: Path) -> pd.DataFrame:
    """Return the claims of a study, or the statements of a measurement of speed."""
    path = folder / "tables" / "claims.csv"
    if path.exists():
        return _read(path)
    statements = _read(folder / "tables" / "speed-verdicts.csv").rename(columns=SPEED_CLAIMS)
    return statements.assign(unit="ratio", seeds="")


def read_published(folder: Path) -> pd.DataFrame:
    """Return published numbers beside those measured; no line where a study names none."""
    path = folder / "tables" / "references.csv"
    speed = folder / "tables" / "speed-published.csv"
    if speed.exists():
        return _read(speed).rename(columns=SPEED_PUBLISHED).assign(**{"95% interval": ""})
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return _read(path).replace(message("cell.as_above"), pd.NA).ffill()


def cost(folder: Path) -> str:
    """Return the pretrainings of a study, their FLOPs and the hours of all of its stages."""
    if not (folder / "rows.parquet").exists():
        return "timing only"
    rows = load_rows(folder)
    flops, seconds, count = total_costs(rows)
    hours = (seconds + evaluation_seconds(rows).sum()) / 3600
    device = _provenance(folder)["pretraining"]["device"].upper()
    return f"{count} pretrainings, {si(flops)} FLOPs, {hours:.1f} h of one worker ({device})"


def markdown(lines: list[dict[str, str]], columns: tuple[str, ...]) -> str:
    """Return a table, or a sentence in place of an empty one; bars in its cells are escaped."""
    if not lines:
        return "None has been run yet.\n"
    cells = [columns, ["---"] * len(columns)]
    cells += [[str(line[name]).replace("|", "\\|") for name in columns] for line in lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _between(text: str, name: str, table: str) -> str:
    marks = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    return marks.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


def _measured(line: "pd.Series[str]") -> str:
    return f"{line['difference']} {line['95% interval']}".strip()


def _link(folder: Path) -> str:
    return f"[{folder.name}]({folder.parent.name}/{folder.name}/README.md)"


def _provenance(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "provenance.json").read_text("utf-8"))
    return content


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


if __name__ == "__main__":
    main()
