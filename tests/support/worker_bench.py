"""Workers on a real log, embedded or Kafka, with what tests ask about them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, MediaDeleted, MediaFailed, decode
from polyvox.dead_letters import DeadLetter, Selection, letters, replay
from polyvox.ports import Clock, EventLog, Message, Record, TopicConfig, TopicPartition
from polyvox.publish import Publisher
from polyvox.topics import TOPICS, configs, dead_letter_topic
from polyvox.worker import Worker
from tests.support.logs import open_log
from tests.support.recorded_metrics import RecordedMetrics

TOPIC = MediaDeleted.TOPIC
STAGE = "projection"
DEADLINE_S = 60.0


def deleted(media_id: str) -> MediaDeleted:
    """The plainest event there is."""
    return MediaDeleted(media_id=media_id, deleted_at=datetime(2026, 1, 1, tzinfo=UTC))


def ids(count: int) -> list[str]:
    return [f"recording-{number:04d}" for number in range(count)]


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = DEADLINE_S) -> None:
    """Poll until ``condition`` holds; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


@dataclass(slots=True)
class Running:
    """A worker at work."""

    worker: Worker
    task: asyncio.Task[None]
    stopping: asyncio.Event

    async def stop(self) -> None:
        self.stopping.set()
        async with asyncio.timeout(DEADLINE_S):
            await self.task


@dataclass(slots=True)
class Bench:
    """``log`` is what workers and tests share; ``another_log`` opens the same one again."""

    path: str | Path
    log: EventLog
    metrics: RecordedMetrics = field(default_factory=RecordedMetrics)
    _logs: list[EventLog] = field(default_factory=list)
    _running: list[Running] = field(default_factory=list)

    @classmethod
    async def make(cls, path: str | Path, *, partitions: int = 1) -> Bench:
        """``path`` is what ``open_log`` takes; on Kafka only the topics that a bench needs are created."""
        log = open_log(path)
        await log.ensure_topics([TopicConfig(TOPIC, partitions)])
        if isinstance(path, Path):
            await log.ensure_topics(configs())
        else:
            await log.ensure_topics([TOPICS[name].config for name in (MediaFailed.TOPIC, dead_letter_topic(STAGE))])
        return cls(path, log)

    def another_log(self) -> EventLog:
        log = open_log(self.path)
        self._logs.append(log)
        return log

    async def publish(self, media_ids: Iterable[str], **options: Any) -> None:
        await Publisher(self.log, SystemClock(), "/tests").publish(*map(deleted, media_ids), **options)

    async def publish_raw(self, key: str, value: bytes) -> None:
        await self.log.append([Message(TOPIC, key, value)])

    def start(
        self,
        handler: Callable[[Envelope[Any]], Awaitable[None]],
        *,
        log: EventLog | None = None,
        clock: Clock | None = None,
        member: str = "one",
        **options: Any,
    ) -> Running:
        worker = Worker(
            log or self.log,
            clock or SystemClock(),
            name=STAGE,
            topics=[TOPIC],
            handler=handler,
            member=member,
            metrics=self.metrics,
            **{"retry_base_s": 0.01, "retry_max_s": 0.05, **options},
        )
        stopping = asyncio.Event()
        running = Running(worker, asyncio.create_task(worker.run(stopping)), stopping)
        self._running.append(running)
        return running

    async def lag(self) -> int:
        return sum((await self.log.lag(STAGE, [TOPIC])).values())

    async def no_lag(self) -> bool:
        return await self.lag() == 0

    async def dead_letters(self) -> list[DeadLetter]:
        return [letter async for letter in letters(self.log, STAGE)]

    async def replay(self, selection: Selection | None = None) -> int:
        wanted = selection or Selection()
        return await replay(self.log, (letter async for letter in letters(self.log, STAGE) if letter in wanted))

    async def records(self, topic: str) -> list[Record]:
        found: list[Record] = []
        for number in (await self.log.bounds(topic)).items():
            partition, (first, _) = number
            found += await self.log.read(TopicPartition(topic, partition.partition), offset=first, max_records=10_000)
        return found

    async def events(self, topic: str) -> list[Envelope[Any]]:
        return [decode(record.value) for record in await self.records(topic)]

    async def close(self) -> None:
        for running in self._running:
            running.stopping.set()
        await asyncio.gather(*(running.task for running in self._running), return_exceptions=True)
        for log in (*self._logs, self.log):
            await log.close()


class Gate:
    """A handler that holds what is in ``shut`` until it is opened."""

    def __init__(self, *shut: str) -> None:
        self.shut = set(shut)
        self.opened = asyncio.Event()
        self.began: list[str] = []
        self.done: list[str] = []
        self.cancelled: list[str] = []
        self.held = 0
        self.most_held = 0

    async def __call__(self, envelope: Envelope[Any]) -> None:
        media_id = envelope.data.media_id
        self.began.append(media_id)
        self.held += media_id in self.shut
        self.most_held = max(self.most_held, self.held)
        try:
            if media_id in self.shut:
                await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled.append(media_id)
            raise
        finally:
            self.held -= media_id in self.shut
        self.done.append(media_id)


def failed(envelope: Envelope[Any]) -> MediaFailed:
    """An output for any input."""
    return MediaFailed(
        media_id=envelope.data.media_id, stage="normalise", code="test", reason="test", failed_at=envelope.time
    )


async def committed(bench: Bench, offset: int) -> bool:
    (_, end), *_ = (await bench.log.bounds(TOPIC)).values()
    return end - await bench.lag() == offset
