"""Records of a labelled file: CSV, TSV, JSON lines or parquet, each with where it stands.

What a file holds stays as it is: `NA`, `null` and 001 in a CSV file are texts.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mae_bench.data.files import decoded, unpacked
from mae_bench.data.listing import COMPRESSED, TextFile
from mae_bench.data.tables import read_columns, require_columns
from mae_bench.errors import DataError

KINDS = (".csv", ".tsv", ".jsonl", ".parquet")
SEPARATORS = (",", ";", "\t", "|")
_ALLOWED = f"{', '.join(KINDS)}, each also with {', '.join(COMPRESSED)} behind it"
_HALF = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class Records:
    """Columns of one file.

    Attributes:
        path: of the file.
        columns: [N] values of each column that was asked for.
        numbers: [N] the line, or of parquet the row, in which each begins.
        unit: ``line`` or ``row``.
    """

    path: Path
    columns: dict[str, list[object]]
    numbers: Sequence[int]
    unit: str

    def where(self, index: int) -> str:
        """Return where a record stands, for messages."""
        return f"{self.unit} {self.numbers[index]} of {self.path}"


def labelled_file(path: Path) -> TextFile:
    """Return how a file is read, by its ending.

    Raises:
        DataError: no file of an allowed ending is there.
    """
    packed = path.suffix if path.suffix in COMPRESSED else ""
    kind = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if kind not in KINDS:
        raise DataError(
            f"{path} cannot be read as labelled data: its ending is '{kind}', allowed are "
            f"{_ALLOWED}; convert the file, or rename it"
        )
    return TextFile(path, kind, packed)


def read_records(
    file: TextFile,
    columns: Sequence[str],
    *,
    separator: str | None = None,
    quotes: bool = True,
) -> Records:
    """Return columns of a file.

    Args:
        file: as `labelled_file` returns it.
        columns: that are wanted; text that parquet stores as bytes is read as UTF-8.
        separator: between fields of CSV; None to find it.
        quotes: whether CSV quotes fields.

    Raises:
        DataError: in one sentence, with the line where it is known.
    """
    if file.kind == ".parquet":
        content = unpacked(file) if file.packed else None
        values = read_columns([file.path], columns, content=content)
        records = Records(file.path, values, range(len(values[columns[0]])), "row")
    else:
        rows = _json_rows if file.kind == ".jsonl" else _csv_rows
        lines, values = [], {name: [] for name in columns}
        for line, fields in rows(file, columns, separator, quotes):
            lines.append(line)
            for name in columns:
                values[name].append(fields[name])
        records = Records(file.path, values, lines, "line")
    _refuse_halves(records)
    return records


def _refuse_halves(records: Records) -> None:
    for name, values in records.columns.items():
        for index, value in enumerate(values):
            if isinstance(value, str) and (half := _HALF.search(value)):
                raise DataError(
                    f"column '{name}' in {records.where(index)} holds half of a character: "
                    f"{half[0]!r} at place {half.start()}, as cutting a text in UTF-16 leaves it; "
                    "repair or drop that record"
                )


def _json_rows(
    file: TextFile, columns: Sequence[str], separator: str | None, quotes: bool
) -> Iterator[tuple[int, dict[str, object]]]:
    present: dict[str, None] = {}
    rows = []
    for number, line in enumerate(decoded(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"line {number} of {file.path} is not JSON: {error}; each line must be one object"
            ) from None
        if not isinstance(record, dict):
            raise DataError(
                f"line {number} of {file.path} must be an object with a field for each column, "
                f"got {type(record).__name__}"
            )
        present |= dict.fromkeys(record)
        rows.append((number, {name: record.get(name) for name in columns}))
    if rows:
        require_columns(columns, list(present), str(file.path))
    yield from rows


def _csv_rows(
    file: TextFile, columns: Sequence[str], separator: str | None, quotes: bool
) -> Iterator[tuple[int, dict[str, object]]]:
    text = decoded(file)
    if (nul := text.find("\0")) >= 0:
        raise DataError(
            f"line {text.count(chr(10), 0, nul) + 1} of {file.path} holds a NUL byte, which no "
            "text has; the file is damaged, or not CSV"
        )
    used = separator or _separator(text, columns, "\t" if file.kind == ".tsv" else ",", quotes)
    header: list[str] = []
    last = 0
    limit = csv.field_size_limit(max(len(text), 1))
    try:
        reader = _reader(text, used, quotes)
        for row in reader:
            line, last = last + 1, reader.line_num
            if not row:
                continue
            if not header:
                header = [name.strip() for name in row]
                require_columns(columns, header, str(file.path))
                continue
            if len(row) != len(header):
                raise _ragged(file.path, line, row, header, used)
            yield line, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise DataError(
            f"the record that begins in line {last + 1} of {file.path} cannot be read: {error}; "
            "close its quotes and double those inside, or write `quotes: false` where quotes are "
            "plain characters"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _reader(text: str, separator: str, quotes: bool) -> Any:
    return csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        strict=True,
    )


def _separator(text: str, columns: Sequence[str], usual: str, quotes: bool) -> str:
    """Return the separator that gives the wanted columns, else the one with the most fields."""
    fields: dict[str, int] = {}
    for separator in (usual, *(each for each in SEPARATORS if each != usual)):
        try:
            header = [name.strip() for name in next(_reader(text, separator, quotes), [])]
        except csv.Error:
            continue
        if set(columns) <= set(header):
            return separator
        fields[separator] = len(header)
    return max(fields, key=lambda each: fields[each], default=usual)


def _ragged(path: Path, line: int, row: list[str], header: list[str], separator: str) -> DataError:
    return DataError(
        f"line {line} of {path} has {len(row)} fields, its header {len(header)} "
        f"({', '.join(header)}); put quotes around a field that holds {separator!r}, or repair "
        "the line"
    )
