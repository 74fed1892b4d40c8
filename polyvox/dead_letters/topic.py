"""The dead-letter topic of a worker: what lies there, and putting it back.

A letter that was put back is marked by a second message on the same topic that names its
place, so that each is replayed once.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace

from polyvox.dead_letters.letter import DeadLetter, parse, place_of
from polyvox.errors import Invalid, NotFound
from polyvox.ports import EventLog, Message, Record
from polyvox.topics import WORKERS, dead_letter_topic

logger = logging.getLogger(__name__)

REPLAYED = "polyvox-replayed"
REPLAY_OF = "polyvox-replay-of"
AT_ONCE = 100


async def letters(log: EventLog, worker: str) -> AsyncIterator[DeadLetter]:
    """All letters that the dead-letter topic of ``worker`` still keeps, oldest first per partition.

    The topic is read twice, since marks lie behind what they mark; it is never held in memory.
    """
    topic = dead_letter_topic(worker)
    marks = [_mark_of(record) async for record in _records(log, topic)]
    replayed = {mark for mark in marks if mark is not None}
    async for record in _records(log, topic):
        if _mark_of(record) is not None:
            continue
        try:
            letter = parse(record)
        except Invalid as error:
            # One foreign message must not keep all letters from being replayed.
            logger.warning("%s", error)
            continue
        yield replace(letter, replayed=letter.place in replayed)


async def find(log: EventLog, id_: str) -> DeadLetter:
    """The letter of that id. Raises NotFound, or Invalid when that is no id."""
    worker, partition, offset = place_of(id_)
    if worker in WORKERS:
        async for letter in letters(log, worker):
            if letter.place == (partition, offset):
                return letter
    raise NotFound(f"there is no dead letter {id_}; `polyvox dlq list --all` shows those there are")


async def replay(log: EventLog, chosen: AsyncIterable[DeadLetter]) -> int:
    """Put letters back onto the topics they came from; returns how many.

    Raises:
        Transient: the log is in trouble; what was put back so far is marked.
    """
    waiting: list[DeadLetter] = []
    count = 0
    async for letter in chosen:
        waiting.append(letter)
        if len(waiting) == AT_ONCE:
            count += await _put_back(log, waiting)
            waiting = []
    return count + await _put_back(log, waiting)


async def _put_back(log: EventLog, waiting: list[DeadLetter]) -> int:
    if waiting:
        # In this order: a crash in between repeats letters rather than lose them.
        await log.append([_message(letter) for letter in waiting])
        await log.append([_mark(letter) for letter in waiting])
    return len(waiting)


def _message(letter: DeadLetter) -> Message:
    """The message as it was."""
    partition, offset = letter.place
    origin = (REPLAY_OF, f"{dead_letter_topic(letter.worker)}/{partition}/{offset}".encode())
    headers = tuple(header for header in letter.headers if header[0] != REPLAY_OF)
    return Message(letter.topic, letter.key, letter.value, (*headers, origin))


def _mark(letter: DeadLetter) -> Message:
    partition, offset = letter.place
    mark = ((REPLAYED, f"{partition}/{offset}".encode()),)
    return Message(dead_letter_topic(letter.worker), letter.key, b"", mark)


def _mark_of(record: Record) -> tuple[int, int] | None:
    for name, value in record.headers:
        if name == REPLAYED:
            partition, _, offset = value.decode().partition("/")
            return int(partition), int(offset)
    return None


async def _records(log: EventLog, topic: str) -> AsyncIterator[Record]:
    """What lies on ``topic`` now; what comes meanwhile is not waited for."""
    for partition, (first, end) in sorted((await log.bounds(topic)).items()):
        offset = first
        while offset < end:
            batch = await log.read(partition, offset=offset, max_records=500)
            if not batch:
                break
            for record in batch:
                yield record
            offset = batch[-1].offset + 1
