"""How long the rest of a run takes: what was expected, held against what was seen so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from mae_bench.planning.stage import Key


@dataclass
class _Sort:
    """Stages that take about as long: seconds seen and expected of the ended, and of the others."""

    kind: str
    num_ended: int = 0
    seen_s: float = 0.0
    expected_s: float = 0.0  # of those that ended
    num_left: int = 0
    left_s: float = 0.0

    @property
    def mean_expected_s(self) -> float:
        """Seconds expected of one."""
        return (self.expected_s + self.left_s) / max(1, self.num_ended + self.num_left)


class TimeLeft:
    """The time that is left of a run, in one worker; each look costs a step for each sort.

    A stage takes what it was expected to, times what others of its sort took beside what was
    expected of them; where none of them ended, the same of its kind.
    """

    def __init__(self, expected: Mapping[Key, float]) -> None:
        """Begin without stages; ``expected`` are their seconds, as far as they are known."""
        self._expected = expected
        self._sorts: dict[str, _Sort] = {}
        self._sort_of: dict[Key, str] = {}

    def add(self, key: Key, sort: str, kind: str) -> None:
        """Add a stage that is left."""
        self._sort_of[key] = sort
        self._sorts.setdefault(sort, _Sort(kind))
        self.again(key)

    def again(self, key: Key) -> None:
        """Put a stage among those that are left."""
        if (name := self._sort_of.get(key)) is not None:
            sort = self._sorts[name]
            sort.num_left += 1
            sort.left_s += self._expected.get(key, 0.0)

    def ended(self, key: Key, seconds: float | None) -> None:
        """Take a stage away, with the seconds that it took, if it was done here."""
        if (name := self._sort_of.get(key)) is None:
            return
        sort, expected = self._sorts[name], self._expected.get(key, 0.0)
        sort.num_left -= 1
        sort.left_s -= expected
        if seconds is not None:
            sort.num_ended += 1
            sort.seen_s += seconds
            sort.expected_s += expected

    def seconds(self) -> tuple[float, bool]:
        """Return the seconds that are left, and whether something is known of every sort."""
        ratios = self._ratios()
        total, is_whole = 0.0, True
        for sort in self._sorts.values():
            if not sort.num_left:
                continue
            if sort.num_ended and sort.expected_s > 0 and sort.left_s > 0:
                total += sort.left_s * sort.seen_s / sort.expected_s
            elif sort.num_ended:
                total += sort.num_left * sort.seen_s / sort.num_ended
            else:
                total += sort.left_s * ratios.get(sort.kind, 1.0)
                is_whole = is_whole and sort.left_s > 0
        return total, is_whole

    def _ratios(self) -> dict[str, float]:
        """Return seconds seen beside those expected, by kind.

        As if the longest sort of the kind had been seen once and taken what was expected: a first
        stage of a moment takes the imports of its process, too, which says nothing of the others.
        """
        seen: dict[str, float] = {}
        expected: dict[str, float] = {}
        longest: dict[str, float] = {}
        for sort in self._sorts.values():
            seen[sort.kind] = seen.get(sort.kind, 0.0) + (sort.seen_s if sort.expected_s > 0 else 0)
            expected[sort.kind] = expected.get(sort.kind, 0.0) + sort.expected_s
            longest[sort.kind] = max(longest.get(sort.kind, 0.0), sort.mean_expected_s)
        return {
            kind: (seen[kind] + once) / (expected[kind] + once)
            for kind, once in longest.items()
            if once > 0
        }
