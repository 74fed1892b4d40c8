"""Children that hold models: as many calls at once as there are children."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from polyvox.child.child import Child
from polyvox.errors import PolyvoxError

log = logging.getLogger(__name__)

MODEL_ENV: Mapping[str, str] = {
    # Models of several processes share the cores. By default OpenMP's threads wait for each other
    # spinning, which starves the others: with a second busy process on two cores, diarizing 30 s took
    # 62 s with spinning threads and 6.6 s with sleeping ones.
    "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    # A few µs of spinning take nothing from others and save most of the waking up between the parts of a decoder's
    # step: 242 s of speech on two cores at rest took 6.7 s without and 5.3 s with it.
    "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "2000"),
}
"""Environment of every process that computes."""


class ChildPool:
    """Gives each call to a child that is free.

    Args:
        idle_s: a child that nobody called for so long is ended, and its memory, also that of a GPU, given back;
            the next call starts it anew. 0 keeps it.
    """

    def __init__(self, children: Sequence[Child], *, idle_s: float = 0.0) -> None:
        self._children = children
        self._idle_s = idle_s
        self._ends: dict[Child, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        # The last one that was free has its model loaded: a quiet worker keeps one child warm, not all.
        self._free: asyncio.LifoQueue[Child] = asyncio.LifoQueue()
        for child in children:
            self._free.put_nowait(child)

    async def call(self, method: str, /, *args: Any, timeout_s: float) -> Any:
        """``Child.call`` of the next free child. Cancelling ends that child's work."""
        child = await self._taken()
        try:
            return await child.call(method, *args, timeout_s=timeout_s)
        finally:
            self._give_back(child)

    async def warm(self) -> None:
        """Start one child before there is work for it. What goes wrong shows again at the first call."""
        child = await self._taken()
        try:
            await child.start()
        except PolyvoxError as error:
            log.warning("%s", error)
        finally:
            self._give_back(child)

    async def close(self) -> None:
        for end in self._ends.values():
            end.cancel()
        await asyncio.gather(*self._ending, *(child.close() for child in self._children))

    async def _taken(self) -> Child:
        child = await self._free.get()
        if child in self._ends:
            self._ends.pop(child).cancel()
        return child

    def _give_back(self, child: Child) -> None:
        self._free.put_nowait(child)
        if self._idle_s:
            self._ends[child] = asyncio.get_running_loop().call_later(self._idle_s, self._end, child)

    def _end(self, child: Child) -> None:
        """Runs only while nobody has the child. A call that comes now waits until it is ended."""
        self._ends.pop(child, None)
        ending = asyncio.create_task(child.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


class Warmable(Protocol):
    """What holds a pool."""

    async def warm(self) -> None: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def warmed(models: Warmable) -> AsyncIterator[None]:
    """Warms ``models`` beside whatever is done meanwhile, and closes them at the end."""
    warming = asyncio.create_task(models.warm())
    try:
        yield
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await models.close()


def threads_each(threads: int, children: int) -> int:
    """Threads for one of ``children`` processes; ``threads`` 0 shares all cores among them."""
    return threads or max(1, cores() // children)


def memory_each(gib: float | None, children: int) -> int | None:
    """Bytes of a GPU for one of ``children`` processes, each with models of its own; None bounds nothing."""
    return None if gib is None else int(gib * (1 << 30) / children)


def cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
