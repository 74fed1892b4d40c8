"""Waiting work, in order, of which no two pieces with one key are handed out at a time."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class KeyQueue(Generic[T]):
    """First come, first served, except that a key in use makes its later work wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}
        self._in_use: set[str] = set()
        self._free: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """Pieces of work that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def put(self, key: str, item: T) -> None:
        self._waiting.setdefault(key, deque()).append(item)
        if key not in self._in_use:
            self._free.setdefault(key)

    def take(self) -> T | None:
        """The next piece of work whose key is free; its key is in use until ``release``."""
        if not self._free:
            return None
        key, _ = self._free.popitem(last=False)
        queue = self._waiting[key]
        item = queue.popleft()
        if not queue:
            del self._waiting[key]
        self._in_use.add(key)
        return item

    def release(self, key: str) -> None:
        self._in_use.remove(key)
        if key in self._waiting:
            self._free.setdefault(key)

    def drop(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Take out all waiting work that is unwanted."""
        dropped: list[T] = []
        for key, queue in list(self._waiting.items()):
            dropped += [item for item in queue if unwanted(item)]
            kept = deque(item for item in queue if not unwanted(item))
            if kept:
                self._waiting[key] = kept
            else:
                del self._waiting[key]
                self._free.pop(key, None)
        return dropped
