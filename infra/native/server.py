"""What all servers have in common: a folder, ports that stay, a log, start, stop, kill and start again."""

from __future__ import annotations

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any, ClassVar, Self

import psutil

from infra.native import ports
from infra.native.process import Process

ATTEMPTS = 5
PAUSE_S = 0.05


class StartError(RuntimeError):
    """A server did not come up; the message holds the end of its log."""


class PortTaken(StartError):
    """It did not come up, and somebody else is on one of its ports."""


class Server(ABC):
    """One server in ``folder``, which holds its data, its log and what must stay the same: ports and passwords.

    ``start`` returns when the server does its work; it may be called again after ``stop`` or ``kill``, then on the
    same ports and with the same data. Another object on the same folder goes on with them as well, as long as the
    ports are still free.
    """

    NAME: ClassVar[str]
    PORTS: ClassVar[tuple[str, ...]]
    START_S: ClassVar[float] = 60.0
    STOP_SIGNAL: ClassVar[Signals] = Signals.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "server.log"
        self.ports: dict[str, int] = {}
        self.stop_s = 20.0
        self.settled = False
        self.port_names = self.PORTS
        self._kept = self.folder / "kept.json"
        self._process: Process | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What to run, with the ports in ``self.ports``."""

    @abstractmethod
    def works(self) -> bool:
        """Whether the server, whose ports are open, does its work. Connection errors count as no."""

    def environment(self) -> Mapping[str, str]:
        """Variables to set for it."""
        return {}

    def prepare(self) -> None:  # noqa: B027 - not every server needs it
        """Writes what the server needs before it starts; called before each start."""

    def start(self) -> Self:
        """Starts the server and waits until it works. Does nothing when it runs."""
        if not self.ports:
            self.choose_ports()
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                return self.attempt()
            except PortTaken:
                if not attempts_left:
                    raise
                # Ports that others have been told may only become free again.
                if self.settled:
                    time.sleep(1)
                else:
                    self.choose_ports(afresh=True)
        raise AssertionError("not reached")

    def attempt(self) -> Self:
        """``start`` on the present ports, once; raises PortTaken or StartError."""
        if self.running:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self._process = Process(self.command(), folder=self.folder, log=self.log, environment=self.environment())
        if not self._comes_up(self._process):
            said = self._process.said()
            self.kill()
            taken = [port for port in self.ports.values() if not ports.is_free(port)]
            kind = PortTaken if taken else StartError
            raise kind(f"{self.NAME} does not start on {self.ports} (log: {self.log}):\n{said}")
        self.settled = True
        self._remember("ports", self.ports)
        return self

    def choose_ports(self, *, afresh: bool = False, avoid: Iterable[int] = ()) -> None:
        """Chooses those of the last time if they are free and it is not ``afresh``, others else."""
        fresh = ports.free_ports(len(self.port_names), avoid=avoid)
        last = {} if afresh else self._recall().get("ports", {})
        self.ports = {
            name: last[name] if name in last and ports.is_free(last[name]) else port
            for name, port in zip(self.port_names, fresh, strict=True)
        }
        self.settled = False

    def stop(self) -> None:
        """Ends the server in order; by SIGKILL when it takes longer than ``stop_s``. Does nothing when it is down."""
        self._end(self.STOP_SIGNAL)

    def kill(self) -> None:
        """Ends the server by SIGKILL."""
        self._end(Signals.SIGKILL)

    def send(self, signal: Signals) -> None:
        """Sends a signal to the server's main process, such as SIGSTOP and SIGCONT."""
        if self._process is None:
            raise RuntimeError(f"{self.NAME} is not running")
        self._process.send(signal)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError(f"{self.NAME} is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def password(self, name: str) -> str:
        """A random password, kept in the folder under ``name``."""
        known = self._recall().get(name)
        if known is None:
            known = secrets.token_hex(16)
            self._remember(name, known)
        return str(known)

    def _end(self, signal: Signals) -> None:
        if self._process is not None:
            self._process.end(signal, patience_s=self.stop_s)
            self._process = None

    def _comes_up(self, process: Process) -> bool:
        """Whether the server itself, and no stranger on its ports, works before the time is over."""
        give_up_s = time.monotonic() + self.START_S
        while process.running:
            if self._listens(process) and self.works():
                return True
            if time.monotonic() > give_up_s:
                return False
            time.sleep(PAUSE_S)
        return False

    def _listens(self, process: Process) -> bool:
        try:
            main = psutil.Process(process.pid)
            family = [main, *main.children(recursive=True)]
            open_ports = {
                connection.laddr.port
                for member in family
                for connection in member.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
        except psutil.Error:
            return False
        return set(self.ports.values()) <= open_ports

    def _recall(self) -> dict[str, Any]:
        return dict(json.loads(self._kept.read_text())) if self._kept.exists() else {}

    def _remember(self, name: str, value: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self._recall(), name: value})
        self._kept.touch(mode=0o600)
        self._kept.write_text(text)
