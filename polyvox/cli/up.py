"""`polyvox up`: the whole product on this machine."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click

from polyvox.cli import local_server
from polyvox.cli.weights import ensure_default_weights
from polyvox.logs import configure
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder for all data. [polyvox-data]")
@click.option("--host", help="Address to listen on. [127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one. [8484]")
def command(data: Path | None, host: str | None, port: int | None) -> None:
    """Run all services on this machine, on one port, until Ctrl-C."""
    settings = Settings()
    given = {"data_dir": data and data.absolute(), "host": host, "port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    if settings.port == 0:
        settings = settings.model_copy(update={"port": local_server.free_port(settings.host)})
    configure(settings.log_level, name="up")
    ensure_default_weights(settings)
    asyncio.run(_up(settings))


async def _up(settings: Settings) -> None:
    stopping = asyncio.Event()
    supervisor = Supervisor(settings)
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopping.is_set() and number == signal.SIGINT:
            click.echo("Stopping at once.", err=True)
            supervisor.kill()
        elif not stopping.is_set():
            click.echo(
                "Stopping: finishing or handing back what is in flight (Ctrl-C again to stop at once).", err=True
            )
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    async with local_server.running(settings, supervisor, stopping) as url:
        if not stopping.is_set():
            click.echo(f"Polyvox is ready at {url} (API documentation: {url}/docs). Data: {settings.data_dir}")
            click.echo(f"Try: polyvox transcribe --server {url} recording.m4a")
            sys.stdout.flush()
        await stopping.wait()
    click.echo("Stopped.", err=True)
