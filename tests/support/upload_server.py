"""An ingest API as a process of its own: ``python -m tests.support.upload_server FOLDER [hang]``.

Prints its URL and serves until standard input ends. With ``hang`` its log never answers an
append, so that it can be killed between storing an upload and announcing it.
"""

from __future__ import annotations

import asyncio
import contextlib
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
def server_process(folder: Path, *flags: str) -> Iterator[ServerProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.upload_server", str(folder), *flags],
        cwd=ROOT,
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


async def main(folder: Path, *flags: str) -> None:
    async with running_ingest(folder, max_upload_bytes=4 << 30) as ingest:
        if "hang" in flags:
            ingest.log.faults.hang("append")
        print(ingest.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
