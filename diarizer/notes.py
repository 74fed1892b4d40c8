"""What was heard of a recording so far, kept in the store: whoever takes over goes on from there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from polyvox import keys
from polyvox.contracts import MediaReady
from polyvox.errors import NotFound
from polyvox.ports import ObjectStore

CONTENT_TYPE = "application/octet-stream"


class Notes(Protocol):
    """Stretches of one recording, by number; see diarizer/engines/heard.py."""

    async def read(self, stretch: int) -> bytes | None: ...

    async def write(self, stretch: int, heard: bytes, end_s: float) -> None: ...


class NotesOfNobody:
    """For callers who do not mind starting again."""

    async def read(self, stretch: int) -> bytes | None:
        return None

    async def write(self, stretch: int, heard: bytes, end_s: float) -> None:
        return None


class StoredNotes:
    """Notes under ``diarization-{hash}/`` beside the recording's audio, until the turns are there."""

    def __init__(
        self, store: ObjectStore, ready: MediaReady, hash_: str, tell: Callable[[float], Awaitable[None]]
    ) -> None:
        """``tell`` gets how many seconds of the recording were listened to, after each stretch."""
        self._store = store
        self._ready = ready
        self._hash = hash_
        self._tell = tell
        self._keys: set[str] = set()

    async def read(self, stretch: int) -> bytes | None:
        key = self._key(stretch)
        try:
            packed = await self._store.get(key)
        except NotFound:
            return None
        self._keys.add(key)
        return packed

    async def write(self, stretch: int, heard: bytes, end_s: float) -> None:
        key = self._key(stretch)
        await self._store.put(key, heard, content_type=CONTENT_TYPE)
        self._keys.add(key)
        await self._tell(end_s)

    async def remove(self) -> None:
        """The turns are stored: nobody needs the notes any more."""
        for key in sorted(self._keys):
            await self._store.delete(key)

    def _key(self, stretch: int) -> str:
        return keys.beside(self._ready.tracks[0].key, keys.heard(self._ready.media_id, self._hash, stretch))
