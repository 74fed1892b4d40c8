"""Bodies that count only when their checksum is right: they wait in a scratch file, whatever their size."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ingest.tus import refusals
from ingest.tus.headers import Checksum

BLOCK_BYTES = 1 << 20


@asynccontextmanager
async def verified(
    chunks: AsyncIterator[bytes], checksum: Checksum, scratch: Path, *, max_bytes: int
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The same bytes once more, when all came and are right.

    Raises:
        Problem: 460, they are not; 413, there are more than ``max_bytes``.
    """
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
    size_bytes = 0
    with tempfile.TemporaryFile(dir=scratch) as file:
        async for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise refusals.too_long(max_bytes)
            await asyncio.to_thread(file.write, chunk)
            digest.update(chunk)
        if digest.digest() != checksum.digest:
            raise refusals.wrong_checksum()
        file.seek(0)

        async def again() -> AsyncIterator[bytes]:
            while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
                yield block

        yield again()
