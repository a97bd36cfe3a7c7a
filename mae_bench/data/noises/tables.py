"""Tables of errors that people made: read from a published set, kept as counts of pairs."""

import bisect
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache

from mae_bench.data.languages import codes_of
from mae_bench.data.sources import Source, fingerprint
from mae_bench.errors import DataError, StoreError
from mae_bench.file_stamps import Stamp, file_stamps
from mae_bench.progress import Progress

TABLE_VERSION = 1  # raise it where `build_table` writes other pairs
FILE = "table.parquet"
Pair = tuple[str, str]  # the right word, and what was written for it


@dataclass(frozen=True)
class TableSource:
    """Where the errors of a noise come from.

    Attributes:
        sources: by language.
        read: yields the pairs of a source, as often as they occurred.
    """

    sources: Mapping[str, Source]
    read: Callable[[Source, Path | None], Iterable[Pair]]

    @property
    def folders(self) -> list[str]:
        """The folders of its sources in a local data folder."""
        return [source.folder for source in self.sources.values()]

    def source(self, language: str) -> Source | None:
        """Return the source for texts of a language; None for several or another one."""
        codes = codes_of(language)
        return self.sources.get(codes[0]) if len(codes) == 1 else None

    def refusal(self, language: str) -> str:
        """Return why texts of a language stay as they are; empty if there are errors for it."""
        if self.source(language) is not None:
            return ""
        return f"its errors are of {', '.join(self.sources)} alone"


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """Errors by word.

    Attributes:
        errors: of each word its errors, and how often each and those before it were made.
    """

    errors: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]

    def knows(self, word: str) -> bool:
        """Whether there is an error for a word, as it stands or in small letters."""
        return word in self.errors or word.lower() in self.errors

    def draw(self, word: str, share: float) -> str:
        """Return an error for a word that it knows, each as often as people made it.

        Args:
            word: as it stands; the error gets its capitals.
            share: drawn from [0, 1).
        """
        is_as_written = word in self.errors
        choices, upto = self.errors[word if is_as_written else word.lower()]
        error = choices[bisect.bisect_right(upto, share * upto[-1])]
        if is_as_written:
            return error
        if len(word) > 1 and word.isupper():
            return error.upper()
        return error[:1].upper() + error[1:] if word[:1].isupper() else error


def error_table(pairs: Iterable[Pair]) -> ErrorTable:
    """Return the table of pairs."""
    return _by_word(_counted(pairs))


def table_fingerprint(table: TableSource, language: str, data_dir: Path | None) -> str:
    """Return what identifies the content of a table, without the network."""
    source = table.source(language)
    assert source is not None
    return f"noise_table{TABLE_VERSION} {fingerprint(source, data_dir)}"


def build_table(
    table: TableSource, language: str, out: Path, data_dir: Path | None, progress: Progress
) -> None:
    """Write the pairs of a table, with their counts, and ``meta.json``.

    Raises:
        DataError: the source is missing or damaged, or holds no pair.
    """
    import pyarrow
    import pyarrow.parquet

    source = table.source(language)
    assert source is not None
    progress(0, 1, f"reading {source.folder}")
    rows = _counted(table.read(source, data_dir))
    if not rows:
        raise DataError(f"data set '{source.folder}' holds no error of a single word; check it")
    out.mkdir(parents=True, exist_ok=True)
    words, errors, counts = (list(column) for column in zip(*rows, strict=True))
    columns = {"word": words, "error": errors, "count": counts}
    pyarrow.parquet.write_table(pyarrow.table(columns), out / FILE)
    meta = {
        "source": source.folder,
        "licence": source.licence,
        "words": len(set(words)),
        "pairs": len(rows),
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    progress(1, 1, f"{source.folder} prepared")


def load_table(folder: Path) -> ErrorTable:
    """Return a table that `build_table` wrote; unchanged files are read once.

    Raises:
        StoreError: a file is missing or damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        stamp = file_stamps([folder / FILE])
        if stamp not in _loaded:
            columns = pyarrow.parquet.read_table(folder / FILE).to_pydict()
            rows = zip(columns["word"], columns["error"], columns["count"], strict=True)
            _loaded[stamp] = _by_word(rows)
        return _loaded[stamp]
    except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException) as error:
        raise StoreError(
            f"the table of errors in {folder} is damaged ({type(error).__name__}: {error}); "
            "remove the folder and prepare again"
        ) from error


_loaded: LRUCache[Stamp, ErrorTable] = LRUCache(4)


def _counted(pairs: Iterable[Pair]) -> list[tuple[str, str, int]]:
    counts = Counter(pairs)
    return [(word, error, counts[word, error]) for word, error in sorted(counts)]


def _by_word(rows: Iterable[tuple[str, str, int]]) -> ErrorTable:
    lists: dict[str, tuple[list[str], list[int]]] = {}
    for word, error, count in rows:
        errors, upto = lists.setdefault(word, ([], []))
        errors.append(error)
        upto.append(count + (upto[-1] if upto else 0))
    return ErrorTable({word: (tuple(e), tuple(u)) for word, (e, u) in lists.items()})
