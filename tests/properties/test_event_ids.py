"""Ids of events: UUIDs of version 5, the same in every version of Polyvox."""

from __future__ import annotations

import json
import uuid
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts.envelope import Fact, event_id

NAMESPACE = uuid.UUID("6b1f5d0e-1d1c-5e0a-9c55-8a6f0c1f7a11")


class Told(Fact):
    TYPE: ClassVar[str] = "polyvox.told.v1"
    TOPIC: ClassVar[str] = "told"

    said: list[str]

    def identity(self) -> tuple[str, ...]:
        return tuple(self.said)


@given(st.lists(st.text(), max_size=4), st.sampled_from([None, "replay-0001"]))
def test_an_id_is_the_uuid_of_the_identity_as_json(said: list[str], replay: str | None) -> None:
    identity = [Told.TYPE, *said, *([replay] if replay else [])]
    expected = uuid.uuid5(NAMESPACE, json.dumps(identity))
    assert event_id(Told(media_id="rec-00000001", said=said, replay=replay)) == str(expected)
