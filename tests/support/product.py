"""A whole Polyvox as a real process, to be started, killed and started again by tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from tests.support.ports import free_port


class Product:
    """`polyvox up` on one data folder and one port. Used with ``with``, it leaves nothing behind whatever happens."""

    def __init__(self, data_dir: Path, *, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.log_file = data_dir.with_suffix(".log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill_all()

    def start(self) -> None:
        command = [sys.executable, "-m", "polyvox.cli", "up", "--data", str(self.data_dir), "--port", str(self.port)]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "POLYVOX_LOG_LEVEL": "info", **self._environment},
                start_new_session=True,
            )
        try:
            self.until_ready()
        except BaseException:
            # What is below it notices and ends.
            self._process.kill()
            self._process.wait()
            raise

    def until_ready(self, within_s: float = 120.0) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/ready", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            assert self._process is not None
            assert self._process.poll() is None, self.log_file.read_text()[-4000:]
            time.sleep(0.2)
        raise AssertionError(f"not ready within {within_s:g} s:\n{self.log_file.read_text()[-4000:]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def processes(self) -> dict[str, psutil.Process]:
        """Every process below the supervisor, by member name; model children by `name/child`."""
        found: dict[str, psutil.Process] = {}
        for service in psutil.Process(self.pid).children():
            try:
                words = service.cmdline()
                name = words[words.index("--member") + 1]
                found[name] = service
                for child in service.children(recursive=True):
                    found[f"{name}/child"] = child
            except (psutil.NoSuchProcess, psutil.ZombieProcess, ValueError):
                continue
        return found

    def kill(self, name: str) -> bool:
        """SIGKILL one process; False when it is not there just now."""
        process = self.processes().get(name)
        if process is None:
            return False
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def kill_all(self) -> None:
        """SIGKILL the supervisor; its processes notice and end."""
        assert self._process is not None
        below = psutil.Process(self.pid).children(recursive=True)
        self._process.kill()
        self._process.wait(30)
        _, alive = psutil.wait_procs(below, timeout=60)
        assert not alive, f"these outlived their supervisor: {alive}"

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self._process.wait(90)
