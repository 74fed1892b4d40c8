"""Work in hand: what waits, what waits for its next attempt, what runs."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable

from polyvox.ports import Clock
from polyvox.worker.attempt import Again, Job
from polyvox.worker.key_queue import KeyQueue
from polyvox.worker.lanes import Lane

logger = logging.getLogger(__name__)

CANCEL_GRACE_S = 10.0
"""How long a cancelled handler may take to clean up."""


class Crew:
    """Runs up to ``concurrency`` jobs, never two of one key, each key's in the order they came.

    A job between two attempts takes none of the ``concurrency`` places, but keeps its key.

    Args:
        attempt: takes a job one step further; None when it is done with.
        on_done: told of each job that is done with.
        on_failure: told what ``attempt`` raised; the job is left as it is.
        on_change: called whenever the number of running jobs changed.
    """

    def __init__(
        self,
        name: str,
        concurrency: int,
        clock: Clock,
        attempt: Callable[[Job], Awaitable[Again | None]],
        *,
        on_done: Callable[[Job], None],
        on_failure: Callable[[BaseException], None],
        on_change: Callable[[], None],
    ) -> None:
        self._name = name
        self._concurrency = concurrency
        self._clock = clock
        self._attempt = attempt
        self._on_done = on_done
        self._on_failure = on_failure
        self._on_change = on_change
        self._queue: KeyQueue[Job] = KeyQueue()
        self._due: deque[Job] = deque()
        self._waiting: dict[Job, asyncio.Task[None]] = {}
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._starting = True

    @property
    def running(self) -> int:
        return len(self._running)

    def put(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._queue.put(job.record.key, job)
        self._start()

    def start_no_more(self) -> None:
        """What runs goes on; nothing else begins."""
        self._starting = False

    async def let_go(self, lanes: Collection[Lane], within_s: float) -> None:
        """Drop what has not begun in ``lanes``; let the rest finish for a while, then cancel it.

        The lanes are ``closing`` from then on, and nothing of them is taken on again.
        """
        if not lanes:
            return
        for lane in lanes:
            lane.closing = True
        idle = self._queue.drop(lambda job: job.lane.closing)
        held = [job for job in (*self._waiting, *self._due) if job.lane.closing]
        for job in held:
            if (task := self._waiting.pop(job, None)) is not None:
                task.cancel()
            self._queue.release(job.record.key)
        self._due = deque(job for job in self._due if not job.lane.closing)
        running = {task for job, task in self._running.items() if job.lane in lanes}
        if idle or held or running:
            logger.info(
                "%s hands back %d messages and has %d in flight", self._name, len(idle) + len(held), len(running)
            )
        self._start()
        if cancelled := await self._finish(running, within_s):
            logger.warning("%s cancelled %d messages in flight and hands them back", self._name, cancelled)

    def _start(self) -> None:
        while self._starting and len(self._running) < self._concurrency:
            job = self._due.popleft() if self._due else self._queue.take()
            if job is None:
                break
            self._running[job] = asyncio.create_task(self._work(job), name=f"{self._name} {job}")
        self._on_change()

    async def _work(self, job: Job) -> None:
        again: Again | None = None
        done = False
        try:
            again = await self._attempt(job)
            done = again is None
        except Exception as error:
            self._on_failure(error)
        finally:
            del self._running[job]
            if again is not None and not job.lane.closing:
                self._waiting[job] = asyncio.create_task(self._wait(job, again.delay_s), name=f"retry of {job}")
            else:
                self._queue.release(job.record.key)
            if done:
                self._on_done(job)
            self._start()

    async def _wait(self, job: Job, seconds: float) -> None:
        await self._clock.sleep(seconds)
        del self._waiting[job]
        self._due.append(job)
        self._start()

    async def _finish(self, tasks: Iterable[asyncio.Task[None]], within_s: float) -> int:
        """Wait for ``tasks``, then cancel those left; returns how many."""
        left = set(tasks)
        timer = asyncio.create_task(self._clock.sleep(within_s))
        try:
            while left and not timer.done():
                await asyncio.wait({*left, timer}, return_when=asyncio.FIRST_COMPLETED)
                left = {task for task in left if not task.done()}
        finally:
            timer.cancel()
            for task in left:
                task.cancel()
        if left:
            _, stuck = await asyncio.wait(left, timeout=CANCEL_GRACE_S)
            if stuck:
                logger.error("%s: %d handlers do not react to being cancelled", self._name, len(stuck))
        return len(left)
