"""Where a published data set is read from: a local folder first, else the Hub at one revision.

This is the only module that touches the network, and only inside `read_split`.
A local data folder holds ``<name>/[<config>/]<split>.parquet`` with the Hub's column names. A home
keeps the digests of the files that it was prepared from under the same names: where the files are
absent, they still say which content is meant.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mae_bench.data.digests import digests_of, note_of
from mae_bench.data.listing import parquet_parts
from mae_bench.data.tables import (
    Columns,
    columns_of,
    count_rows,
    read_columns,
    slice_texts,
    stream_texts,
)
from mae_bench.errors import DataError
from mae_bench.user_paths import is_folder, user_path

if TYPE_CHECKING:
    import pyarrow

DATA_DIR_VARIABLE = "MAE_BENCH_DATA"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_ROWS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Source:
    """One published data set.

    Attributes:
        hub_id: its id on the Hub; empty where the Hub does not hold it.
        revision: the commit that is read there.
        folder: its folder inside a local data folder, such as ``imdb/unsupervised``.
        licence: as its publisher states it.
        splits: our name of each split -> the Hub's name of it; local files carry ours.
        config: the Hub's configuration.
        parts: sub-folders of ``folder`` that together make the local set.
        hub_files: our name of a split -> the one file of the Hub repository to read, for sets
            too large to fetch whole.
        hub_fields: column name on the Hub -> the column name that we and local files use.
        hub_names: columns, by our names, whose numbers the Hub counts in another order than local
            files do: they are read as the names that the Hub has for them.
        rows: rows of the published splits, by our name of a split; {} where nobody counted.
        note: what a reader of results should know.
    """

    hub_id: str
    revision: str
    folder: str
    licence: str
    splits: Mapping[str, str]
    config: str | None = None
    parts: tuple[str, ...] = ()
    hub_files: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    hub_fields: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    hub_names: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=lambda: _NO_ROWS)
    note: str = ""


def data_dir(explicit: Path | None) -> Path | None:
    """Return the local data folder: the one given, else ``MAE_BENCH_DATA``, else None.

    Raises:
        DataError: the folder named does not exist.
    """
    value = explicit or os.environ.get(DATA_DIR_VARIABLE)
    if not value:
        return None
    folder = user_path(value)
    if not is_folder(folder):
        setting = "--data-dir" if explicit else DATA_DIR_VARIABLE
        raise DataError(f"{setting} must name an existing folder, got '{value}'")
    return folder


def fingerprint(source: Source, data_dir: Path | None, also: Iterable[str] = ()) -> str:
    """Return what identifies the content that `read_split` would give, without the network.

    Local files count by content, so that a changed file makes a new result. Absent data never
    fails here: the Hub id and revision are returned, with the settings that choose a part of it.

    Args:
        source: the set.
        data_dir: local data, or None.
        also: splits that are read though the source does not list them.
    """
    splits = sorted({*source.splits, *also})
    if not (_is_local(source, splits, data_dir) or _is_noted(source, splits, data_dir)):
        read = f"hub:{source.hub_id}@{source.revision}"
        renamed = {ours: theirs for ours, theirs in source.splits.items() if ours != theirs}
        part: list[object] = [source.config, dict(source.hub_files), dict(source.hub_fields)]
        part += [renamed]
        part += [list(source.hub_names)] if source.hub_names else []
        return f"{read} {json.dumps(part, sort_keys=True)}" if any(part) else read
    total = hashlib.blake2b(digest_size=16)
    for split in splits:
        for path in _local_files(source, split, data_dir):
            for digest in digests_of(path):
                total.update(f"{split} {digest}\n".encode())
    return f"local:{total.hexdigest()}"


def notes_of(source: Source, data_dir: Path | None, also: Iterable[str] = ()) -> dict[str, str]:
    """Return what a home keeps of a local set, by path in it; {} where the set is not local.

    A folder with these files gives the same `fingerprint` as the set, and no text.

    Args:
        source: the set.
        data_dir: local data, or None.
        also: splits that are read though the source does not list them.
    """
    paths = [p for split in {*source.splits, *also} for p in _local_files(source, split, data_dir)]
    return {
        note_of(path).relative_to(data_dir).as_posix(): "\n".join(digests_of(path))
        for path in paths
        if data_dir is not None and path.exists()
    }


def read_split(
    source: Source,
    split: str,
    data_dir: Path | None,
    *,
    texts: Sequence[str],
    others: Sequence[str] = (),
) -> Columns:
    """Return columns of one split of a source.

    A local folder that holds any part of the set is binding: a split that it lacks is an error,
    never fetched from elsewhere, so that a task cannot mix two versions of a set.

    Args:
        source: the set.
        split: our name of it.
        data_dir: local data, or None.
        texts: columns with text.
        others: further columns.

    Raises:
        DataError: neither the local folder nor the Hub gave the set (the message names both), a
            file is damaged, or a column is missing.
    """
    if _is_local(source, [*source.splits, split], data_dir):
        return read_columns(_whole_local(source, split, data_dir), texts, others)
    return columns_of(_fetched(source, split, data_dir), _hub_name(source, split), texts, others)


def stream_split(source: Source, split: str, data_dir: Path | None, text: str) -> Iterator[Any]:
    """Yield one column of text of a split, in bounded memory; else as `read_split`."""
    if _is_local(source, [*source.splits, split], data_dir):
        for path in _whole_local(source, split, data_dir):
            yield from stream_texts(path, text)
        return
    table = _fetched(source, split, data_dir)
    yield from slice_texts(table, _hub_name(source, split), text)


def _fetched(source: Source, split: str, data_dir: Path | None) -> "pyarrow.Table":
    """Return a split of the Hub; what is fetched stays mapped from its file."""
    if data_dir is not None and _is_noted(source, [*source.splits, split], data_dir):
        raise DataError(
            f"data set '{source.folder}' ({split}) is not here: the home was prepared from a local "
            f"folder, and more of it is needed now. Name that folder by --data-dir or "
            f"{DATA_DIR_VARIABLE}; or remove {data_dir / source.folder}, so that the Hub is read"
        )
    tried = []
    if data_dir is None:
        tried.append("no local data folder was given")
    else:
        tried.append(f"no folder {data_dir / source.folder}")
    if source.hub_id:
        table, reason = _read_hub(source, split)
        if table is not None:
            return table
        tried.append(f"Hub '{source.hub_id}' at {source.revision[:12]} not read: {reason}")
    else:
        tried.append("the Hub does not hold this set")
    raise DataError(
        f"data set '{source.folder}' ({split}) was not found. Tried: {'; '.join(tried)}. "
        f"Give a folder that holds '{source.folder}' by --data-dir or {DATA_DIR_VARIABLE}"
        + (", or run `mae-bench prepare` once with network." if source.hub_id else ".")
    )


def _hub_name(source: Source, split: str) -> str:
    return f"the {split} split of '{source.hub_id}'"


def count_local(source: Source, split: str, data_dir: Path | None) -> int | None:
    """Return how many rows the local folder has of a split; None where it lacks the whole set.

    Raises:
        DataError: the local copy is incomplete, or a file is damaged.
    """
    if not _is_local(source, [*source.splits, split], data_dir):
        return None
    return sum(count_rows(path) for path in _whole_local(source, split, data_dir))


def is_at_hand(source: Source, data_dir: Path | None) -> bool:
    """Whether a local folder holds any part of a set, so that nothing is fetched."""
    return _is_local(source, source.splits, data_dir)


def _local_files(source: Source, split: str, data_dir: Path | None) -> list[Path]:
    if data_dir is None:
        return []
    folder = data_dir / source.folder
    return [folder / part / f"{split}.parquet" for part in source.parts or (".",)]


def _is_local(source: Source, splits: Iterable[str], data_dir: Path | None) -> bool:
    return any(path.exists() for split in splits for path in _local_files(source, split, data_dir))


def _is_noted(source: Source, splits: Iterable[str], data_dir: Path | None) -> bool:
    files = (path for split in splits for path in _local_files(source, split, data_dir))
    return any(note_of(path).exists() for path in files)


def _whole_local(source: Source, split: str, data_dir: Path | None) -> list[Path]:
    """Return the files of a split, a folder that stands for a file opened."""
    paths = _local_files(source, split, data_dir)
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise DataError(
            f"the local copy of '{source.folder}' is incomplete: {', '.join(missing)} is missing; "
            "complete the folder, or remove it so that the Hub is read"
        )
    return [file for path in paths for file in parquet_parts(path)]


def _read_hub(source: Source, split: str) -> "tuple[pyarrow.Table | None, str]":
    """Return the table, or None and why not."""
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    # whichever HTTP library huggingface_hub is built on raises its own errors too
    http_error: Any = HfHubHTTPError.__bases__[0]
    dataset_error = datasets.exceptions.DatasetsError
    files = {split: source.hub_files[split]} if split in source.hub_files else None
    try:
        loaded = datasets.load_dataset(
            source.hub_id,
            None if files else source.config,
            data_files=files,
            split=split if files else source.splits.get(split, split),
            revision=source.revision,
        )
    except (OSError, ValueError, RuntimeError, http_error, dataset_error) as error:
        first_line = str(error).partition("\n")[0]
        return None, f"{type(error).__name__}: {first_line}"
    table = loaded.with_format("arrow")[:]
    for ours in source.hub_names:
        table = _named(table, loaded.features, ours, source.hub_fields)
    names = [source.hub_fields.get(name, name) for name in table.column_names]
    return table.rename_columns(names), ""


def _named(
    table: "pyarrow.Table", features: Any, ours: str, renamed: Mapping[str, str]
) -> "pyarrow.Table":
    """Return the table with the numbers of one column replaced by the Hub's names of them."""
    import pyarrow

    column = next((theirs for theirs, new in renamed.items() if new == ours), ours)
    names = features[column].names
    texts = [None if i is None or i < 0 else names[i] for i in table.column(column).to_pylist()]
    place = table.column_names.index(column)
    return table.set_column(place, column, pyarrow.array(texts, type=pyarrow.string()))
