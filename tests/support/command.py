"""Runs `polyvox …` as a person does, and interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


def polyvox(*arguments: str | Path, cwd: Path, within_s: float = 120.0, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "polyvox.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=within_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


class Running:
    """A command under way."""

    def __init__(self, *arguments: str | Path, cwd: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "polyvox.cli", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def below(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def until_below(self, count: int, *, within_s: float = 60.0) -> list[psutil.Process]:
        """The processes below it, once there are at least so many."""
        deadline_s = time.monotonic() + within_s
        while len(found := self.below()) < count:
            assert self._process.poll() is None, self._process.communicate()
            assert time.monotonic() < deadline_s, f"only {found} within {within_s:g} s"
            time.sleep(0.05)
        return found

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def result(self, *, within_s: float) -> Result:
        try:
            out, err = self._process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        assert "Traceback" not in err, err
        return Result(self._process.returncode, out, err)
