"""PostgreSQL, of the version that the Debian package brings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from signal import Signals

from infra.native import programs
from infra.native.server import Server

USER = "polyvox"
# Created by the Debian package.
SYSTEM_USER = "postgres"


class Postgres(Server):
    """A database server with one user, who may create databases.

    PostgreSQL refuses to run as root. When this is root it runs as the system's user ``postgres``, who owns the data
    and gets one right of root's, to reach the folder wherever it is (CAP_DAC_OVERRIDE): test folders are closed
    to others.
    """

    NAME = "PostgreSQL"
    PORTS = ("sql",)
    # "Fast": ends the sessions instead of waiting for them.
    STOP_SIGNAL = Signals.SIGINT

    @property
    def url(self) -> str:
        """Of a database that is always there: ``postgresql://user:password@host:port/name``."""
        return self._url("postgres")

    def create_database(self, name: str) -> str:
        """The URL of the database ``name`` (letters, digits, hyphens and underscores), created if there is none."""
        if name not in self._sql("SELECT datname FROM pg_database").splitlines():
            self._sql(f'CREATE DATABASE "{name}"')
        return self._url(name)

    def drop_database(self, name: str) -> None:
        """Removes a database and ends the sessions in it; nothing to do when there is none."""
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def prepare(self) -> None:
        data = self.folder / "data"
        if (data / "PG_VERSION").exists():
            return
        data.mkdir(mode=0o700, exist_ok=True)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password("password"))
        if os.geteuid() == 0:
            for path in (data, secret):
                _give(path)
        options = ["--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        with self.log.open("ab") as log:
            subprocess.run(
                [*_unprivileged(), str(programs.postgres("initdb")), "-D", str(data), "--locale", "C.UTF-8", *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                check=True,
            )
        secret.unlink()

    def command(self) -> list[str]:
        settings: Mapping[str, object] = {
            "listen_addresses": "127.0.0.1",
            "port": self.ports["sql"],
            # Its sockets' paths are bounded at 107 bytes, which folders of tests can exceed.
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*_unprivileged(), str(programs.postgres("postgres")), "-D", str(self.folder / "data"), *options]

    def works(self) -> bool:
        check = ["-q", "-h", "127.0.0.1", "-p", str(self.ports["sql"])]
        return subprocess.run([str(programs.postgres("pg_isready")), *check], check=False).returncode == 0

    def _url(self, name: str) -> str:
        return f"postgresql://{USER}:{self.password('password')}@127.0.0.1:{self.ports['sql']}/{name}"

    def _sql(self, statement: str) -> str:
        """What the statement gives, as plain text; its error is the exception's."""
        options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", statement]
        done = subprocess.run(
            [str(programs.postgres("psql")), self.url, *options], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()


def _give(path: Path) -> None:
    import pwd

    user = pwd.getpwnam(SYSTEM_USER)
    os.chown(path, user.pw_uid, user.pw_gid)


def _unprivileged() -> list[str]:
    """What to put before a command so that it does not run as root."""
    if os.geteuid() != 0:
        return []
    capability = "+dac_override"
    return [
        "setpriv", f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--init-groups",
        f"--inh-caps={capability}", f"--ambient-caps={capability}",
        # To change the user clears the signal that the leash has set.
        "--pdeathsig=KILL",
    ]  # fmt: skip
