"""`polyvox run SERVICE…`: hosts services in this process; what the supervisor starts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import click

from polyvox import host
from polyvox.cli.configuration import settings


@click.command(hidden=True)
@click.argument("services", nargs=-1, required=True)
@click.option("--member", required=True, help="Name of this process in its consumer groups.")
@click.option("--parent", type=int, help="Stop when this process is gone.")
def command(services: tuple[str, ...], member: str, parent: int | None) -> None:
    """Run SERVICES until told to stop."""
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    sys.exit(host.run(services, settings(), member=member))


def _follow(parent: int) -> None:
    """End this process in good order once its parent has died without telling it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
