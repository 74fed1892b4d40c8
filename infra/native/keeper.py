"""All servers together, in the background: a keeper process owns them, and its end is theirs.

The folder holds the servers' data, and while they run ``running.json`` (what runs where) and ``services.env`` (how
``polyvox up`` is told to use them). The keeper holds a lock on ``keeper.lock`` as long as it lives: whether it runs is
never guessed from a process id that may have become somebody else's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from infra.native.services import Services

START_S = 300.0
STOP_S = 120.0
LOCK_S = 10.0
PAUSE_S = 0.1
FILES = ("keeper.pid", "services.env", "running.json")


class KeeperError(RuntimeError):
    """The servers could not be started or stopped; the message says why."""


def keep(folder: Path) -> None:
    """Runs the servers until SIGTERM or SIGINT; the body of the keeper process."""
    wanted_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: wanted_end.set())
    # Who asks whether a keeper runs has the lock for a moment.
    with FileLock(folder / "keeper.lock", timeout=LOCK_S), _written(folder / "keeper.pid", str(os.getpid())):
        services = Services(folder)
        try:
            services.start()
            with (
                _written(folder / "services.env", services.variables()),
                # Last, as it tells that all is ready.
                _written(folder / "running.json", json.dumps(services.running())),
            ):
                wanted_end.wait()
        finally:
            services.stop()


def start(folder: Path) -> dict[str, Any]:
    """Starts a keeper unless one runs, and returns what runs, by the servers' names; raises KeeperError."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "keeper.log"
    if not alive(folder):
        # Left by a keeper that was killed.
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        with log.open("wb") as output:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "infra.native", "keep", "--folder", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        give_up_s = time.monotonic() + START_S
        while not (folder / "running.json").exists() or not alive(folder):
            if keeper.poll() is not None or time.monotonic() > give_up_s:
                raise KeeperError(f"the servers do not start:\n{log.read_text()[-3000:]}")
            time.sleep(PAUSE_S)
    return status(folder)


def stop(folder: Path) -> bool:
    """Stops the keeper and with it the servers; whether there was one. Raises KeeperError when it does not end."""
    if not alive(folder):
        return False
    pid = int((folder / "keeper.pid").read_text())
    if not _is_keeper(pid):
        raise KeeperError(f"process {pid} is no keeper; try again")
    os.kill(pid, signal.SIGTERM)
    give_up_s = time.monotonic() + STOP_S
    while alive(folder):
        if time.monotonic() > give_up_s:
            raise KeeperError(f"the servers do not end; see {folder / 'keeper.log'}")
        time.sleep(PAUSE_S)
    return True


def status(folder: Path) -> dict[str, Any]:
    """What runs, by the servers' names; nothing while they start."""
    path = folder / "running.json"
    return dict(json.loads(path.read_text())) if alive(folder) and path.exists() else {}


def alive(folder: Path) -> bool:
    """Whether a keeper runs in ``folder``."""
    if not (folder / "keeper.pid").exists():
        return False
    try:
        with FileLock(folder / "keeper.lock", timeout=0):
            return False
    except Timeout:
        return True


def _is_keeper(pid: int) -> bool:
    try:
        return psutil.Process(pid).cmdline()[1:4] == ["-m", "infra.native", "keep"]
    except psutil.Error:
        return False


@contextmanager
def _written(path: Path, text: str) -> Iterator[None]:
    """A file, for its owner's eyes, that is there while the block runs."""
    path.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
