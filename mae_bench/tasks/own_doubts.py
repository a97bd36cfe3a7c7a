"""What is odd in a user's own files, in sentences: rows left out, texts twice, rare classes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache

from mae_bench.data.own_files import FileSource, OwnData, OwnRow, flat_names
from mae_bench.file_stamps import Stamp
from mae_bench.plurals import counted

_SHOWN = 5  # classes that a sentence names


@lru_cache(maxsize=32)
def doubts(source: FileSource, stamps: Stamp) -> tuple[str, ...]:
    """Return what is odd in the files; ``stamps`` are part of the key."""
    data = source.read()
    return (*_left_out(data), *_repeated(data.rows), *(_rare(data) if source.has_classes else ()))


def _left_out(data: OwnData) -> list[str]:
    return [f"{counted(count, 'row')} {why} left out" for why, count in data.skipped.items()]


def _repeated(rows: Sequence[OwnRow]) -> list[str]:
    """Return how many texts occur twice, and how many of these with another label."""
    labels: dict[str, list[OwnRow]] = defaultdict(list)
    for row in rows:
        labels[row.key].append(row)
    twice = [same for same in labels.values() if len(same) > 1]
    differ = [same for same in twice if any(row.label != same[0].label for row in same)]
    sentences = []
    if twice:
        sentences.append(f"{counted(len(twice), 'text')} {_occurs(twice)} more than once")
    if differ:
        first = differ[0]
        other = next(row for row in first if row.label != first[0].label)
        sentences.append(
            f"{counted(len(differ), 'text')} {_occurs(differ)} with different labels, such as "
            f"{first[0].label!r} in {first[0].where} and {other.label!r} in {other.where}; all "
            "are kept"
        )
    return sentences


def _rare(data: OwnData) -> list[str]:
    counts = {
        part: Counter(name for row in rows for name in set(flat_names(row.label)))
        for part, rows in data.parts.items()
    }
    total = sum(counts.values(), Counter())
    unseen = sorted(set(counts["test"]) - set(counts["train"]))
    once = sorted(name for name, count in total.items() if count == 1)
    sentences = []
    if unseen:
        sentences.append(
            f"{counted(len(unseen), 'class', 'classes')} of test never {_occurs(unseen)} in train "
            f"({some_of(unseen)}): no model can predict them"
        )
    if once:
        number = counted(len(once), "class", "classes")
        sentences.append(f"{number} with one example alone ({some_of(once)})")
    return sentences


def _occurs(things: Sequence[object]) -> str:
    return "occurs" if len(things) == 1 else "occur"


def some_of(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
