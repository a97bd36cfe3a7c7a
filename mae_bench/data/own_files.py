"""A user's own labelled files as a source of a task: which rows belong to which part."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from mae_bench.data.digests import file_digest
from mae_bench.data.listing import TextFile
from mae_bench.data.records import KINDS, Records, labelled_file, read_records
from mae_bench.errors import DataError
from mae_bench.file_stamps import Stamp, file_stamps
from mae_bench.plurals import counted
from mae_bench.user_paths import user_path

OWN_VERSION = 1  # raise it where the same file would give other rows
TEST_RATIO = 0.2  # of the texts, where no test part is given
_PARTS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "selection": ("selection", "validation", "valid", "val", "dev", "development"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}


@dataclass(frozen=True)
class OwnRow:
    """One labelled record.

    Attributes:
        texts: as the file holds them, one for each column of text, then of options.
        label: as the file holds it, or the name of its class.
        where: file and line, for messages.
    """

    texts: tuple[object, ...]
    label: object
    where: str

    @property
    def key(self) -> str:
        """What makes two rows one: the texts, in either order."""
        return json.dumps(sorted(_plain(text) for text in self.texts))


@dataclass(frozen=True)
class OwnData:
    """What the files of a task hold.

    Attributes:
        parts: the rows of train, test and, where it is given, selection.
        skipped: rows that were left out, by the reason.
        is_carved: whether test was carved out of train.
    """

    parts: dict[str, tuple[OwnRow, ...]]
    skipped: dict[str, int]
    is_carved: bool

    @property
    def rows(self) -> list[OwnRow]:
        """The rows of all parts."""
        return [row for rows in self.parts.values() for row in rows]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of classes that the labels are, or hold."""
        return frozenset(name for row in self.rows for name in flat_names(row.label))


@dataclass(frozen=True)
class FileSource:
    """Where a user's own task is read from; it stands where a published set has its `Source`.

    Attributes:
        files: part and path; the part is empty where one file holds all.
        text_fields: columns with text.
        label_field: column with the label; empty where rows have none.
        split_field: column with the part, or None.
        separator: of CSV, or None to find it.
        quotes: whether CSV quotes fields.
        has_classes: whether labels are, or hold, names of classes: a number or a boolean is then
            read as its name.
        option_fields: columns with options, of which some may be empty in a row.
        kept_together: column of a text whose rows all belong into one part, or None.
    """

    files: tuple[tuple[str, str], ...]
    text_fields: tuple[str, ...]
    label_field: str
    split_field: str | None = None
    separator: str | None = None
    quotes: bool = True
    has_classes: bool = False
    option_fields: tuple[str, ...] = ()
    kept_together: str | None = None

    @property
    def is_test_only(self) -> bool:
        """Whether all rows are a test."""
        return all(part == "test" for part, _ in self.files)

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [Path(path) for _, path in self.files]

    def fingerprint(self) -> str:
        """Return what identifies the rows: the content of the files and how they are read.

        Raises:
            DataError: a file cannot be read.
        """
        files = [
            [part, labelled_file(Path(path)).kind, file_digest(Path(path))]
            for part, path in sorted(self.files)
        ]
        how = [self.text_fields, self.label_field, self.split_field, self.separator, self.quotes]
        more = [self.option_fields, self.kept_together]
        content = json.dumps([files, how, self.has_classes, *(more if any(more) else [])])
        digest = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
        return f"own{OWN_VERSION}:{digest}"

    def read(self) -> OwnData:
        """Return the rows, read once for unchanged files.

        Raises:
            DataError: in one sentence, with file and line.
        """
        return _read(self, self.stamps())

    def stamps(self) -> Stamp:
        """Return what changes whenever one of the files does.

        Raises:
            DataError: a file is not there.
        """
        try:
            return file_stamps(self.paths)
        except OSError as error:
            raise DataError(
                f"{error.filename} cannot be read ({error.strerror}); name a file that is there"
            ) from None


def part_files(data: str) -> tuple[tuple[str, str], ...]:
    """Return the part and the path of each file that ``data`` stands for.

    Raises:
        DataError: nothing is there, or a folder holds no train part, or two files for a part.
    """
    path = user_path(data)
    if path.is_file():
        return (("", str(path)),)
    if not path.is_dir():
        raise DataError(f"'{data}' is neither a file nor a folder; name one that is there")
    files: dict[str, str] = {}
    for each in sorted(path.iterdir()):
        part = _PART_OF.get(each.name.partition(".")[0].lower())
        if part is None or not any(suffix.lower() in KINDS for suffix in each.suffixes):
            continue
        if part in files:
            raise DataError(
                f"'{data}' holds two files for {part}, {Path(files[part]).name} and {each.name}; "
                "keep one"
            )
        files[part] = str(each)
    if "train" not in files:
        named = ", ".join(sorted(each.name for each in path.iterdir())[:8]) or "nothing"
        raise DataError(
            f"'{data}' holds no file train{'|'.join(KINDS)}, got {named}; name its files train, "
            "test and selection, or name one file"
        )
    return tuple(files.items())


def class_name(label: object) -> object:
    """Return the name of a class as a file may hold it; of a list, those of its members."""
    if isinstance(label, list | tuple):
        return [class_name(each) for each in label]
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float) and label.is_integer():
        return str(int(label))  # whole numbers beside missing ones are stored so
    return label.strip() if isinstance(label, str) else str(label)


def flat_names(label: object) -> Iterator[str]:
    """Yield the names that a label is, or that its lists hold."""
    if isinstance(label, list):
        for each in label:
            yield from flat_names(each)
    else:
        yield str(label)


@lru_cache(maxsize=8)
def _read(source: FileSource, stamps: Stamp) -> OwnData:
    """Return the rows; ``stamps`` are part of the key."""
    skipped: Counter[str] = Counter()
    parts: dict[str, list[OwnRow]] = {} if source.is_test_only else {"train": []}
    for part, name in source.files:
        parts.setdefault(part or "train", [])
        for row, own_part in _rows(source, labelled_file(Path(name)), skipped):
            rows = parts.setdefault(part or own_part, [])
            rows += [row] if row else []
    for part, rows in parts.items():
        if not rows:
            raise DataError(
                f"{_names(source.paths)} holds no row for {part} with text"
                + (" and label" if source.label_field else "")
                + (f" ({_reasons(skipped)} left out)" if skipped else "")
                + ("; give labelled rows" if source.label_field else "; give rows with text")
            )
    is_carved = "test" not in parts
    if is_carved:
        parts["train"], parts["test"] = _carved(parts["train"], source)
    return OwnData({p: tuple(r) for p, r in parts.items()}, dict(skipped), is_carved)


def _rows(
    source: FileSource, file: TextFile, skipped: Counter[str]
) -> Iterable[tuple[OwnRow | None, str]]:
    """Yield each row with its part; None, counted, for one without label or text."""
    split = [source.split_field] if source.split_field else []
    label_fields = [source.label_field] if source.label_field else []
    columns = [*source.text_fields, *source.option_fields, *label_fields, *split]
    records = read_records(file, columns, separator=source.separator, quotes=source.quotes)
    texts = [records.columns[name] for name in source.text_fields]
    options = [records.columns[name] for name in source.option_fields]
    num_rows = len(records.columns[columns[0]])
    labels = records.columns[source.label_field] if label_fields else [None] * num_rows
    for index, label in enumerate(labels):
        part = _part(records, source.split_field, index)
        values = [column[index] for column in texts]
        if any(_is_missing(value) or value == [] for value in values):
            skipped["without text"] += 1
            yield None, part
        elif label_fields and _is_missing(label):
            skipped["without a label"] += 1
            yield None, part
        else:
            name = class_name(label) if source.has_classes else label
            cells = [column[index] for column in options]
            values += [None if _is_missing(cell) else cell for cell in cells]
            yield OwnRow(tuple(values), name, records.where(index)), part


def _part(records: Records, field: str | None, index: int) -> str:
    if field is None:
        return "train"
    value = records.columns[field][index]
    part = _PART_OF.get(value.strip().lower()) if isinstance(value, str) else None
    if part is None:
        raise DataError(
            f"column '{field}' in {records.where(index)} must be train, test or selection (or "
            f"validation, dev), got {value!r}; write one of these"
        )
    return part


def _carved(rows: list[OwnRow], source: FileSource) -> tuple[list[OwnRow], list[OwnRow]]:
    """Return train and test: the fifth of the texts with the smallest hashes, copies with them."""
    keys = [row.key for row in rows]
    if source.kept_together is not None:
        at = source.text_fields.index(source.kept_together)
        keys = [_plain(row.texts[at]) for row in rows]
    by_hash = sorted(set(keys), key=_hash)
    tested = set(by_hash[: math.ceil(TEST_RATIO * len(by_hash))])
    parts: tuple[list[OwnRow], list[OwnRow]] = ([], [])
    for key, row in zip(keys, rows, strict=True):
        parts[key in tested].append(row)
    return parts


def _hash(key: str) -> bytes:
    return hashlib.blake2b(f"test\n{key}".encode(), digest_size=16).digest()


def _plain(text: object) -> str:
    return text.strip() if isinstance(text, str) else json.dumps(text, default=str)


def _is_missing(value: object) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def _reasons(skipped: Counter[str]) -> str:
    return ", ".join(f"{counted(count, 'row')} {why}" for why, count in skipped.items())
