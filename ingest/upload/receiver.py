"""One upload on its way in: counted, hashed, looked at, and judged before its last byte is passed on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from ingest.upload import refusals
from ingest.upload.form import Event, Field, FileStart
from ingest.upload.options import clean_filename
from ingest.upload.sniff import SNIFF_BYTES, sniff
from ingest.upload.wanted import Wanted
from polyvox.contracts import Lane, Options

BLOCK_BYTES = 1024 * 1024
"""Network chunks are joined to blocks of this size, so that hashing and storing are called rarely."""


class Receiver:
    """Turns form events into the file's bytes.

    Call :meth:`open`, then iterate :meth:`blocks` to the end; the attributes are complete
    after that. Whatever is wrong with the upload is raised by one of the two as a Problem
    (400, 413, 415 or 429), so a store that is fed from ``blocks`` never sees the end of a bad upload.
    """

    def __init__(
        self,
        events: AsyncIterator[Event],
        *,
        max_bytes: int,
        read_wanted: Callable[[Sequence[tuple[str, str]]], Wanted],
        admit: Callable[[Lane], Awaitable[None]],
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        """``fields`` are options that came otherwise, for example in the query string; ``admit`` refuses
        a lane that has no room.
        """
        self._events = events
        self._max_bytes = max_bytes
        self._read_wanted = read_wanted
        self._admit = admit
        self._wanted = Wanted()
        self._fields = list(fields)
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._started = False
        self.filename: str | None = None
        self.media_type = ""
        self.size_bytes = 0
        self.sha256 = ""

    @property
    def options(self) -> Options:
        return self._wanted.options

    @property
    def lane(self) -> Lane:
        return self._wanted.lane

    async def open(self) -> None:
        """Read until it is known what the file is."""
        async for event in self._events:
            self._take(event)
            if len(self._buffer) >= SNIFF_BYTES:
                break
        if not self._started:
            raise refusals.no_file()
        if not self._buffer:
            raise refusals.empty_file()
        media_type = sniff(bytes(self._buffer))
        if media_type is None:
            raise refusals.not_media()
        self.media_type = media_type
        await self._admit(self.lane)

    async def blocks(self) -> AsyncIterator[bytes]:
        """The file in blocks of about a mebibyte. It ends only when the whole upload is in order."""
        async for event in self._events:
            self._take(event)
            if len(self._buffer) >= BLOCK_BYTES:
                yield await self._next_block()
        if self._buffer:
            yield await self._next_block()
        admitted, self._wanted = self.lane, self._read_wanted(self._fields)
        if self.lane != admitted:
            await self._admit(self.lane)
        self.sha256 = self._hash.hexdigest()

    async def _next_block(self) -> bytes:
        block = bytes(self._buffer)
        self._buffer.clear()
        await asyncio.to_thread(self._hash.update, block)
        return block

    def _take(self, event: Event) -> None:
        match event:
            case bytes():
                self.size_bytes += len(event)
                if self.size_bytes > self._max_bytes:
                    raise refusals.too_large(self._max_bytes)
                self._buffer += event
            case FileStart(filename):
                self._started = True
                self.filename = clean_filename(filename)
                # More fields may follow, but a wrong one is better told before gigabytes than after.
                self._wanted = self._read_wanted(self._fields)
            case Field(name, value):
                self._fields.append((name, value))
