"""A process that tests kill while it holds a local file of an S3 store. It says where the file is.

python -m tests.support.s3_child ENDPOINT ACCESS_KEY SECRET_KEY BUCKET KEY SCRATCH
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from polyvox.adapters.s3 import S3Options, S3Store


async def hold(endpoint: str, access_key: str, secret_key: str, bucket: str, key: str, scratch: str) -> None:
    options = S3Options(endpoint=endpoint, access_key=access_key, secret_key=secret_key)
    async with S3Store(options, bucket=bucket, scratch=Path(scratch)).local_file(key) as path:
        print("holding", path, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
