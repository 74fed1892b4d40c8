"""Connections to addresses that were checked, and to no others.

A name is resolved once for each connection, and what is connected to is what was checked: nobody
gets by with a name that resolves to one thing for the check and to another for the connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpcore

from results_api.webhooks.addresses import is_allowed

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a name for a port; raises OSError where there are none."""
SocketOption = httpcore.SOCKET_OPTION


class TargetRefused(Exception):
    """The name resolves to an address that a webhook must not reach."""


def resolver(executor: Executor) -> Resolve:
    """The machine's own, in threads of its own: a name server that does not answer holds up nobody else."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(address[0]) for *_, address in found))

        return await asyncio.get_running_loop().run_in_executor(executor, ask)

    return resolve


@dataclass(frozen=True)
class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """A network for httpcore. ``private``: see ``is_allowed``."""

    resolve: Resolve
    private: bool = False
    inner: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            TargetRefused: one of the addresses is not allowed; the others are not tried either.
            httpcore.ConnectError, httpcore.ConnectTimeout: nobody answers.
        """
        try:
            addresses = await self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            # UnicodeError: no name server would understand the name.
            raise httpcore.ConnectError(str(error)) from error
        if not all(is_allowed(ip_address(address), private=self.private) for address in addresses):
            raise TargetRefused(host)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self.inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise TargetRefused(path)

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)
