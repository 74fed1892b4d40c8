"""One process of a server: started with a log file, signalled, waited for, never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals

LEASH = Path(__file__).with_name("leash.py")
TAIL_BYTES = 4000


class Process:
    """A running ``command`` with its output appended to ``log``; ends with this process at the latest (see leash.py).

    ``environment`` is added to the one of this process.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._from_byte = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._leash = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=folder,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        assert self._leash.stdout is not None
        with self._leash.stdout as said:
            line = said.readline()
        if not line:
            self._leash.wait()
            raise FileNotFoundError(f"cannot run {command[0]}: {self.said()}")
        self.pid = int(line)

    @property
    def running(self) -> bool:
        return self._leash.poll() is None

    def end(self, signal: Signals, *, patience_s: float) -> None:
        """Sends ``signal``, and SIGKILL after ``patience_s``. Returns when no process of the server is left."""
        self._send(signal)
        try:
            self._leash.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._send(Signals.SIGKILL)
            self._leash.wait()
        assert self._leash.stdin is not None
        self._leash.stdin.close()

    def send(self, signal: Signals) -> None:
        """Sends ``signal`` to the server's main process, such as SIGSTOP and SIGCONT."""
        self._send(signal)

    def said(self) -> str:
        """The end of what this process has written to its log."""
        with self._log.open("rb") as log:
            log.seek(max(self._from_byte, self._log.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _send(self, signal: Signals) -> None:
        assert self._leash.stdin is not None
        if self.running:
            try:
                self._leash.stdin.write(f"{signal.name}\n".encode())
                self._leash.stdin.flush()
            except BrokenPipeError:  # it ended just now
                return
