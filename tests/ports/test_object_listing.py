"""What every ObjectStore keeps to: keys and listing."""

from __future__ import annotations

import asyncio
import hashlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox.ports import ObjectStore
from tests.ports.conftest import StoreWorld

TRICKY_KEYS = [
    "a",
    "a/b",
    "a/",
    "a//b",
    "a!",
    "a.b",
    "..",
    "../escape",
    "./here",
    "/rooted",
    "//",
    "A",
    "=",
    "+",
    "%",
    "%2e",
    "a=",
    "a=/b",
    "é",
    "e\u0301",
    "中文/🎙",
    "with space\tand\nline",
    "\x00nul",
    "con",
    "x" * 300,
    "x" * 200,
    "x" * 200 + "/y",
    "x" * 200 + "!",
    "é" * 512,
    "/" * 60,
]
KEYS = st.one_of(
    st.text(st.sampled_from("ab/.!=%+é"), min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.sampled_from("aA/"), min_size=190, max_size=420),
)


async def keys_of(store: ObjectStore, prefix: str, *, start_after: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix, start_after=start_after)]


async def test_tricky_keys_live_side_by_side(stores: StoreWorld, store: ObjectStore) -> None:
    keys = [stores.prefix + key for key in TRICKY_KEYS]
    keys = [key for key in keys if len(key.encode()) <= 1024]
    await asyncio.gather(*(store.put(key, key.encode()) for key in keys))
    for key in keys:
        assert await store.get(key) == key.encode()
    assert await keys_of(store, stores.prefix) == sorted(keys, key=str.encode)
    for number, key in enumerate(keys):
        await store.delete(key)
        assert len(await keys_of(store, stores.prefix)) == len(keys) - number - 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, min_size=1, max_size=8), prefix_of=st.integers(0), cut=st.integers(0, 12), after=KEYS)
async def test_listing_gives_any_keys_in_byte_order(
    stores: StoreWorld, store: ObjectStore, keys: set[str], prefix_of: int, cut: int, after: str
) -> None:
    full = sorted((stores.prefix + key for key in keys), key=str.encode)
    for key in full:
        await store.put(key, b"")
    prefix = stores.prefix + sorted(keys)[prefix_of % len(keys)][:cut]
    start_after = stores.prefix + after
    assert await keys_of(store, stores.prefix) == full
    assert await keys_of(store, prefix) == [key for key in full if key.startswith(prefix)]
    assert await keys_of(store, prefix, start_after=start_after) == [
        key for key in full if key.startswith(prefix) and key.encode() > start_after.encode()
    ]
    for key in full:
        await store.delete(key)
    assert await keys_of(store, stores.prefix) == []


async def test_listing_pages_through_many_objects(stores: StoreWorld, store: ObjectStore) -> None:
    keys = [f"{stores.prefix}many/{number:04d}/x" for number in range(450)]
    await asyncio.gather(*(store.put(key, b"x") for key in keys))
    assert await keys_of(store, f"{stores.prefix}many/") == keys
    assert await keys_of(store, f"{stores.prefix}many/", start_after=keys[300]) == keys[301:]
    assert await keys_of(store, f"{stores.prefix}many/03") == keys[300:400]
    infos = [info async for info in store.list(f"{stores.prefix}many/0007")]
    assert [(info.key, info.size_bytes, info.etag) for info in infos] == [(keys[7], 1, hashlib.md5(b"x").hexdigest())]
