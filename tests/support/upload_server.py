"""An ingest API as a process of its own: ``python -m tests.support.upload_server FOLDER PORT [hang]``.

Prints its URL and serves until standard input ends; port 0 is a free one. With ``hang`` its log
never answers an append, so that it can be killed between storing an upload and announcing it.
Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.uploads import running_ingest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ServerProcess:
    url: str
    pid: int
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def server_process(folder: Path, *flags: str, port: int = 0, **settings: object) -> Iterator[ServerProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.upload_server", str(folder), str(port), *flags],
        cwd=ROOT,
        env={**os.environ, **{f"POLYVOX_{name.upper()}": str(value) for name, value in settings.items()}},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield ServerProcess(process.stdout.readline().strip(), process.pid, process)
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        process.stdout.close()


async def main(folder: Path, port: int, *flags: str) -> None:
    async with running_ingest(folder, max_upload_bytes=4 << 30, port=port) as ingest:
        if "hang" in flags:
            ingest.log.faults.hang("append")
        print(ingest.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
