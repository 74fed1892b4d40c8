"""Brings the results database to the form that this version needs; several processes may do so at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy.ext.asyncio import AsyncEngine

from polyvox.service import Runtime
from results_api.database import migrations
from results_api.database.connections import engine_of, transaction

# Any number that nothing else on the database server locks: "polyvox" in ASCII.
_ADVISORY_LOCK = 0x706F6C79766F78
_one_at_a_time = threading.Lock()


async def prepare(runtime: Runtime) -> None:
    """``Service.prepare`` of everything that uses the database."""
    await migrate(runtime.settings.database_url)


async def migrate(url: str) -> None:
    """Run the migrations that are missing.

    Raises:
        Unavailable: the database is in trouble.
    """
    await asyncio.to_thread(_migrate, url)


def _migrate(url: str) -> None:
    # Alembic keeps what it is doing in globals: one at a time in a process, each with a loop of its own.
    with _one_at_a_time:
        asyncio.run(_migrate_one(url))


async def _migrate_one(url: str) -> None:
    engine = engine_of(url)
    try:
        if engine.dialect.name == "sqlite":
            await _migrate_sqlite(engine, Path(engine.url.database or ""))
        else:
            async with transaction(engine) as connection:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
                await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def _migrate_sqlite(engine: AsyncEngine, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        async with transaction(engine) as connection:
            # Kept in the file; readers and a writer do not wait for each other.
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        async with transaction(engine) as connection:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
