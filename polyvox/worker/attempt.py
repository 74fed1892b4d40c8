"""One attempt at one message: handle it, or give it up, and say what comes next."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from polyvox import dead_letters, tracing
from polyvox.contracts import Envelope, decode
from polyvox.errors import CircuitOpen, Fatal, Invalid, Limited, PolyvoxError, Transient, WeightsMissing
from polyvox.metrics import (
    HANDLER_DURATION,
    MESSAGES_DEAD_LETTERED,
    MESSAGES_FAILED,
    MESSAGES_HANDLED,
    MESSAGES_RETRIED,
    QUEUE_AGE,
    Metrics,
)
from polyvox.ports import Clock, EventLog, Record
from polyvox.retry import RetryPolicy, Tally, code_of, delay_s, may_retry
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from polyvox.tracing import Try, Work
from polyvox.worker.circuit import CircuitBreaker
from polyvox.worker.holdings import Holding
from polyvox.worker.share import Share, lane_of

logger = logging.getLogger(__name__)

Handler = Callable[[Envelope[Any]], Awaitable[None]]
OnGiveUp = Callable[[Envelope[Any], PolyvoxError, int], Awaitable[None]]


TRIES_MAX = 8
NOTHING_YET = Tally()
NOBODYS = Share()


@dataclass(slots=True, eq=False)
class Job:
    """One message on its way through a worker."""

    record: Record
    holding: Holding
    share: Share = NOBODYS
    envelope: Envelope[Any] | None = None
    tally: Tally = NOTHING_YET
    given_up: PolyvoxError | None = None
    told: bool = False
    """``on_give_up`` is through with it."""
    troubles: int = 0
    """Failed attempts at giving it up."""
    tries: tuple[Try, ...] = ()
    """The last attempts that failed, for its trace."""

    @property
    def key(self) -> str:
        return self.record.key

    def __str__(self) -> str:
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset} ({self.record.key})"


@dataclass(frozen=True, slots=True)
class Again:
    """The message wants another attempt."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes attempts for the worker ``name``."""

    name: str
    log: EventLog
    clock: Clock
    handler: Handler
    on_give_up: OnGiveUp | None
    policy: RetryPolicy
    circuit: CircuitBreaker
    metrics: Metrics
    member: str = ""
    classes: TenantClasses = EVERYBODY_ALIKE
    chance: Callable[[], float] = random.random

    async def run(self, job: Job) -> Again | None:
        """Take ``job`` one step further; None when it is done with, for good or ill.

        Raises:
            Fatal: the handler or the log says that the process cannot go on.
            CircuitOpen: nearly everything fails. The message stays on the log as it is.
        """
        if job.given_up is None:
            if job.tally.failures == 0:
                self._observe_age(job.record, job.share.tenant)
            error = self._decoded(job) or await self._handled(job)
            if error is None:
                self.circuit.succeeded()
                self.metrics.add(MESSAGES_HANDLED, worker=self.name)
                return None
            self.metrics.add(MESSAGES_FAILED, worker=self.name, error=type(error).__name__)
            if isinstance(error, Fatal):
                raise error
            job.tally = job.tally.after(error)
            if may_retry(error, job.tally, self.policy):
                return self._again(job, error)
            self._give_up(job, error)
        if self.circuit.open:
            raise CircuitOpen(f"{self.name} stops, and leaves the rest on the log: {self.circuit}")
        return await self._buried(job)

    def _observe_age(self, record: Record, tenant: str) -> None:
        # Clocks of two machines differ a little: nothing is handled before it was written.
        age_s = max(self.clock.now().timestamp() - record.timestamp_ms / 1000, 0.0)
        lane, tenant_class = lane_of(record.topic), self.classes.of(tenant)
        self.metrics.observe(QUEUE_AGE, age_s, worker=self.name, lane=lane, tenant_class=tenant_class)

    def _decoded(self, job: Job) -> PolyvoxError | None:
        if job.envelope is None:
            try:
                job.envelope = decode(job.record.value)
            except Invalid as error:
                return error
        return None

    async def _handled(self, job: Job) -> PolyvoxError | None:
        assert job.envelope is not None
        began_s = self.clock.monotonic_s()
        try:
            with self._work(job) as work:
                error = await self._tried(job, job.envelope)
                if error is not None:
                    work.error = code_of(error)
        finally:
            self.metrics.observe(HANDLER_DURATION, self.clock.monotonic_s() - began_s, worker=self.name)
        if error is not None:
            job.tries = (*job.tries, Try(work.began_us, work.took_us or 0, code_of(error)))[-TRIES_MAX:]
        return error

    async def _tried(self, job: Job, envelope: Envelope[Any]) -> PolyvoxError | None:
        try:
            await self.handler(envelope)
        except PolyvoxError as error:
            return error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Transient("the handler's work was cancelled from within")
        except Exception as error:
            logger.exception("%s: the handler failed on %s", self.name, job)
            return Transient(f"{type(error).__name__}: {error}")
        return None

    def _about(self, job: Job) -> dict[str, Any]:
        """What a line of the log about ``job`` says besides its text."""
        context = tracing.of_headers(job.record.headers)
        media_id, part = _recording_and_part(job.record)
        return {"stage": self.name, "media_id": media_id, "part": part, "trace_id": context and context.trace_id}

    def _work(self, job: Job) -> AbstractContextManager[Work]:
        """The span of one attempt, below that of whoever wrote the message."""
        record = job.record
        media_id, part = _recording_and_part(record)
        return tracing.doing(
            self.name,
            self.clock,
            parent=tracing.of_headers(record.headers),
            media_id=media_id,
            part=part,
            member=self.member,
            received=tracing.of_message(record.headers),
            queued_us=record.timestamp_ms * 1000,
            tries=job.tries,
        )

    def _again(self, job: Job, error: PolyvoxError) -> Again:
        least_s = error.retry_after_s if isinstance(error, Limited) else 0.0
        delay = Again(least_s + delay_s(job.tally.failures, self.policy, self.chance()))
        self.metrics.add(MESSAGES_RETRIED, worker=self.name)
        logger.warning(
            "%s: attempt %d at %s failed, the next is in %.1f s: %s",
            self.name,
            job.tally.failures,
            job,
            delay.delay_s,
            _said(error),
            extra=self._about(job),
        )
        return delay

    def _give_up(self, job: Job, error: PolyvoxError) -> None:
        job.given_up = error
        # What a user sent or asked for says nothing about the worker; a message that does not decode does.
        if job.envelope is None or not isinstance(error, Invalid | WeightsMissing):
            self.circuit.failed()

    async def _buried(self, job: Job) -> Again | None:
        """Tell the stage, then the dead-letter topic; both before the offset may be committed."""
        assert job.given_up is not None
        try:
            await self._tell(job, job.given_up)
            letter = dead_letters.build(
                self.name, job.record, job.given_up, attempts=job.tally.attempts, time=self.clock.now()
            )
            await self.log.append([letter])
        except Transient as trouble:
            # Whatever it takes: a message must not vanish because the log is away.
            job.troubles += 1
            again = Again(delay_s(job.troubles, self.policy, self.chance()))
            logger.warning(
                "%s: giving up %s is tried again in %.1f s: %s",
                self.name,
                job,
                again.delay_s,
                trouble,
                extra=self._about(job),
            )
            return again
        self.metrics.add(MESSAGES_DEAD_LETTERED, worker=self.name, code=code_of(job.given_up))
        logger.error(
            "%s: gave up %s after %d attempts: %s",
            self.name,
            job,
            job.tally.attempts,
            _said(job.given_up),
            extra=self._about(job),
        )
        return None

    async def _tell(self, job: Job, error: PolyvoxError) -> None:
        if job.told or job.envelope is None or self.on_give_up is None:
            return
        try:
            with self._work(job):
                await self.on_give_up(job.envelope, error, job.tally.attempts)
        except (Transient, Fatal):
            raise
        except Exception as bug:
            if job.troubles + 1 < self.policy.attempts:
                raise Transient(f"{type(bug).__name__}: {bug}") from bug
            # The dead letter keeps the message; one that cannot be told must not hold up the rest.
            logger.exception("%s: cannot say that %s failed", self.name, job)
        job.told = True


def _recording_and_part(record: Record) -> tuple[str, int | None]:
    """From the key: nothing is decoded for it."""
    media_id, _, part = record.key.partition("/")
    return media_id, int(part) if part.isdecimal() else None


def _said(error: PolyvoxError) -> str:
    """What the log says of an error. The reason of what a user sent may quote it; the dead letter has it."""
    kind = type(error).__name__
    return f"{kind} ({error.code})" if isinstance(error, Invalid) else f"{kind}: {error}"
