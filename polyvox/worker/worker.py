"""The loop behind every consumer.

One pump task waits in ``getmany`` and is never cancelled; what it gets is handled by up to
``concurrency`` tasks, interactive before bulk and tenants in turns (fair_queue.py), never two of
one key at a time. A message that waits for its next attempt uses none of them. Offsets are
committed up to the oldest message that is not finished. Partitions of which too much is held
(window.py) are paused, and paused again after a rebalance.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from typing import Any

from polyvox.errors import Fatal, Fenced, PolyvoxError, Transient
from polyvox.metrics import MESSAGES_IN_FLIGHT, Metrics, process_metrics
from polyvox.ports import Clock, Consumer, EventLog, Record, TopicPartition
from polyvox.retry import RetryPolicy, delay_s
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from polyvox.worker.attempt import Attempts, Handler, Job, OnGiveUp
from polyvox.worker.circuit import CircuitBreaker
from polyvox.worker.crew import Crew
from polyvox.worker.holdings import Holding, Holdings
from polyvox.worker.share import Measure, share_of, size_of
from polyvox.worker.waiting import first_of
from polyvox.worker.watches import watches
from polyvox.worker.window import Window

logger = logging.getLogger(__name__)

POLL_MS = 1000
BATCH_MAX = 100
"""Messages of one call of ``getmany``: between two of them interactive ones get their turn."""
LAST_COMMIT_S = 10.0


class Worker:
    """Consumes ``topics`` as the group ``name`` and gives each message to ``handler``.

    What a handler raises decides: Invalid is given up at once, Transient is tried again up to
    ``attempts`` times, Unavailable for as long as it takes, a crash of its child process once;
    Fatal stops the worker; any other exception counts as Transient. Giving up means:
    ``on_give_up`` with the error and the number of attempts, then a dead letter, then the
    commit. ``on_give_up`` may be called again after a crash, so it publishes stable ids.

    Args:
        member: name within the group, the same after a restart.
        drain_timeout_s: how long work in flight may go on at a stop, and when its
            partition is taken away.
        circuit: when to stop because everything fails; see CircuitBreaker.
        share_by: what tenants share this worker by; see share.py.
        window: how much of each lane is held.
        classes: of tenants, for metrics.
    """

    def __init__(
        self,
        log: EventLog,
        clock: Clock,
        *,
        name: str,
        topics: Sequence[str],
        handler: Handler,
        member: str,
        concurrency: int = 1,
        attempts: int = 5,
        retry_base_s: float = 0.5,
        retry_max_s: float = 60.0,
        drain_timeout_s: float = 25.0,
        session_timeout_s: float = 45.0,
        on_give_up: OnGiveUp | None = None,
        circuit: CircuitBreaker | None = None,
        metrics: Metrics | None = None,
        share_by: Measure = "audio",
        window: Window | None = None,
        classes: TenantClasses = EVERYBODY_ALIKE,
    ) -> None:
        self._log = log
        self._clock = clock
        self._name = name
        self._topics = topics
        self._member = member
        self._drain_timeout_s = drain_timeout_s
        self._session_timeout_s = session_timeout_s
        self._policy = policy = RetryPolicy(attempts, retry_base_s, retry_max_s)
        self._metrics = metrics or process_metrics()
        circuit = circuit or CircuitBreaker()
        attempts_at = Attempts(
            name, log, clock, handler, on_give_up, policy, circuit, self._metrics, member, classes=classes
        )
        self._crew = Crew(
            name,
            concurrency,
            clock,
            attempts_at.run,
            on_done=self._finished,
            on_failure=self._halt,
            on_change=self._balance,
        )
        self.resize = self._crew.resize
        self._consumer: Consumer | None = None
        self._share_by: Measure = share_by
        self._holdings = Holdings(window)
        self._commit_wanted = asyncio.Event()
        self._halted = asyncio.Event()
        self._failure: BaseException | None = None
        self._draining = False
        self._leaving = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping`` is set, then finish or hand back what is in flight and leave the group.

        Raises:
            CircuitOpen: nearly everything fails.
            Fatal: the handler raised it, or another process took this member's name.
        """
        consumer = self._consumer = await self._subscribe(stopping)
        if consumer is None:
            return
        pump = asyncio.create_task(self._pump(consumer), name=f"pump of {self._name}")
        helpers = [
            asyncio.create_task(self._keep_committing(consumer), name=f"commits of {self._name}"),
            *watches(self._name, self._log, self._topics, consumer.assignment, self._metrics),
        ]
        drain_s = 0.0
        try:
            await first_of([asyncio.create_task(event.wait()) for event in (stopping, self._halted)])
            drain_s = self._drain_timeout_s
        finally:
            await self._wind_down(consumer, drain_s)
            await asyncio.gather(pump, return_exceptions=True)
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    def owns(self, partition: TopicPartition) -> bool:
        """Whether this worker is the one of its group that reads ``partition``; for what one of them has to do."""
        holding = self._holdings.get(partition)
        return holding is not None and not holding.closing

    async def on_assigned(self, assigned: frozenset[TopicPartition]) -> None:
        """RebalanceListener: begin with these partitions."""
        lost = self._holdings.assign(assigned)
        await self._crew.let_go(lost, 0.0)
        for holding in self._holdings:
            holding.paused = False
        self._measure()
        self._balance()

    async def on_revoked(self, revoked: frozenset[TopicPartition]) -> None:
        """RebalanceListener: finish or cancel what is in flight, commit, then commit no more."""
        holdings = [holding for holding in self._holdings if holding.partition in revoked]
        await self._crew.let_go(holdings, self._drain_timeout_s)
        if self._consumer is not None:
            await self._commit_for_last(self._consumer, holdings)
        for holding in holdings:
            self._holdings.fence(holding)
        self._measure()

    async def _subscribe(self, stopping: asyncio.Event) -> Consumer | None:
        failures = 0
        while not stopping.is_set():
            try:
                return await self._log.subscribe(
                    self._name,
                    self._topics,
                    member=self._member,
                    listener=self,
                    session_timeout_s=self._session_timeout_s,
                )
            except Transient as error:
                failures += 1
                await self._pause_after(failures, "joining the group", error, until=stopping)
        return None

    async def _pump(self, consumer: Consumer) -> None:
        failures = 0
        while not self._leaving.is_set():
            try:
                batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_MAX)
                failures = 0
            except Transient as error:
                failures += 1
                await self._pause_after(failures, "reading", error, until=self._leaving)
                continue
            except Fenced as error:
                self._halt(Fatal(f"{self._name}: another process works as member {self._member}: {error}"))
                return
            except Exception as error:
                self._halt(error)
                return
            # Between the answer and this line nothing else runs: the holdings are those it was read for.
            for partition, records in batches.items():
                holding = self._holdings.get(partition)
                if holding is not None and not holding.closing and not self._draining:
                    self._take(holding, records)
            self._measure(seldom=True)

    def _measure(self, *, seldom: bool = False) -> None:
        self._holdings.measure(self._metrics, self._name, self._clock.monotonic_s(), seldom=seldom)

    def _take(self, holding: Holding, records: Sequence[Record]) -> None:
        self._crew.put(
            Job(record, holding, share_of(record, self._share_by))
            for record in records
            if holding.take(record.offset, size_of(record))
        )
        # What was finished before and only read again may be all that a commit waited for.
        if holding.due is not None:
            self._commit_wanted.set()

    def _finished(self, job: Job) -> None:
        job.holding.finish(job.record.offset)
        self._commit_wanted.set()

    def _balance(self, changed: Holding | None = None) -> None:
        """Pause and resume partitions as it fits what is in hand; all of them, or the one that changed."""
        self._metrics.set(MESSAGES_IN_FLIGHT, self._crew.running, worker=self._name)
        if self._consumer is None:
            return
        for holding in self._holdings if changed is None else (changed,):
            if holding.fenced:
                continue
            if not holding.paused and (holding.full or holding.closing or self._draining):
                holding.paused = True
                self._consumer.pause(holding.partition)
            elif holding.paused and holding.has_room and not holding.closing and not self._draining:
                holding.paused = False
                self._consumer.resume(holding.partition)

    async def _keep_committing(self, consumer: Consumer) -> None:
        failures = 0
        while True:
            await self._commit_wanted.wait()
            self._commit_wanted.clear()
            try:
                lost = await self._holdings.commit(consumer)
                failures = 0
                await self._crew.let_go(lost, 0.0)
            except Transient as error:
                failures += 1
                self._commit_wanted.set()
                await self._pause_after(failures, "committing", error)
            except Exception as error:
                self._halt(error)
                return

    async def _commit_for_last(self, consumer: Consumer, holdings: Collection[Holding]) -> None:
        """Commit, trying for a while; what is not committed will be handled again by the next owner."""
        deadline_s = self._clock.monotonic_s() + LAST_COMMIT_S
        failures = 0
        while True:
            try:
                await self._holdings.commit(consumer, holdings)
                return
            except PolyvoxError as error:
                failures += 1
                if not isinstance(error, Transient) or self._clock.monotonic_s() > deadline_s:
                    logger.warning("%s: the last commit failed: %s", self._name, error)
                    return
                await self._pause_after(failures, "committing", error)

    async def _wind_down(self, consumer: Consumer, drain_s: float) -> None:
        self._draining = True
        self._crew.start_no_more()
        holdings = list(self._holdings)
        await self._crew.let_go(holdings, drain_s)
        await self._commit_for_last(consumer, holdings)
        for holding in holdings:
            self._holdings.fence(holding)
        self._leaving.set()
        try:
            await consumer.stop()
        except Transient as error:
            logger.warning("%s could not leave its group in order: %s", self._name, error)

    def _halt(self, error: BaseException) -> None:
        """Stop working because of ``error``; the first one is raised by ``run``."""
        if self._failure is None:
            self._failure = error
        self._crew.start_no_more()
        self._halted.set()

    async def _pause_after(
        self, failures: int, doing: str, error: BaseException, *, until: asyncio.Event | None = None
    ) -> None:
        """Wait before the next try, at most until an event is set."""
        seconds = delay_s(failures, self._policy, random.random())  # noqa: S311 - not for secrecy
        logger.warning("%s: %s failed and is tried again in %.1f s: %s", self._name, doing, seconds, error)
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._clock.sleep(seconds))]
        if until is not None:
            waits.append(asyncio.create_task(until.wait()))
        await first_of(waits)
