"""`polyvox up`: the whole product on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
from filelock import FileLock, Timeout

from polyvox.cli import local_server
from polyvox.cli.configuration import settings
from polyvox.cli.interruption import SIGNALS, Interrupted
from polyvox.cli.packages import require_all
from polyvox.cli.weights import ensure_default_weights
from polyvox.errors import Fatal
from polyvox.logs import configure
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor

PORT_WITHIN_S = 5.0
"""How long processes of a server that was killed may still hold its port."""


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder for all data. [polyvox-data]")
@click.option("--host", help="Address to listen on. [127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one. [8484]")
def command(data: Path | None, host: str | None, port: int | None) -> None:
    """Run all services on this machine, on one port, until Ctrl-C.

    Ctrl-C (or SIGTERM) finishes or hands back what is in flight; a second one stops at once. The data stay,
    and the next start goes on with them.
    """
    require_all()
    wanted = settings(data_dir=data and data.absolute(), host=host, port=port)
    configure(wanted.log_level, name="up", form=wanted.log_format)
    with _only_one(wanted.data_dir):
        asyncio.run(_check_reachable(wanted))
        ensure_default_weights(wanted)
        asyncio.run(_up(wanted.model_copy(update={"port": _port(wanted.host, wanted.port)})))


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Processes of two servers would bear the same names and take each other's work."""
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(data_dir / "up.lock", blocking=False):
            yield
    except Timeout:
        raise Fatal(f"another `polyvox up` runs on {data_dir}; name another folder with --data") from None


def _port(host: str, port: int) -> int:
    """The port to listen on.

    Raises:
        Fatal: it is taken, or the address is not one of this machine.
    """
    if port == 0:
        return local_server.free_port(host)
    deadline_s = time.monotonic() + PORT_WITHIN_S
    while True:
        try:
            local_server.check_port(host, port)
        except Fatal as error:
            cause = error.__cause__
            is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
            if not is_taken or time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)
        else:
            return port


async def _check_reachable(settings: Settings) -> None:
    """Raises Fatal: it would be served to others without keys. Asked here once; its processes would ask for ever."""
    from polyvox import bootstrap
    from polyvox.access.keyring import Keyring
    from polyvox.access.known import KnownKeys
    from polyvox.clock import SystemClock
    from polyvox.http.opening import check_reachable

    store, clock = bootstrap.open_store(settings), SystemClock()
    try:
        await check_reachable(settings, KnownKeys(Keyring(store, clock), clock))
    finally:
        await store.close()


async def _up(settings: Settings) -> None:
    stopping = asyncio.Event()
    supervisor = Supervisor(settings)
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            click.echo(
                "Stopping: finishing or handing back what is in flight (Ctrl-C again to stop at once).", err=True
            )
        else:
            click.echo("Stopping at once.", err=True)
            supervisor.kill()
        stopping.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    async with local_server.running(settings, supervisor, stopping) as url:
        if not stopping.is_set():
            click.echo(f"Polyvox is ready at {url} (API documentation: {url}/docs). Data: {settings.data_dir}")
            click.echo(f"Try: polyvox transcribe --server {url} recording.m4a")
            sys.stdout.flush()
        await stopping.wait()
    click.echo("Stopped.", err=True)
    if len(received) > 1:
        raise Interrupted(signal.SIGINT)
