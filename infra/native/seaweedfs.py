"""SeaweedFS: an S3 store that comes as one program."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from signal import Signals

import httpx

from infra.native import cache, programs
from infra.native.server import Server


class SeaweedFS(Server):
    """A store with random credentials, all parts of it in one process."""

    NAME = "SeaweedFS"
    PORTS = (
        "s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "admin", "admin.grpc",
    )  # fmt: skip

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def access_key(self) -> str:
        return self.password("access_key")

    @property
    def secret_key(self) -> str:
        return self.password("secret_key")

    def command(self) -> list[str]:
        return [
            str(cache.path(programs.SEAWEEDFS) / "bin" / "weed"),
            "-logtostderr",
            "mini",
            f"-dir={self.folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            # Each bucket has volumes of its own; counted by itself it allows one for each free GB of the disk.
            "-volume.max=10000",
            *(f"-{self._option(name)}={port}" for name, port in self.ports.items()),
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ]

    def environment(self) -> Mapping[str, str]:
        # Without the two its S3 port takes any key, without the limit it grows past 1 GB.
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "GOMEMLIMIT": "384MiB",
        }

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        # Read from the working directory: without it who reaches the filer's port needs no S3 credentials.
        security = self.folder / "security.toml"
        if not security.exists():
            sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
            security.touch(mode=0o600)
            security.write_text("".join(f'[{name}]\nkey = "{secrets.token_hex(16)}"\n' for name in sections))

    def _end(self, signal: Signals) -> None:
        super()._end(signal)
        # It leaves its sockets, which it puts into the system's folder whatever it is told.
        for port in self.ports.values():
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
                path.unlink(missing_ok=True)

    def works(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    @staticmethod
    def _option(name: str) -> str:
        part, _, kind = name.partition(".")
        return f"{part}.port.{kind}" if kind else f"{part}.port"
