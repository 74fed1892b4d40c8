"""A dead letter keeps the message as it came, and says where it came from and why it is there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polyvox.dead_letters import build, parse
from polyvox.errors import Invalid
from polyvox.ports import Message, Record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECORD = Record("part-ready", 3, 17, "recording-a", b"\x00\xff", (("traceparent", b"00-x"), ("raw", b"\xfe")), 1000)


def stored(message: Message) -> Record:
    return Record(message.topic, 0, 5, message.key, message.value, message.headers, 2000)


def test_a_letter_survives_the_way_there_and_back() -> None:
    message = build("transcriber", RECORD, Invalid("Kein Ton, größer.", code="no-audio"), attempts=1, time=NOW)
    assert (message.topic, message.key, message.value) == ("transcriber-dead-letters", RECORD.key, RECORD.value)
    letter = parse(stored(message))
    assert (letter.topic, letter.partition, letter.offset) == ("part-ready", 3, 17)
    assert (letter.error, letter.code, letter.reason) == ("Invalid", "no-audio", "Kein Ton, größer.")
    assert (letter.attempts, letter.time, letter.place) == (1, NOW, (0, 5))
    assert letter.headers == RECORD.headers


def test_a_letter_of_a_letter_has_the_last_cause_alone() -> None:
    first = build("transcriber", RECORD, Invalid("one"), attempts=1, time=NOW)
    again = Record("part-ready", 3, 18, first.key, first.value, first.headers, 3000)
    letter = parse(stored(build("transcriber", again, Invalid("two"), attempts=2, time=NOW)))
    assert (letter.offset, letter.reason, letter.attempts) == (18, "two", 2)
    assert letter.headers == RECORD.headers


def test_a_reason_without_end_is_cut() -> None:
    letter = parse(stored(build("diarizer", RECORD, Invalid("x" * 100_000), attempts=1, time=NOW)))
    assert 0 < len(letter.reason) <= 2000


def test_what_is_no_letter_is_refused() -> None:
    with pytest.raises(Invalid, match="no dead letter"):
        parse(RECORD)
