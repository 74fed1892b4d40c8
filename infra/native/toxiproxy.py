"""Toxiproxy: connections that are slow, thin, cut or refused, on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import httpx

from infra.native import cache, programs
from infra.native.ports import free_ports
from infra.native.server import Server

ATTEMPTS = 5
Stream = Literal["downstream", "upstream"]


class Toxiproxy(Server):
    """Holds the proxies; after ``kill`` and ``start`` they are there again, on their ports, without their faults."""

    NAME = "Toxiproxy"
    PORTS = ("api",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._proxies: dict[str, dict[str, Any]] = {}

    def command(self) -> list[str]:
        program = cache.path(programs.TOXIPROXY) / "server"
        return [str(program), "-host", "127.0.0.1", "-port", str(self.ports["api"])]

    def works(self) -> bool:
        try:
            self.call("POST", "/populate", list(self._proxies.values()))
        except httpx.TransportError:
            return False
        return True

    def proxy(self, name: str, upstream: str) -> Proxy:
        """A new proxy before ``upstream`` (host:port); a former one of that name goes."""
        if name in self._proxies:
            self.forget(name)
        for attempts_left in reversed(range(ATTEMPTS)):
            port = free_ports(1)[0]
            wanted = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": upstream, "enabled": True}
            try:
                self.call("POST", "/proxies", wanted)
            except httpx.HTTPStatusError:  # the port was taken in between
                if not attempts_left:
                    raise
                continue
            self._proxies[name] = wanted
            return Proxy(self, name, port)
        raise AssertionError("not reached")

    def forget(self, name: str) -> None:
        """Removes a proxy and its connections."""
        del self._proxies[name]
        self.call("DELETE", f"/proxies/{name}")

    def call(self, method: str, path: str, body: object = None) -> None:
        """A call of its HTTP API; raises httpx.HTTPStatusError when it refuses."""
        url = f"http://127.0.0.1:{self.ports['api']}{path}"
        httpx.request(method, url, json=body, trust_env=False).raise_for_status()


class Proxy:
    """A port that leads to another and carries faults until ``clear``.

    Faults of different kinds add up; one of the same kind and direction takes the place of the former. ``downstream``
    is what the server sends, ``upstream`` what the client sends.
    """

    def __init__(self, server: Toxiproxy, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._server = server
        self._toxics: set[str] = set()

    def latency(self, delay_ms: int, *, jitter_ms: int = 0, stream: Stream = "downstream") -> None:
        """Delays everything."""
        self._add("latency", stream, latency=delay_ms, jitter=jitter_ms)

    def bandwidth(self, kb_per_s: int, *, stream: Stream = "downstream") -> None:
        self._add("bandwidth", stream, rate=kb_per_s)

    def timeout(self, after_ms: int = 0, *, stream: Stream = "downstream") -> None:
        """Nothing comes through; connections are closed ``after_ms``, with 0 not before ``clear``."""
        self._add("timeout", stream, timeout=after_ms)

    def reset_peer(self, after_ms: int = 0, *, stream: Stream = "downstream") -> None:
        """Connections end by a TCP reset ``after_ms``."""
        self._add("reset_peer", stream, timeout=after_ms)

    def slow_close(self, delay_ms: int, *, stream: Stream = "downstream") -> None:
        """Delays the closing of connections."""
        self._add("slow_close", stream, delay=delay_ms)

    def down(self) -> None:
        """Closes all connections and refuses new ones."""
        self._server.call("POST", f"/proxies/{self.name}", {"enabled": False})

    def up(self) -> None:
        self._server.call("POST", f"/proxies/{self.name}", {"enabled": True})

    def clear(self) -> None:
        """Removes all faults."""
        while self._toxics:
            self._server.call("DELETE", f"/proxies/{self.name}/toxics/{self._toxics.pop()}")
        self.up()

    def remove(self) -> None:
        """Removes the proxy itself."""
        self._server.forget(self.name)

    def _add(self, kind: str, stream: Stream, **attributes: int) -> None:
        toxic = f"{kind}-{stream}"
        if toxic in self._toxics:
            self._server.call("POST", f"/proxies/{self.name}/toxics/{toxic}", {"attributes": attributes})
        else:
            body = {"name": toxic, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}
            self._server.call("POST", f"/proxies/{self.name}/toxics", body)
            self._toxics.add(toxic)
