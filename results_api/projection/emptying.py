"""Removing what lies in the store of a recording, wherever its tenant's things lie."""

from __future__ import annotations

from collections.abc import Callable

from polyvox import keys
from polyvox.ports import ObjectStore


async def empty(store: ObjectStore, media_id: str, tenant: str, only: Callable[[str], bool] = lambda _: True) -> None:
    """Remove the objects with keys for which ``only`` holds. Raises Transient when the store is in trouble."""
    for folder in keys.folders(media_id, tenant):
        async for found in store.list(folder):
            if only(found.key):
                await store.delete(found.key)
