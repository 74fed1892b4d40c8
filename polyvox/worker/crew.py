"""Work in hand: what waits, what waits for its next attempt, what runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable

from polyvox.ports import Clock
from polyvox.worker.attempt import Again, Job
from polyvox.worker.holdings import Holding
from polyvox.worker.roster import Roster

logger = logging.getLogger(__name__)

CANCEL_GRACE_S = 10.0
"""How long a cancelled handler may take to clean up."""


class Crew:
    """Runs up to ``concurrency`` jobs in the order of their roster, never two of one key.

    A job between two attempts takes none of the ``concurrency`` places, but keeps its key.

    Args:
        attempt: takes a job one step further; None when it is done with.
        on_done: told of each job that is done with.
        on_failure: told what ``attempt`` raised; the job is left as it is.
        on_change: called whenever the number of running jobs changed, with the holding of the one that ended.
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
        on_change: Callable[[Holding | None], None],
    ) -> None:
        self._name = name
        self._clock = clock
        self._attempt = attempt
        self._on_done = on_done
        self._on_failure = on_failure
        self._on_change = on_change
        self._roster: Roster[Job] = Roster(concurrency)
        self._waiting: dict[Job, asyncio.Task[None]] = {}
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._starting = True

    @property
    def running(self) -> int:
        return len(self._running)

    def put(self, jobs: Iterable[Job]) -> None:
        self._roster.put(jobs)
        self._start()

    def resize(self, concurrency: int) -> None:
        """So many places from now on; what runs beyond them goes on."""
        self._roster.concurrency = concurrency
        self._start()

    def start_no_more(self) -> None:
        """What runs goes on; nothing else begins."""
        self._starting = False

    async def let_go(self, holdings: Collection[Holding], within_s: float) -> None:
        """Drop what has not begun of ``holdings``; let the rest finish for a while, then cancel it.

        They are ``closing`` from then on, and nothing of them is taken on again.
        """
        if not holdings:
            return
        for holding in holdings:
            holding.closing = True
        idle = self._roster.drop(lambda job: job.holding.closing)
        held = [job for job in self._waiting if job.holding.closing]
        for job in held:
            self._waiting.pop(job).cancel()
            self._roster.leave(job)
        running = {task for job, task in self._running.items() if job.holding in holdings}
        if idle or held or running:
            logger.info(
                "%s hands back %d messages and has %d in flight", self._name, len(idle) + len(held), len(running)
            )
        self._start()
        if cancelled := await self._finish(running, within_s):
            logger.warning("%s cancelled %d messages in flight and hands them back", self._name, cancelled)

    def _start(self, ended: Holding | None = None) -> None:
        while self._starting and (job := self._roster.begin()) is not None:
            self._running[job] = asyncio.create_task(self._work(job), name=f"{self._name} {job}")
        self._on_change(ended)

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
            if again is not None and not job.holding.closing:
                self._roster.rest(job)
                self._waiting[job] = asyncio.create_task(self._wait(job, again.delay_s), name=f"retry of {job}")
            else:
                self._roster.end(job)
            if done:
                self._on_done(job)
            self._start(job.holding)

    async def _wait(self, job: Job, seconds: float) -> None:
        await self._clock.sleep(seconds)
        del self._waiting[job]
        self._roster.resume(job)
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
