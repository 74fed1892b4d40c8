"""Media ids are UUIDs of version 7: valid, unlike each other, and sorted by time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from polyvox.contracts.envelope import MediaId
from polyvox.ids import new_media_id

START = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)


def test_an_id_is_a_uuid_of_version_7_that_contracts_take() -> None:
    media_id = new_media_id(START)
    assert uuid.UUID(media_id).version == 7
    assert uuid.UUID(media_id).variant == uuid.RFC_4122
    assert uuid.UUID(media_id).int >> 80 == int(START.timestamp() * 1000)
    assert TypeAdapter(MediaId).validate_python(media_id) == media_id


def test_later_ids_sort_behind_earlier_ones_and_no_two_are_alike() -> None:
    made = [new_media_id(START + timedelta(milliseconds=ms)) for ms in range(1000)]
    assert made == sorted(made)
    assert len({new_media_id(START) for _ in range(1000)}) == 1000
