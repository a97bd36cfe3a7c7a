"""How long stages take side by side, each after those that it needs."""

import heapq
from collections.abc import Mapping, Sequence

from mae_bench.planning.stage import Key, Stage


def makespan(stages: Sequence[Stage], seconds: Mapping[Key, float], num_workers: int) -> float:
    """Return when the last of some workers ends, each taking the first stage that is ready.

    Args:
        stages: in the order in which they are taken.
        seconds: of each that is left; the others are done.
        num_workers: at work at once.
    """
    left = [stage for stage in stages if stage.key in seconds]
    place = {stage.key: number for number, stage in enumerate(left)}
    waits_for = [{need for need in stage.needs if need in place} for stage in left]
    readers: dict[Key, list[int]] = {}
    for number, needs in enumerate(waits_for):
        for need in needs:
            readers.setdefault(need, []).append(number)
    ready = [number for number, needs in enumerate(waits_for) if not needs]  # ascending: a heap
    busy: list[tuple[float, int]] = []
    now = 0.0
    while ready or busy:
        while ready and len(busy) < num_workers:
            number = heapq.heappop(ready)
            heapq.heappush(busy, (now + seconds[left[number].key], number))
        now, ended = heapq.heappop(busy)
        key = left[ended].key
        for number in readers.get(key, ()):
            waits_for[number].discard(key)
            if not waits_for[number]:
                heapq.heappush(ready, number)
    return now


def slowdown(num_workers: int, num_places: int, crowding: float) -> float:
    """Return the times that each worker takes beside the others.

    Args:
        num_workers: at work at once.
        num_places: cores, or cards.
        crowding: the same where every place has one.
    """
    if num_workers > num_places:  # they take turns
        return crowding * num_workers / num_places
    if num_places == 1:
        return 1.0
    return 1 + (crowding - 1) * (num_workers - 1) / (num_places - 1)
