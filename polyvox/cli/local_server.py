"""A whole Polyvox for as long as a command needs one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from polyvox.client import AsyncClient
from polyvox.errors import Fatal
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor

READY_WITHIN_S = 120.0


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(settings: Settings, supervisor: Supervisor, stopping: asyncio.Event) -> AsyncIterator[str]:
    """Start ``supervisor``, wait until it serves, give its URL; stop it at the end.

    Raises:
        Fatal: it did not come up within two minutes.
    """
    tree = asyncio.create_task(supervisor.run(stopping))
    url = base_url(settings)
    try:
        await _until_ready(url, tree, stopping)
        yield url
    finally:
        stopping.set()
        await tree


@asynccontextmanager
async def temporary_server(settings: Settings) -> AsyncIterator[str]:
    """A server on a free port with a data folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="polyvox-"))
    stopping = asyncio.Event()
    try:
        own = settings.model_copy(
            update={"data_dir": folder, "host": "127.0.0.1", "port": free_port("127.0.0.1"), "log_level": "error"}
        )
        async with running(own, Supervisor(own), stopping) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def base_url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _until_ready(url: str, tree: asyncio.Task[None], stopping: asyncio.Event) -> None:
    deadline_s = asyncio.get_running_loop().time() + READY_WITHIN_S
    async with AsyncClient(url) as client:
        while not await client.is_ready():
            if tree.done() or stopping.is_set():
                await tree
                return
            if asyncio.get_running_loop().time() > deadline_s:
                raise Fatal(
                    f"the server did not become ready within {READY_WITHIN_S:g} s; "
                    "`polyvox doctor` says what may be missing"
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 0.1)
