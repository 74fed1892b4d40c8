"""uvicorn's server in a process that has other things to do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from polyvox.http.listening import listen

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Takes connections its own way (see listening.py), and leaves the process's signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Raises SystemExit when it cannot listen, as uvicorn's own does."""
        await super().startup(sockets=[])
        self.started = False
        try:
            listener = await listen(self._connection, self.config.host, self.config.port)
        except OSError as error:
            log.error("%s", error)
            await self.lifespan.shutdown()
            raise SystemExit(STARTUP_FAILURE) from error
        self.servers.append(listener)  # type: ignore[arg-type]
        self.started = True

    def _connection(self) -> asyncio.Protocol:
        config = self.config
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made
