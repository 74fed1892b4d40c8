"""The results databases that tests run on: SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

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
        _aside(migrate(Settings(database=SecretStr(url)).database_url))
        return url

    def give_back(self, url: str) -> None:
        sql(url, *(f"DELETE FROM {table.name}" for table in metadata.sorted_tables))
        self.idle.append(url)


def sql(url: str, *statements: str) -> None:
    """Run them, each in a transaction of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    _aside(run())


def _aside(work: Coroutine[Any, Any, None]) -> None:
    """Do it in a thread: whoever asks may have a running event loop or none."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


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


@pytest.fixture(params=["sqlite", "postgres"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """As ``place``, but the database is empty: no migration has run."""
    if request.param == "sqlite":
        yield Place(tmp_path, None, lambda: None)
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = f"new_{uuid.uuid4().hex[:12]}"
    yield Place(tmp_path, server.create_database(name), lambda: None)
    server.drop_database(name)
