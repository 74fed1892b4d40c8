"""What only the folder store promises: any key, however odd, and keys that are folders of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox.adapters.filesystem import FolderStore
from polyvox.ports import ObjectStore

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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FolderStore]:
    store = FolderStore(tmp_path / "objects")
    yield store
    await store.close()


async def keys_of(store: ObjectStore, prefix: str, *, start_after: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix, start_after=start_after)]


async def test_tricky_keys_live_side_by_side(store: FolderStore) -> None:
    await asyncio.gather(*(store.put(key, key.encode()) for key in TRICKY_KEYS))
    for key in TRICKY_KEYS:
        assert await store.get(key) == key.encode()
    assert await keys_of(store, "") == sorted(TRICKY_KEYS, key=str.encode)
    for number, key in enumerate(TRICKY_KEYS):
        await store.delete(key)
        assert len(await keys_of(store, "")) == len(TRICKY_KEYS) - number - 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, min_size=1, max_size=8), prefix_of=st.integers(0), cut=st.integers(0, 12), after=KEYS)
async def test_listing_gives_any_keys_in_byte_order(
    store: FolderStore, keys: set[str], prefix_of: int, cut: int, after: str
) -> None:
    full = sorted(keys, key=str.encode)
    for key in full:
        await store.put(key, b"")
    prefix = sorted(keys)[prefix_of % len(keys)][:cut]
    assert await keys_of(store, "") == full
    assert await keys_of(store, prefix) == [key for key in full if key.startswith(prefix)]
    assert await keys_of(store, prefix, start_after=after) == [
        key for key in full if key.startswith(prefix) and key.encode() > after.encode()
    ]
    for key in full:
        await store.delete(key)
    assert await keys_of(store, "") == []


async def test_a_folder_that_goes_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mkdir finds the folder there, and it is gone when it looks what it is."""
    store = FolderStore(tmp_path)
    await store.put("first", b"so that the store's own folders are there")
    mkdir = Path.mkdir
    met: list[Path] = []

    def meets_a_removal(path: Path, *args: bool, **kwargs: bool) -> None:
        if not met and path.name != tmp_path.name and "parents" in kwargs:
            met.append(path)
            raise FileExistsError(path)
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", meets_a_removal)
    await store.put("a/b", b"kept")
    assert met
    assert await store.get("a/b") == b"kept"
    await store.close()
