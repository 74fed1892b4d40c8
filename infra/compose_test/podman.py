"""Podman with settings, images and containers of its own, beside whatever else runs on this machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from threading import Event, Thread

from infra.native import debian
from infra.native.process import Process

PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "catatonit", "debootstrap")
# What containers may have must not exceed what this process may: raising limits is forbidden in some sandboxes.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""
HEALTH_EVERY_S = 2.0
SOCKET_WITHIN_S = 30.0
STOP_S = 10.0


class Podman:
    """``podman …`` on what is kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def prepare(self) -> None:
        """Installs what is missing and writes the settings. Raises debian.Missing."""
        programs = ("podman", "runc", "iptables", "catatonit", "debootstrap")
        places = ("/usr/sbin", "/usr/bin")
        missing = [name for name in programs if not any((Path(place) / name).exists() for place in places)]
        if missing or not Path("/usr/lib/podman/netavark").exists():
            debian.install(PACKAGES)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "containers.conf").write_text(CONTAINERS)
        (self.folder / "storage.conf").write_text(STORAGE.format(folder=self.folder))

    def __call__(self, *arguments: str | Path, quiet: bool = True) -> str:
        """Standard output; raises CalledProcessError, after what was said went to standard error."""
        done = subprocess.run(
            ["podman", *map(str, arguments)],  # noqa: S607
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            os.write(2, ((done.stderr or "") + done.stdout).encode())
            done.check_returncode()
        return done.stdout.strip()

    @contextmanager
    def service(self) -> Iterator[str]:
        """The engine as a Docker engine speaks, at the URL that is yielded; health checks are run meanwhile."""
        socket = self.folder / "podman.sock"
        socket.unlink(missing_ok=True)
        url = f"unix://{socket}"
        process = Process(
            ["podman", "system", "service", "--time=0", url],
            folder=self.folder,
            log=self.folder / "podman.log",
            environment=self.environment,
        )
        done = Event()
        checks = Thread(target=self._check_health, args=(done,), daemon=True)
        try:
            self._await(socket)
            checks.start()
            yield url
        finally:
            done.set()
            if checks.ident is not None:
                checks.join()
            process.end(Signals.SIGTERM, patience_s=STOP_S)

    def _await(self, socket: Path) -> None:
        give_up_s = time.monotonic() + SOCKET_WITHIN_S
        while not socket.exists():
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"podman does not answer; see {self.folder / 'podman.log'}")
            time.sleep(0.1)

    def _check_health(self, done: Event) -> None:
        """Podman leaves this to systemd, which is not everywhere."""
        while not done.wait(HEALTH_EVERY_S):
            for container in self("ps", "--quiet").split():
                # Fails for what is unhealthy, has no check or is gone by now; the state says which.
                subprocess.run(
                    ["podman", "healthcheck", "run", container],  # noqa: S607
                    env=self.environment,
                    capture_output=True,
                    check=False,
                )
