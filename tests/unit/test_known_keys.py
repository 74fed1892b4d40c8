"""How long a process believes what it knows of a key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from polyvox.access.key import ApiKey
from polyvox.access.keyring import Keyring
from polyvox.access.known import FRESH_S, GRACE_S, REMEMBERED_MAX, KnownKeys
from polyvox.errors import Unavailable
from tests.support.turned_clock import TurnedClock

ID = "0123456789abcdef"


class Counted(Keyring):
    """A keyring that counts what it is asked for, and can be in trouble."""

    keys: dict[str, ApiKey]
    asked: int
    troubled: bool

    def __init__(self) -> None:
        object.__setattr__(self, "keys", {})
        object.__setattr__(self, "asked", 0)
        object.__setattr__(self, "troubled", False)

    def set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    async def get(self, key_id: str) -> ApiKey | None:
        self.set(asked=self.asked + 1)
        await asyncio.sleep(0)
        if self.troubled:
            raise Unavailable("the store is away")
        return self.keys.get(key_id)

    async def is_empty(self) -> bool:
        self.set(asked=self.asked + 1)
        return not self.keys


@pytest.fixture
def ring() -> Counted:
    ring = Counted()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key = ApiKey(key_id=ID, sha256="0" * 64, name="", tenant=None, scopes=frozenset({"read"}), created_at=now)
    ring.set(keys={ID: key})
    return ring


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


async def test_a_key_is_read_once_however_many_ask_and_again_some_seconds_later(
    ring: Counted, clock: TurnedClock
) -> None:
    known = KnownKeys(ring, clock)
    found = await asyncio.gather(*(known.get(ID) for _ in range(100)))
    assert all(key is ring.keys[ID] for key in found)
    assert ring.asked == 1
    ring.set(keys={ID: ring.keys[ID].model_copy(update={"revoked_at": clock.now()})})
    assert (key := await known.get(ID)) is not None
    assert key.revoked_at is None
    clock.turn(FRESH_S)
    assert (key := await known.get(ID)) is not None
    assert key.revoked_at is not None
    assert ring.asked == 2


async def test_a_key_that_was_good_stays_so_for_a_while_when_the_store_is_away(
    ring: Counted, clock: TurnedClock
) -> None:
    known = KnownKeys(ring, clock)
    await known.get(ID)
    ring.set(troubled=True)
    clock.turn(GRACE_S)
    assert await known.get(ID) is not None
    clock.turn(1)
    with pytest.raises(Unavailable):
        await known.get(ID)
    with pytest.raises(Unavailable):
        await known.get("f" * 16)


async def test_of_ids_that_nobody_has_no_more_than_so_many_are_remembered(ring: Counted, clock: TurnedClock) -> None:
    known = KnownKeys(ring, clock)
    await known.get(ID)
    for number in range(REMEMBERED_MAX):
        assert await known.get(f"{number:016x}") is None
    assert len(known) == REMEMBERED_MAX
    await known.get(ID)
    assert ring.asked == REMEMBERED_MAX + 2


async def test_who_leaves_while_a_key_is_read_does_not_leave_the_others_without_it(
    ring: Counted, clock: TurnedClock
) -> None:
    known = KnownKeys(ring, clock)
    first, second = (asyncio.create_task(known.get(ID)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_that_there_are_no_keys_is_believed_for_seconds_and_that_there_are_for_ever(
    ring: Counted, clock: TurnedClock
) -> None:
    known, keys = KnownKeys(ring, clock), ring.keys
    ring.set(keys={})
    assert not any([await known.are_there_any() for _ in range(10)])
    assert ring.asked == 1
    ring.set(keys=keys)
    clock.turn(FRESH_S)
    assert await known.are_there_any()
    ring.set(keys={})
    clock.turn(FRESH_S)
    assert await known.are_there_any()
    assert ring.asked == 2
