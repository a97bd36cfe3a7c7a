"""Whatever a file of records is written with, the same texts are read from it."""

import csv
import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mae_bench.data.records import labelled_file, read_records

TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=0, max_size=12
)
ROWS = st.lists(st.tuples(TEXT, st.sampled_from(["NA", "001", "a;b", 'c"d'])), min_size=1)
WRITTEN = st.tuples(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)


@settings(max_examples=60)
@given(ROWS, WRITTEN, st.booleans())
def test_csv_gives_back_what_was_written(tmp_path_factory, rows, written, has_mark):
    separator, end, quoting = written
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([("label", "text", "more"), *((label, text, "x") for text, label in rows)])
    path = tmp_path_factory.getbasetemp() / "records.csv"
    path.write_bytes((b"\xef\xbb\xbf" if has_mark else b"") + out.getvalue().encode())
    records = read_records(labelled_file(path), ["text", "label"])
    assert list(zip(*records.columns.values(), strict=True)) == rows
    given = read_records(labelled_file(path), ["text", "label"], separator=separator)
    assert given.columns == records.columns


@settings(max_examples=40)
@given(ROWS, st.booleans())
def test_json_lines_give_back_what_was_written(tmp_path_factory, rows, is_ascii):
    lines = [json.dumps({"text": a, "label": b}, ensure_ascii=is_ascii) for a, b in rows]
    path = tmp_path_factory.getbasetemp() / "records.jsonl"
    path.write_bytes("\n".join(lines).encode())
    records = read_records(labelled_file(path), ["text", "label"])
    assert list(zip(*records.columns.values(), strict=True)) == rows
    assert records.where(0) == f"line 1 of {path}"
