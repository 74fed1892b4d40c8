"""A listing of a bucket beside the ledger: what was taken, what was missed, what the ledger may forget.

Both come in the order of the objects' keys, so nothing is held in memory. Where the order is broken
(names.py says when) a taken object seems missed, which a claim puts right, and an entry seems stale,
which whoever removes it must look at again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from ingest.bucket import names
from polyvox.ports import ObjectInfo


@dataclass(frozen=True, slots=True)
class Listed:
    info: ObjectInfo
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry whose object is not in the listing any more; ``info`` is the entry's own."""

    info: ObjectInfo


async def compare(
    bucket: str | None, listed: AsyncIterator[ObjectInfo], ledger: AsyncIterator[ObjectInfo]
) -> AsyncGenerator[Listed | Stale, None]:
    """Every object of ``listed``, and every entry of ``ledger`` that none of them accounts for.

    Args:
        listed: objects of ``bucket`` under some prefix.
        ledger: entries for the same prefix.
    """
    entries = _entries(bucket, ledger)
    entry = await anext(entries, None)
    name = ""
    hints: dict[str, ObjectInfo] = {}
    async for info in listed:
        here = names.ordered(info.key)
        if here != name:
            for stale in hints.values():
                yield Stale(stale)
            name, hints = here, {}
            while entry is not None and entry[0].key < here:
                yield Stale(entry[1])
                entry = await anext(entries, None)
            while entry is not None and entry[0].key == here:
                hints[entry[0].hint] = entry[1]
                entry = await anext(entries, None)
        # The entry of an object in a bucket with versions has its time in it, which the listing gives too.
        possible = names.hint_of(info.key, info.etag), names.hint_of(info.key, info.etag, info.modified_at)
        taken = [hint for hint in possible if hints.pop(hint, None) is not None]
        yield Listed(info, is_taken=bool(taken))
    for stale in hints.values():
        yield Stale(stale)
    while entry is not None:
        yield Stale(entry[1])
        entry = await anext(entries, None)


async def _entries(
    bucket: str | None, ledger: AsyncIterator[ObjectInfo]
) -> AsyncGenerator[tuple[names.Entry, ObjectInfo], None]:
    async for info in ledger:
        if (entry := names.parse_ledger_key(bucket, info.key)) is not None:
            yield entry, info
