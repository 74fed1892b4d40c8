"""What every ObjectStore keeps to: keys and listing."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox.errors import Invalid, NotFound
from polyvox.ports import ObjectStore
from tests.ports.conftest import StoreWorld

TRICKY_KEYS = [
    "a!",
    "a.b",
    "a-/x",
    "a/b",
    "a/c.d/e",
    "a=/b",
    "A",
    "=",
    "+",
    "%",
    "%2e",
    "%2F/x",
    "*",
    "~",
    ":",
    "é",
    "e\u0301",
    "中文/🎙",
    "with space/and another",
    "in/a+b ü?versionId=1&x=\"<'>#.wav",
    "con",
    ".hidden",
    "a..b",
    "x" * 200 + "/y",
    "x" * 200 + "!",
    "é" * 100,
    "/".join(["x" * 99] * 9),
]


def apart(keys: set[str]) -> bool:
    """Whether no key is a folder of another."""
    return not any(other.startswith(f"{key}/") for key in keys for other in keys)


SEGMENTS = st.one_of(
    st.text(st.sampled_from("ab.!=%+é-"), min_size=1, max_size=4),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=30),
).filter(lambda segment: segment.strip() not in ("", ".", ".."))
KEYS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


async def keys_of(store: ObjectStore, prefix: str, *, start_after: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix, start_after=start_after)]


async def test_tricky_keys_live_side_by_side(stores: StoreWorld, store: ObjectStore) -> None:
    keys = [stores.prefix + key for key in TRICKY_KEYS]
    await asyncio.gather(*(store.put(key, key.encode()) for key in keys))
    for key in keys:
        assert await store.get(key) == key.encode()
    assert await keys_of(store, stores.prefix) == sorted(keys, key=str.encode)
    for number, key in enumerate(keys):
        await store.delete(key)
        assert len(await keys_of(store, stores.prefix)) == len(keys) - number - 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, min_size=1, max_size=6).filter(apart), prefix_of=st.integers(0), cut=st.integers(0, 12))
async def test_listing_gives_any_keys_in_byte_order(
    stores: StoreWorld, store: ObjectStore, keys: set[str], prefix_of: int, cut: int
) -> None:
    run = f"{stores.prefix}{uuid.uuid4().hex}/"
    full = sorted((run + key for key in keys), key=str.encode)
    await asyncio.gather(*(store.put(key, b"") for key in full))
    some = sorted(keys)[prefix_of % len(keys)]
    prefix, start_after = run + some[:cut], run + some[: cut // 2] + "-"
    assert await keys_of(store, run) == full
    assert await keys_of(store, prefix) == [key for key in full if key.startswith(prefix)]
    for after in (start_after, full[0], full[-1]):
        assert await keys_of(store, prefix, start_after=after) == [
            key for key in full if key.startswith(prefix) and key.encode() > after.encode()
        ]
    await asyncio.gather(*(store.delete(key) for key in full))
    assert await keys_of(store, run) == []


async def test_listing_pages_through_many_objects(stores: StoreWorld, store: ObjectStore) -> None:
    keys = [f"{stores.prefix}many/{number:04d}/x" for number in range(230)]
    await asyncio.gather(*(store.put(key, b"x") for key in keys))
    assert await keys_of(store, f"{stores.prefix}many/") == keys
    assert await keys_of(store, f"{stores.prefix}many/", start_after=keys[130]) == keys[131:]
    assert await keys_of(store, f"{stores.prefix}many/01") == keys[100:200]
    dotted = [f"{stores.prefix}many/.hidden/{number:03d}" for number in range(60)]
    await asyncio.gather(*(store.put(key, b"x") for key in dotted))
    assert await keys_of(store, f"{stores.prefix}many/.") == dotted
    infos = [info async for info in store.list(f"{stores.prefix}many/0007")]
    assert [(info.key, info.size_bytes, info.etag) for info in infos] == [(keys[7], 1, hashlib.md5(b"x").hexdigest())]


@pytest.mark.parametrize("key", ["a//b", "/a", "a/", "./a", "a/../b", "nul\x00", "a\\b", "x" * 300])
async def test_a_key_that_some_stores_take_for_another_is_kept_as_it_is_or_refused(
    stores: StoreWorld, store: ObjectStore, key: str
) -> None:
    full = stores.prefix + key
    try:
        await store.put(full, b"x")
    except Invalid:
        assert await keys_of(store, stores.prefix) == []
        with pytest.raises(NotFound):
            await store.head(full)
        with pytest.raises(NotFound):
            await store.get(full)
        await store.delete(full)
    else:
        assert await keys_of(store, stores.prefix) == [full]
        assert await store.get(full) == b"x"
