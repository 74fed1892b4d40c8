"""Bytes of one request on their way into the parts and pieces of an upload.

Part ``n`` always holds the same bytes of the recording, wherever requests began and ended. While some parts are on
their way to the store the next one is received, so a request holds ``AT_ONCE`` parts and one more at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence

from ingest.parts.session import Session
from ingest.tus.reached import Piece, Reached
from ingest.upload.refusals import not_media
from ingest.upload.sniff import SNIFF_BYTES, sniff
from polyvox import keys
from polyvox.ports import ObjectStore

log = logging.getLogger(__name__)

AT_ONCE = 3
"""Parts on their way. If one of them fails those after it do not count, for an upload reaches to the first gap."""
PIECES_MAX = 32
"""With more pieces than this they are put together, so that many small requests do not make many objects."""


class Writer:
    """Takes the bytes that follow ``reached``. Call :meth:`take` for them, then :meth:`finish` or :meth:`keep`."""

    def __init__(self, store: ObjectStore, session: Session, reached: Reached) -> None:
        self._store = store
        self._session = session
        self._number = reached.part_count + 1
        self._part_start = reached.parts_end
        self._pieces = reached.pieces
        self._stale = list(reached.stale)
        self._chunks: list[bytes] = []
        self._start = self.offset = reached.offset
        self._is_looked_at = reached.offset > 0
        self._putting: deque[asyncio.Task[None]] = deque()

    async def take(self, chunk: bytes) -> None:
        """Raises Problem 415 as soon as it is seen that this is no recording; Transient."""
        while chunk:
            room = self._part_end - self.offset
            taken, chunk = (chunk, b"") if len(chunk) <= room else (chunk[:room], chunk[room:])
            self._chunks.append(taken)
            self.offset += len(taken)
            if not self._is_looked_at and self.offset >= SNIFF_BYTES:
                self._look()
            if self.offset == self._part_end:
                await self._begin_part()

    async def finish(self) -> None:
        """Store what was taken, with the last part where the upload is whole. Raises Transient."""
        if self._has_bytes and self.offset == self._part_end:
            # The length was said after the bytes had come.
            await self._begin_part()
        await self.keep()

    async def keep(self) -> None:
        """Store what was taken. Raises Transient."""
        await self._parts_stored(all_but=0)
        if not self._chunks:
            await self._clean_up()
            return
        taken = b"".join(self._chunks)
        self._chunks.clear()
        if len(self._pieces) < PIECES_MAX:
            await self._put_piece(Piece(self._start, self.offset), taken)
        else:
            before = b"".join([block async for block in self._piece_bytes(self._part_start, self._pieces)])
            await self._put_piece(Piece(self._part_start, self.offset), before + taken)
            self._stale += self._pieces
        await self._clean_up()

    @property
    def _part_end(self) -> int:
        return self._part_start + self._session.part_size(self._number)

    @property
    def _has_bytes(self) -> bool:
        return bool(self._chunks or self._pieces)

    def _look(self) -> None:
        self._is_looked_at = True
        if sniff(b"".join(self._chunks)[:SNIFF_BYTES]) is None:
            raise not_media()

    async def _begin_part(self) -> None:
        await self._parts_stored(all_but=AT_ONCE - 1)
        pieces, data = self._pieces, b"".join(self._chunks)
        self._chunks.clear()
        put = self._put_part(self._number, self._part_start, pieces, data)
        self._putting.append(asyncio.create_task(put))
        self._number += 1
        self._part_start = self._start = self.offset
        self._pieces = ()

    async def _parts_stored(self, *, all_but: int) -> None:
        """Wait until no more than ``all_but`` parts are on their way. Raises what the first of them raises."""
        while len(self._putting) > all_but:
            try:
                await self._putting[0]
            except BaseException:
                await self._give_up()
                raise
            self._putting.popleft()

    async def _give_up(self) -> None:
        """Neither the parts on their way nor the bytes after them count any more."""
        for task in self._putting:
            task.cancel()
        await asyncio.gather(*self._putting, return_exceptions=True)
        self._putting.clear()
        self._chunks.clear()

    async def _put_part(self, number: int, start: int, pieces: Sequence[Piece], data: bytes) -> None:
        async def body() -> AsyncIterator[bytes]:
            async for block in self._piece_bytes(start, pieces):
                yield block
            yield data

        await self._store.put_part(
            self._session.original_key, self._session.store_upload, number, body() if pieces else data
        )
        self._stale += pieces

    async def _piece_bytes(self, start: int, pieces: Sequence[Piece]) -> AsyncIterator[bytes]:
        for piece in pieces:
            async for block in self._store.stream(self._key(piece), start=start - piece.start):
                yield block
            start = piece.end

    async def _put_piece(self, piece: Piece, data: bytes) -> None:
        await self._store.put(self._key(piece), data)

    async def _clean_up(self) -> None:
        while self._stale:
            await self._store.delete(self._key(self._stale.pop()))

    def _key(self, piece: Piece) -> str:
        return keys.upload_tail(self._session.upload_id, piece.start, piece.end)


async def keep_what_came(writer: Writer) -> None:
    """At the end of a request that broke off: its own failure is what is told, not one of this."""
    try:
        await writer.keep()
    except Exception as error:
        log.warning("the last bytes of an upload that broke off could not be kept: %s", error)
