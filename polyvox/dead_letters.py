"""Dead letters: messages a worker gave up on, as they came, with the cause in their headers.

A letter that was put back is marked by a second message on the same topic that names its
place, so that each is replayed once.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from polyvox.errors import Invalid
from polyvox.ports import EventLog, Headers, Message, Record, TopicPartition
from polyvox.retry import code_of
from polyvox.topics import dead_letter_topic

logger = logging.getLogger(__name__)

PREFIX = "polyvox-dead-"
REPLAYED = "polyvox-replayed"
REPLAY_OF = "polyvox-replay-of"
REASON_MAX = 2000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``partition`` and ``offset`` tell where it lay on ``topic``; ``place`` where it lies now."""

    topic: str
    partition: int
    offset: int
    error: str
    code: str
    reason: str
    attempts: int
    time: datetime
    key: str
    value: bytes
    headers: Headers
    place: tuple[int, int]
    replayed: bool = False


def build(worker: str, record: Record, error: BaseException, *, attempts: int, time: datetime) -> Message:
    """The message for the dead-letter topic of ``worker``."""
    cause = {
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "error": type(error).__name__,
        "code": code_of(error),
        "reason": str(error)[:REASON_MAX],
        "attempts": str(attempts),
        "time": time.isoformat(),
    }
    headers = tuple((PREFIX + name, value.encode()) for name, value in cause.items())
    return Message(dead_letter_topic(worker), record.key, record.value, (*_without_cause(record.headers), *headers))


def parse(record: Record) -> DeadLetter:
    """Read a record of a dead-letter topic. Raises Invalid when it is none."""
    cause = {name.removeprefix(PREFIX): value.decode() for name, value in record.headers if name.startswith(PREFIX)}
    try:
        return DeadLetter(
            topic=cause["topic"],
            partition=int(cause["partition"]),
            offset=int(cause["offset"]),
            error=cause["error"],
            code=cause["code"],
            reason=cause["reason"],
            attempts=int(cause["attempts"]),
            time=datetime.fromisoformat(cause["time"]),
            key=record.key,
            value=record.value,
            headers=_without_cause(record.headers),
            place=(record.partition, record.offset),
        )
    except (KeyError, ValueError) as error:
        raise Invalid(f"{record.topic}/{record.partition}/{record.offset} is no dead letter: {error!r}") from error


async def letters(log: EventLog, worker: str) -> list[DeadLetter]:
    """All letters that the dead-letter topic of ``worker`` still keeps, oldest first per partition."""
    found: list[DeadLetter] = []
    replayed: set[tuple[int, int]] = set()
    async for record in _records(log, dead_letter_topic(worker)):
        mark = _mark_of(record)
        if mark is not None:
            replayed.add(mark)
            continue
        try:
            found.append(parse(record))
        except Invalid as error:
            # One foreign message must not keep all letters from being replayed.
            logger.warning("%s", error)
    return [replace(letter, replayed=letter.place in replayed) for letter in found]


async def pending(log: EventLog, worker: str, *, only: Callable[[DeadLetter], bool] | None = None) -> list[DeadLetter]:
    """The letters that were not put back yet; ``only`` says which of them."""
    return [letter for letter in await letters(log, worker) if not letter.replayed and (only is None or only(letter))]


async def replay(log: EventLog, worker: str, *, only: Callable[[DeadLetter], bool] | None = None) -> int:
    """Put the pending letters back onto the topics they came from; returns how many.

    Raises:
        Transient: the log is in trouble; what was put back so far is marked.
    """
    waiting = await pending(log, worker, only=only)
    for letter in waiting:
        await log.append(_replayed(letter, worker))
    return len(waiting)


def _replayed(letter: DeadLetter, worker: str) -> list[Message]:
    """The message as it was, and the mark. In one append: a crash repeats a letter rather than lose it."""
    place = "{}/{}".format(*letter.place).encode()
    topic = dead_letter_topic(worker)
    origin = (REPLAY_OF, topic.encode() + b"/" + place)
    headers = tuple(header for header in letter.headers if header[0] != REPLAY_OF)
    return [
        Message(letter.topic, letter.key, letter.value, (*headers, origin)),
        Message(topic, letter.key, b"", ((REPLAYED, place),)),
    ]


def _mark_of(record: Record) -> tuple[int, int] | None:
    for name, value in record.headers:
        if name == REPLAYED:
            partition, _, offset = value.decode().partition("/")
            return int(partition), int(offset)
    return None


def _without_cause(headers: Headers) -> Headers:
    return tuple(header for header in headers if not header[0].startswith(PREFIX))


async def _records(log: EventLog, topic: str) -> AsyncIterator[Record]:
    bounds: dict[TopicPartition, tuple[int, int]] = await log.bounds(topic)
    for partition, (first, end) in sorted(bounds.items()):
        offset = first
        while offset < end:
            batch = await log.read(partition, offset=offset)
            if not batch:
                break
            for record in batch:
                yield record
            offset = batch[-1].offset + 1
