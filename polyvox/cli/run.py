"""`polyvox run SERVICE…`: hosts services in this process; what the supervisor and containers start."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import click

from polyvox import host
from polyvox.cli.configuration import settings


@click.command()
@click.argument("services", nargs=-1, required=True)
@click.option("--member", help="Name of this process in its consumer groups. [first service and host name]")
@click.option("--parent", type=int, hidden=True, help="Stop when this process is gone; it answers for /metrics.")
def command(services: tuple[str, ...], member: str | None, parent: int | None) -> None:
    """Run SERVICES in this process until told to stop: one container of a larger deployment.

    The port of the settings answers /health, /ready and /metrics, and the services' own routes.
    """
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    own = settings(member=member)
    name = own.member or f"{services[0]}-{socket.gethostname()}"
    sys.exit(host.run(services, own, member=name, operations=parent is None))


def _follow(parent: int) -> None:
    """End this process in good order once its parent has died without telling it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
