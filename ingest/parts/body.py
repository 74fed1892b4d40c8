"""One part through our own server, where the store gives no URLs or cannot be reached by the uploader."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ingest.parts import refusals

BLOCK_BYTES = 1 << 20
"""Network chunks are joined to blocks of this size, so that the store is called rarely."""


async def whole_part(chunks: AsyncIterator[bytes], number: int, size_bytes: int) -> AsyncIterator[bytes]:
    """The part's bytes in blocks; ends only when it has the right size, so a store keeps no other.

    Raises:
        Problem: 400, it has more or fewer than ``size_bytes``.
    """
    left = size_bytes
    block = bytearray()
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise refusals.part_of_wrong_size(number, size_bytes)
        block += chunk
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if left:
        raise refusals.part_of_wrong_size(number, size_bytes)
    if block:
        yield bytes(block)
