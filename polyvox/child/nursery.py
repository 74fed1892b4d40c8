"""Children that are forked off one prepared process instead of started: milliseconds instead of half a second.

For work that wants a fresh process for each piece, as decoding does. The prepared process has
imported what its children need and does nothing else, so each of them begins as fresh as it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence

from polyvox.errors import ChildCrashed

REQUEST = struct.Struct("!Q")
"""What a nursery is asked with, beside two descriptors: a number for the child."""
NEWS = struct.Struct("!cQii")
"""What it says: kind, the child's number, process id, exit status. The child itself says FORKED, its parent ENDED."""
FORKED, ENDED = b"F", b"E"
START_TIMEOUT_S = 60.0


class ForkedProcess:
    """As much of ``asyncio.subprocess.Process`` as a ChildProcess uses. ``pid`` is known once it has ``begun``."""

    def __init__(self, stdout: asyncio.StreamReader) -> None:
        self.stdout = stdout
        self.begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self.begun.result()

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def begin(self, pid: int) -> None:
        if not self.begun.done():
            self.begun.set_result(pid)

    def end(self, status: int) -> None:
        if not self._ended.done():
            self._ended.set_result(status)


class Nursery:
    """A process that has imported ``modules`` and forks children. Started at the first fork, again when it died.

    Args:
        modules: by name; of ``module:function`` the function is called, and must leave no thread behind.
        env: all there is in the environment of the children.
    """

    def __init__(self, modules: Sequence[str], *, env: Mapping[str, str], name: str) -> None:
        self._modules = tuple(modules)
        self._env = dict(env)
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._channel: socket.socket | None = None
        self._listener: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self._children: dict[int, ForkedProcess] = {}
        self._turn = asyncio.Lock()

    async def fork(self, channel: socket.socket) -> ForkedProcess:
        """A new child that serves ``channel`` as polyvox.child.main does. It may have ended already.

        Raises:
            ChildCrashed: the nursery does not start, or died.
        """
        async with self._turn:
            nursery = self._channel or await self._start()
            stdout, said = await _output()
            number, child = next(self._numbers), ForkedProcess(stdout)
            self._children[number] = child
            try:
                # A few bytes: a socket that takes nothing belongs to a process that is gone.
                socket.send_fds(nursery, [REQUEST.pack(number)], [channel.fileno(), said.fileno()])
                async with asyncio.timeout(START_TIMEOUT_S):
                    await child.begun
            except (OSError, TimeoutError) as error:
                self._children.pop(number, None)
                await self._stop()
                raise ChildCrashed(f"the process that {self._name} processes are forked from is gone") from error
            finally:
                said.close()
            return child

    async def close(self) -> None:
        """End the nursery and with it its children."""
        async with self._turn:
            await self._stop()

    async def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "polyvox.child.forking", str(theirs.fileno()), str(os.getpid())),
                *self._modules,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=self._env,
            )
        self._channel = ours
        self._listener = asyncio.create_task(self._listen(ours), name=f"nursery of {self._name}")
        return ours

    async def _listen(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        pending = b""
        try:
            while chunk := await loop.sock_recv(channel, 4096):
                pending += chunk
                while len(pending) >= NEWS.size:
                    self._take(*NEWS.unpack(pending[: NEWS.size]))
                    pending = pending[NEWS.size :]
        except OSError as error:
            pending = str(error).encode()
        finally:
            # Children of a process that is gone are gone with it.
            for child in self._children.values():
                child.end(-signal.SIGKILL)
                if not child.begun.done():
                    child.begun.set_exception(ConnectionResetError("the nursery is gone"))
            self._children.clear()
            if self._channel is channel:
                self._channel = None
            channel.close()

    def _take(self, kind: bytes, number: int, pid: int, status: int) -> None:
        child = self._children[number]
        # A child that ends before it can say so has begun all the same.
        child.begin(pid)
        if kind == ENDED:
            del self._children[number]
            child.end(status)

    async def _stop(self) -> None:
        process, listener, self._process, self._listener = self._process, self._listener, None, None
        if process is None or listener is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


class _Output(asyncio.StreamReaderProtocol):
    """Closes its transport when everything was said; a stream over a socket would keep it for answers."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


async def _output() -> tuple[asyncio.StreamReader, socket.socket]:
    """A stream to read from, and the socket to write to."""
    # Not a pipe: uvloop closes the descriptor of a pipe's file twice, the second time perhaps somebody else's.
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().create_connection(lambda: _Output(reader), sock=ours)
    return reader, theirs
