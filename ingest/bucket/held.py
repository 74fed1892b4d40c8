"""Objects that wait in their buckets because their tenants have enough work waiting.

They are remembered only for a while and only so many: the bucket has them, and the sweep finds them
again. Of each tenant the oldest are kept, and the tenants take turns.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.bucket.found import Found
from polyvox.contracts.envelope import Lane

HELD_MAX = 10_000
"""Of one tenant in one lane: more than goes on the log between two sweeps."""

Holder = tuple[str, Lane]


@dataclass(slots=True)
class _Queue:
    """The oldest objects, as a heap of the newest first, so that what is too much goes at once."""

    newest: list[tuple[float, str, Found]] = field(default_factory=list)
    known: set[tuple[str | None, str, str]] = field(default_factory=set)


class Held:
    """``left_out`` has those of whom more was held back than is remembered here, so that only a sweep finds it."""

    def __init__(self, limit: int = HELD_MAX) -> None:
        self._limit = limit
        self._queues: dict[Holder, _Queue] = {}
        self.left_out: set[Holder] = set()

    def __len__(self) -> int:
        return sum(len(queue.newest) for queue in self._queues.values())

    def has_any(self, holder: Holder) -> bool:
        return holder in self._queues

    def add(self, holder: Holder, found: Found) -> None:
        queue = self._queues.setdefault(holder, _Queue())
        name = (found.bucket, found.key, found.version or found.etag)
        if name in queue.known:
            return
        queue.known.add(name)
        heapq.heappush(queue.newest, (-found.told_at.timestamp(), found.key, found))
        if len(queue.newest) > self._limit:
            self._forget(queue, heapq.heappop(queue.newest)[2])
            self.left_out.add(holder)

    def pop(self, has_room: Callable[[str, Lane], bool]) -> list[tuple[Holder, Found]]:
        """The oldest object of each tenant that has room, those first that have waited for their turn longest."""
        taken = []
        for holder, queue in list(self._queues.items()):
            if not has_room(*holder):
                continue
            # Sorted, a heap of the newest first ends with the oldest.
            queue.newest.sort()
            found = queue.newest.pop()[2]
            self._forget(queue, found)
            taken.append((holder, found))
            if not queue.newest:
                del self._queues[holder]
        return taken

    @staticmethod
    def _forget(queue: _Queue, found: Found) -> None:
        queue.known.discard((found.bucket, found.key, found.version or found.etag))
