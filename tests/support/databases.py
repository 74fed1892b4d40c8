"""The results databases that tests run on: SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.native import fetch
from infra.native.postgres import Postgres
from polyvox.settings import Settings
from results_api.database.migrate import migrate
from results_api.database.tables import metadata


@dataclass(frozen=True)
class Place:
    """A data folder and a results database, empty and migrated, for one product. ``beside`` is another such place."""

    data_dir: Path
    database: str | None
    """A URL of PostgreSQL; None: SQLite in the data folder."""
    another: Callable[[], str | None]

    @property
    def settings(self) -> Settings:
        database = SecretStr(self.database) if self.database else None
        return Settings(data_dir=self.data_dir, database=database, attempts=3, retry_base_s=0.01, retry_max_s=0.05)

    def beside(self, name: str) -> Place:
        return Place(self.data_dir / name, self.another(), self.another)


@dataclass
class Databases:
    """Lends out databases of one server, and empties what comes back: to create one takes many times as long."""

    server: Postgres
    idle: list[str] = field(default_factory=list)
    created: int = 0

    def take(self) -> str:
        if self.idle:
            return self.idle.pop()
        self.created += 1
        url = self.server.create_database(f"results_{self.created}")
        # A thread, since tests with a running event loop ask for databases as well.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(migrate(Settings(database=SecretStr(url)).database_url))).result()
        return url

    def give_back(self, url: str) -> None:
        sql(url, *(f"DELETE FROM {table.name}" for table in metadata.sorted_tables))
        self.idle.append(url)


def sql(url: str, *statements: str) -> str:
    """What psql prints."""
    commands = [part for statement in statements for part in ("--command", statement)]
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
    program = str(fetch.postgres("psql"))
    return subprocess.run([program, url, *options, *commands], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def databases(postgres_server: Postgres) -> Databases:
    return Databases(postgres_server)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """On each kind of database in turn."""
    if request.param == "sqlite":
        yield Place(tmp_path, None, lambda: None)
        return
    pool: Databases = request.getfixturevalue("databases")
    lent: list[str] = []

    def another() -> str:
        lent.append(pool.take())
        return lent[-1]

    yield Place(tmp_path, another(), another)
    for url in lent:
        pool.give_back(url)
