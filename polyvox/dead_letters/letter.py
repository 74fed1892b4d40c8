"""One dead letter: a message a worker gave up on, as it came, with the cause in its headers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polyvox.errors import Invalid
from polyvox.ports import Headers, Message, Record
from polyvox.publish import TENANT
from polyvox.retry import code_of
from polyvox.topics import dead_letter_topic

PREFIX = "polyvox-dead-"
REASON_MAX = 2000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``partition`` and ``offset`` tell where it lay on ``topic``; ``place`` where it lies now.

    ``worker`` is the stage that gave it up, ``error`` the class of what it met.
    """

    worker: str
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

    @property
    def id(self) -> str:
        """What the command line calls it: worker, and partition and offset on the dead-letter topic."""
        return f"{self.worker}/{self.place[0]}/{self.place[1]}"

    @property
    def media_id(self) -> str:
        return self.key.partition("/")[0]

    @property
    def tenant(self) -> str | None:
        """None where the message does not say, as it was not made by a publisher of ours."""
        return next((value.decode(errors="replace") for name, value in self.headers if name == TENANT), None)


def place_of(id_: str) -> tuple[str, int, int]:
    """Worker, partition and offset of a letter's id. Raises Invalid."""
    worker, _, place = id_.partition("/")
    partition, _, offset = place.partition("/")
    if not (worker and partition.isdecimal() and offset.isdecimal()):
        raise Invalid(f"{id_!r} is no dead letter's id: they look like transcriber/0/17", code="bad-id")
    return worker, int(partition), int(offset)


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
            worker=record.topic.removesuffix(dead_letter_topic("")),
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


def _without_cause(headers: Headers) -> Headers:
    return tuple(header for header in headers if not header[0].startswith(PREFIX))
