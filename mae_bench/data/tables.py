"""Columns of parquet files: only those that are needed, whatever other columns there are."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.errors import DataError, near_match

if TYPE_CHECKING:
    import pyarrow

Columns = dict[str, list[Any]]
STREAMED_ROWS = 1_024  # that are held at once where a column is read as a stream


def read_columns(
    paths: Sequence[Path],
    texts: Sequence[str],
    others: Sequence[str] = (),
    content: bytes | None = None,
) -> Columns:
    """Return columns of several files, one after the other, as plain values.

    Files may differ in the order of their columns, in those that nobody reads, and in how they
    store text; what is stored as bytes is read as UTF-8.

    Args:
        paths: of the parts.
        texts: columns with text; values of another kind are left as they are.
        others: further columns.
        content: of the only file, where it was compressed.

    Raises:
        DataError: a file is damaged, lacks a column, or a text is not UTF-8; with file and row.
    """
    columns: Columns = {name: [] for name in (*texts, *others)}
    for path in paths:
        file = _opened(path, content)
        require_columns(columns, file.schema_arrow.names, str(path))
        part = columns_of(_read(file, path, list(columns)), str(path), texts, others)
        for name, values in part.items():
            columns[name] += values
    return columns


def stream_texts(path: Path, column: str, content: bytes | None = None) -> Iterator[Any]:
    """Yield the values of a column of one file, as `read_columns` returns them.

    Raises:
        DataError: as `read_columns` does, when it comes to the place.
    """
    import pyarrow

    file = _opened(path, content)
    require_columns((column,), file.schema_arrow.names, str(path))
    batches = file.iter_batches(STREAMED_ROWS, columns=[column])
    row = 0
    while True:
        try:
            batch = next(batches, None)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        if batch is None:
            return
        yield from _values(batch.column(0), column, str(path), is_text=True, first_row=row)
        row += len(batch)


def slice_texts(table: "pyarrow.Table", name: str, column: str) -> Iterator[Any]:
    """Yield the values of a column of a table, which may lie in a file that is mapped to memory.

    Raises:
        DataError: as `columns_of` does, when it comes to the place.
    """
    require_columns((column,), table.column_names, name)
    values = table.column(column)
    for start in range(0, len(values), STREAMED_ROWS):
        part = values.slice(start, STREAMED_ROWS)
        yield from _values(part, column, name, is_text=True, first_row=start)


def count_rows(path: Path) -> int:
    """Return the number of rows, from the metadata at the end of the file.

    Raises:
        DataError: the file is damaged.
    """
    return int(_opened(path, None).metadata.num_rows)


def columns_of(
    table: "pyarrow.Table", name: str, texts: Sequence[str], others: Sequence[str] = ()
) -> Columns:
    """Return columns of a table, which errors call ``name``, as `read_columns` returns them."""
    require_columns((*texts, *others), table.column_names, name)
    return {
        column: _values(table.column(column), column, name, column in texts)
        for column in (*texts, *others)
    }


def require_columns(wanted: Iterable[str], present: list[str], name: str) -> None:
    """Check that each column is there once.

    Raises:
        DataError: one is not; with the nearest name.
    """
    for column in wanted:
        if (count := present.count(column)) != 1:
            which = f"{count} columns" if count else "no column"
            raise DataError(
                f"{name} has {which} '{column}'; its columns are {', '.join(present)}"
                + ("; keep one" if count else "; rename the one that is meant")
                + ("" if count or not (near := near_match(column, present)) else f".{near}")
            )


def _opened(path: Path, content: bytes | None) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:  # not `read_table`, which takes columns from the names of folders
        source = str(path) if content is None else pyarrow.BufferReader(content)
        return pyarrow.parquet.ParquetFile(source)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _read(file: Any, path: Path, names: list[str]) -> "pyarrow.Table":
    import pyarrow

    try:
        return file.read(columns=names)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as parquet: {error}; replace the file")


def _values(column: Any, name: str, where: str, is_text: bool, first_row: int = 0) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
        if not is_text:
            return values
        return [v.decode("utf-8") if isinstance(v, bytes) else v for v in values]
    except UnicodeDecodeError:
        for row in range(len(column)):
            _require_utf8(column[row], name, f"row {first_row + row} of {where}")
        raise


def _require_utf8(value: Any, name: str, where: str) -> None:
    """Raise DataError for a value that is not UTF-8; conversion of whole columns names no row."""
    try:
        content = value.as_py()
        if isinstance(content, bytes):
            content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"column '{name}' in {where} is not UTF-8: byte 0x{error.object[error.start]:02x} at "
            f"offset {error.start} of its text; repair or drop that row"
        ) from error
