"""An ingest API as a process of its own: ``python -m tests.support.upload_server FOLDER``.

Prints its URL and serves until standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.uploads import running_ingest


async def main(folder: Path) -> None:
    async with running_ingest(folder, max_upload_bytes=4 << 30) as ingest:
        print(ingest.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
