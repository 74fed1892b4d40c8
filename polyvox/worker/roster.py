"""Which work begins when a place is free. No clock, no tasks: crew.py runs it, the simulation of a cluster too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from polyvox.worker.fair_queue import FairQueue
from polyvox.worker.share import Share


class Work(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def share(self) -> Share: ...


W = TypeVar("W", bound=Work)


class Roster(Generic[W]):
    """``concurrency`` places. Work between two attempts takes none of them, but keeps its key."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.busy = 0
        """Places that are taken."""
        self._queue: FairQueue[W] = FairQueue()

    def __len__(self) -> int:
        """What waits for a place; not what waits for its next attempt."""
        return len(self._queue)

    def put(self, works: Iterable[W]) -> None:
        for work in works:
            self._queue.put(work.key, work, work.share)

    def begin(self) -> W | None:
        """Give a place to what is next; None when there is no place or nothing that may begin."""
        if self.busy >= self.concurrency:
            return None
        work = self._queue.take()
        self.busy += work is not None
        return work

    def end(self, work: W) -> None:
        """What has a place is through."""
        self.busy -= 1
        self._queue.release(work.key)

    def rest(self, work: W) -> None:
        """What has a place wants another attempt, later: ``resume`` or ``leave`` it."""
        self.busy -= 1

    def resume(self, work: W) -> None:
        """What rested waits for a place again, before all of its tenant that came after it."""
        self._queue.again(work.key)

    def leave(self, work: W) -> None:
        """What rested is not wanted any more."""
        self._queue.release(work.key)

    def drop(self, unwanted: Callable[[W], bool]) -> list[W]:
        """Take out what waits for a place and is unwanted."""
        return self._queue.drop(unwanted)
