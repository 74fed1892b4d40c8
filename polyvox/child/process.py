"""One operating-system process that runs model code, and why it died."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import contextvars
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from polyvox.child import wire
from polyvox.child.limits import Limits
from polyvox.child.nursery import ForkedProcess, Nursery
from polyvox.child.values import load_values
from polyvox.errors import ChildCrashed, OutOfMemory

EXIT_WAIT_S = 5.0
LAST_WORDS = 5
LINE_MAX_BYTES = 8192


class ChildProcess:
    """A started process with its channel. Made by ``start``; ended by ``kill`` and ``reap``."""

    def __init__(
        self, process: asyncio.subprocess.Process | ForkedProcess, channel: socket.socket, name: str, package: str
    ) -> None:
        self._process = process
        self._channel = channel
        self._name = name
        self._load = partial(load_values, packages=frozenset({"polyvox", package}))
        self._killed = False
        self._last_words: collections.deque[str] = collections.deque(maxlen=LAST_WORDS)
        # It outlives the call that started the process: what is printed is not about that call's recording.
        nobodys = contextvars.Context()
        self._forwarder = asyncio.create_task(self._forward_output(), name=f"output of {name}", context=nobodys)

    @classmethod
    async def start(
        cls,
        factory: str,
        kwargs: Mapping[str, Any],
        *,
        limits: Limits,
        env: Mapping[str, str],
        inherit_env: bool,
        name: str,
        nursery: Nursery | None = None,
    ) -> ChildProcess:
        """Start a fresh interpreter, or fork one, and tell it what to build; its answer is still to be received."""
        frames = wire.pack(
            {
                "factory": factory,
                "kwargs": dict(kwargs),
                "limits": limits,
                "env": dict(env),
                "sys_path": [entry or os.getcwd() for entry in sys.path],  # noqa: PTH109
            }
        )
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                ours.setblocking(False)
                process = await (nursery.fork(theirs) if nursery else _interpreter(theirs, inherit_env=inherit_env))
        except BaseException:
            ours.close()
            raise
        child = cls(process, ours, name, factory.partition(".")[0].partition(":")[0])
        try:
            await wire.send_async(ours, frames)
        except wire.Closed:
            # It died already; the caller finds out why when it waits for the answer.
            logging.getLogger(__name__).debug("%s closed its pipe at the start", name)
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, frames: list[memoryview]) -> None:
        """Raises Closed."""
        await wire.send_async(self._channel, frames)

    async def receive(self) -> Any:
        """Raises Closed, and pickle.UnpicklingError for what is not a value."""
        return await wire.receive_async(self._channel, self._load)

    async def kill(self) -> None:
        """End the process, and all that it started, at once; returns when it is gone."""
        self._killed = self._killed or self.alive
        await self._end()

    async def verdict(self) -> CpuTimeUsedUp | ChildCrashed:
        """Why the channel closed. The process is gone afterwards."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_WAIT_S):
                await self._process.wait()
        self._killed = self.alive
        await self._end()
        return verdict(self._process.returncode, self._killed, self._name, " | ".join(self._last_words))

    async def _end(self) -> None:
        # Also after a normal exit: what it started must not outlive it and keep its output open.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_WAIT_S):
                await self._forwarder
        self._channel.close()

    async def _forward_output(self) -> None:
        """Pass on to logging what the process prints, line by line (progress bars end lines with CR)."""
        log = logging.getLogger(f"polyvox.child.{self._name}")
        stream = self._process.stdout
        assert stream is not None
        pending = b""
        while chunk := await stream.read(LINE_MAX_BYTES):
            *lines, pending = (pending + chunk).replace(b"\r", b"\n").split(b"\n")
            if len(pending) > LINE_MAX_BYTES:
                lines, pending = [*lines, pending], b""
            self._pass_on(lines, log)
        self._pass_on([pending], log)

    def _pass_on(self, lines: list[bytes], log: logging.Logger) -> None:
        for line in lines:
            if text := line.decode(errors="replace").rstrip():
                self._last_words.append(text)
                log.info("%s", text)


async def _interpreter(channel: socket.socket, *, inherit_env: bool) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "polyvox.child.main",
        str(channel.fileno()),
        str(os.getpid()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=(channel.fileno(),),
        # Ctrl-C in a terminal reaches the parent alone, which lets the child finish.
        start_new_session=True,
        env=None if inherit_env else {},
    )


class CpuTimeUsedUp(Exception):
    """The process used the CPU time it was allowed."""


def verdict(returncode: int | None, killed_by_us: bool, name: str, last_words: str) -> CpuTimeUsedUp | ChildCrashed:
    """Classify how a process ended. ``returncode`` is minus the signal's number, as in subprocess."""
    said = f"; it last said: {last_words}" if last_words else ""
    if returncode is None or killed_by_us:
        return ChildCrashed(f"the {name} process closed its pipe and hung{said}")
    if returncode >= 0:
        return ChildCrashed(f"the {name} process exited with status {returncode}{said}")
    name_of_signal = signal.Signals(-returncode).name
    if returncode == -signal.SIGXCPU:
        return CpuTimeUsedUp(f"the {name} process used up its CPU time")
    # Nobody but the kernel's out-of-memory killer sends SIGKILL to a process of ours.
    if returncode == -signal.SIGKILL:
        return OutOfMemory(f"the {name} process was killed by the system, most likely for its memory{said}")
    if returncode == -signal.SIGABRT and ("bad_alloc" in last_words or "Cannot allocate memory" in last_words):
        return OutOfMemory(f"the {name} process ran out of memory{said}")
    return ChildCrashed(f"the {name} process died of {name_of_signal}{said}")
