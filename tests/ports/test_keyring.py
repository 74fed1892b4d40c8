"""Keys on every object store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from polyvox.access.keyring import Keyring, Wish
from polyvox.access.secret import new_key, presented
from polyvox.adapters.filesystem import FolderStore
from polyvox.errors import AlreadyExists, Invalid, NotFound
from polyvox.ports import ObjectStore
from tests.support.turned_clock import TurnedClock

WISH = Wish("for tests", "acme", frozenset({"upload"}))


async def test_a_key_is_kept_without_its_secret_and_found_until_after_it_is_revoked(store: ObjectStore) -> None:
    clock = TurnedClock()
    keyring = Keyring(store, clock)
    key, text = await keyring.add(WISH)
    try:
        shown = presented(text.encode())
        assert shown is not None
        assert shown.key_id == key.key_id
        assert key.matches(shown.sha256)
        assert not key.matches(bytes(32))
        assert not await keyring.is_empty()
        assert key in await keyring.all()
        stored = await store.get(f"access/keys/{key.key_id}.json")
        assert text[-64:].encode() not in stored
        clock.turn(5)
        assert (await keyring.revoke(key.key_id)).revoked_at == clock.now()
        clock.turn(5)
        revoked = await keyring.revoke(key.key_id)
        assert await keyring.get(key.key_id) == revoked
        assert not revoked.is_good(clock.now())
        assert (clock.now() - (revoked.revoked_at or clock.now())).total_seconds() == 5
    finally:
        await store.delete(f"access/keys/{key.key_id}.json")


async def test_of_many_who_bring_the_same_key_one_makes_it_known(store: ObjectStore) -> None:
    keyring, text = Keyring(store, TurnedClock()), new_key()
    outcomes = await asyncio.gather(*(keyring.add(WISH, text) for _ in range(5)), return_exceptions=True)
    try:
        assert sum(isinstance(one, AlreadyExists) for one in outcomes) == 4
        assert sum(isinstance(one, tuple) for one in outcomes) == 1
    finally:
        await store.delete(f"access/keys/{text[4:20]}.json")


async def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    keyring = Keyring(FolderStore(tmp_path), TurnedClock())
    with pytest.raises(Invalid, match="this is no key"):
        await keyring.add(WISH, "pvx_secret")
    with pytest.raises(NotFound):
        await keyring.revoke("0" * 16)
    assert await keyring.is_empty()
