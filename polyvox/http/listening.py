"""Takes every connection that waits at once, so that none is kept from its first request by those that came before.

libuv, which uvloop is made of, takes one connection in each turn of its loop, and in each turn all connections it
has taken are served: the last of sixty-four that come together waited for sixty-three turns of ever more requests,
and where each of these takes a millisecond that is two seconds.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import logging
import socket
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

BACKLOG = 2048
AT_ONCE = 256
"""Connections in one turn of the loop: of a flood of them no more, for those that are there want to be served too."""
AGAIN_S = 1.0
"""How long no connection is taken when there are no descriptors or no memory for one."""
_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


async def listen(
    protocol: Callable[[], asyncio.Protocol], host: str, port: int, *, again_s: float = AGAIN_S
) -> Listener:
    """Listen on every address of ``host``. Raises OSError when that cannot be."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            sockets.append(_bound(family, address))
        for one in sockets:
            one.listen(BACKLOG)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return Listener(loop, protocol, sockets, again_s)


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


class Listener:
    """Open from the beginning; what uvicorn needs of an ``asyncio.Server``."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: Callable[[], asyncio.Protocol],
        sockets: Sequence[socket.socket],
        again_s: float,
    ) -> None:
        self._loop, self._protocol, self._again_s = loop, protocol, again_s
        self.sockets = tuple(sockets)
        self._taking: set[asyncio.Task[object]] = set()
        for one in self.sockets:
            self._watch(one)

    def close(self) -> None:
        """Take no more; what was taken stays."""
        for one in self.sockets:
            if one.fileno() >= 0:
                self._loop.remove_reader(one)
                one.close()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._taking, return_exceptions=True)

    def _watch(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._take_all, listening)

    def _take_all(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF:
                    raise
                log.error("no connection is taken for %g s: %s", self._again_s, error)
                self._loop.remove_reader(listening)
                self._loop.call_later(self._again_s, self._watch, listening)
                return
            connection.setblocking(False)
            # Answers are written as a whole, and are not to wait for what follows.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
            self._taking.add(task)
            task.add_done_callback(functools.partial(self._taken, connection))

    def _taken(self, connection: socket.socket, task: asyncio.Task[object]) -> None:
        self._taking.discard(task)
        if task.cancelled() or task.exception() is not None:
            connection.close()
            if not task.cancelled():
                log.warning("a connection was lost as it was taken: %s", task.exception())
