"""Real processes under test, ended by SIGKILL, whose lines are read as they come."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[list[str]] = []

    async def line(self, first: str, *, deadline_s: float = 60.0) -> list[str]:
        """The words of the next line that starts with ``first``."""
        async with asyncio.timeout(deadline_s):
            while True:
                words = await self._next()
                assert words is not None, f"the process ended before it said {first!r}"
                if words[0] == first:
                    return words

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    async def rest(self, *, deadline_s: float = 120.0) -> list[list[str]]:
        """All lines to the end of the process."""
        async with asyncio.timeout(deadline_s):
            while await self._next() is not None:
                pass
            await self._process.wait()
        return self.lines

    async def kill(self) -> list[list[str]]:
        self.signal(signal.SIGKILL)
        return await self.rest()

    def said(self, first: str) -> list[list[str]]:
        return [words for words in self.lines if words[0] == first]

    async def _next(self) -> list[str] | None:
        assert self._process.stdout is not None
        raw = await self._process.stdout.readline()
        # A line without its end was cut off by the kill: nobody could have relied on it.
        if not raw.endswith(b"\n"):
            return None
        self.lines.append(raw.decode().split())
        return self.lines[-1]


@asynccontextmanager
async def child(module: str, *arguments: object) -> AsyncIterator[Child]:
    """``python -m module arguments``; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        assert process.stdout is not None
        # Reading to the end lets the loop close the pipe.
        await process.stdout.read()
