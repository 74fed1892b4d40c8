"""Prometheus, of the version that the Debian package brings."""

from __future__ import annotations

from pathlib import Path

import httpx

from infra.native import programs
from infra.native.server import Server


class Prometheus(Server):
    """A Prometheus with ``config``: the text of a configuration, or the path of one (its rule files lie beside it)."""

    NAME = "Prometheus"
    PORTS = ("http",)

    def __init__(self, folder: Path, config: str | Path) -> None:
        super().__init__(folder)
        self._config = config

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def prepare(self) -> None:
        if isinstance(self._config, str):
            (self.folder / "prometheus.yml").write_text(self._config)

    def command(self) -> list[str]:
        config = self._config if isinstance(self._config, Path) else self.folder / "prometheus.yml"
        return [
            str(programs.prometheus()),
            f"--config.file={config.resolve()}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.ports['http']}",
            # Debian's default folders for these are those of the system's own Prometheus.
            f"--web.console.templates={self.folder}",
            f"--web.console.libraries={self.folder}",
        ]

    def works(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/-/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False
