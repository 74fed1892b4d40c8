"""Waiting work: interactive before bulk, fair shares among tenants, never two of one key at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from polyvox.worker.fair_lane import FairLane
from polyvox.worker.share import Share

T = TypeVar("T")


@dataclass(slots=True)
class _Piece(Generic[T]):
    number: int
    item: T
    share: Share


class FairQueue(Generic[T]):
    """What goes next: the interactive lane's before the bulk lane's; in a lane the tenant's that was
    given least (fair_lane.py); of a tenant what came first, except that a key in use makes its later
    work wait. Work of one key goes in the order it came, whatever its shares.
    """

    def __init__(self) -> None:
        # Lists, which are a tenth the size of a deque: most keys have one piece, and there are thousands of them.
        self._waiting: dict[str, list[_Piece[T]]] = {}
        self._in_use: dict[str, _Piece[T]] = {}
        self._came = 0
        self._lanes = {"interactive": FairLane(), "bulk": FairLane()}

    def __len__(self) -> int:
        """Pieces of work that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def put(self, key: str, item: T, share: Share) -> None:
        self._came += 1
        piece = _Piece(self._came, item, share)
        queue = self._waiting.get(key)
        if queue is not None:
            queue.append(piece)
            return
        self._waiting[key] = [piece]
        if key not in self._in_use:
            self._free(key)

    def take(self) -> T | None:
        """The next piece of work; its key is in use until ``release`` or ``again``."""
        for lane in self._lanes.values():
            turn = lane.take()
            if turn is not None:
                tenant, key = turn
                queue = self._waiting[key]
                piece = queue.pop(0)
                if not queue:
                    del self._waiting[key]
                lane.charge(tenant, piece.share.cost)
                self._in_use[key] = piece
                return piece.item
        return None

    def release(self, key: str) -> None:
        """The work that was taken of this key is through."""
        del self._in_use[key]
        if key in self._waiting:
            self._free(key)

    def again(self, key: str) -> None:
        """The work that was taken of this key wants another go: it waits where it had waited before."""
        self._waiting.setdefault(key, []).insert(0, self._in_use.pop(key))
        self._free(key)

    def drop(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Take out all waiting work that is unwanted."""
        dropped: list[T] = []
        for key, queue in list(self._waiting.items()):
            kept = [piece for piece in queue if not unwanted(piece.item)]
            if len(kept) == len(queue):
                continue
            dropped += [piece.item for piece in queue if unwanted(piece.item)]
            self._waiting[key] = kept
            if not kept:
                del self._waiting[key]
        if dropped:
            self._begin_anew()
        return dropped

    def _free(self, key: str) -> None:
        first = self._waiting[key][0]
        self._lanes[first.share.lane].put(first.share.tenant, key, first.number)

    def _begin_anew(self) -> None:
        """Shares are counted from here: who is dropped for has other partitions now, and other neighbours."""
        self._lanes = {"interactive": FairLane(), "bulk": FairLane()}
        for key in self._free_keys():
            self._free(key)

    def _free_keys(self) -> Iterator[str]:
        return (key for key in self._waiting if key not in self._in_use)
