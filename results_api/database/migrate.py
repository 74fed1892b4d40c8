"""Brings the results database to the form that this version needs; several processes may do so at once."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyvox.errors import Fatal, Unavailable
from polyvox.service import Runtime
from results_api.database import migrations, postgres, trouble
from results_api.database.connections import engine_of, transaction

log = logging.getLogger(__name__)

PATIENCE_S = 120.0
"""How long a start waits for a server that does not answer."""
ASK_EVERY_S = 2.0
# Any number that nothing else on the database server locks: "polyvox" in ASCII.
_ADVISORY_LOCK = 0x706F6C79766F78
_one_at_a_time = threading.Lock()


async def prepare(runtime: Runtime) -> None:
    """``Service.prepare`` of everything that uses the database: waits for it, then migrates it.

    Raises:
        Fatal: it does not come, or somebody has to put something right first.
    """
    clock, deadline_s = runtime.clock, runtime.clock.monotonic_s() + PATIENCE_S
    while not runtime.stopping.is_set():
        try:
            return await migrate(runtime.settings.database_url)
        except Unavailable as error:
            if clock.monotonic_s() > deadline_s:
                raise Fatal(str(error)) from error
            log.warning("%s; trying again", error)
        await clock.sleep(ASK_EVERY_S)
    return None


async def migrate(url: str) -> None:
    """Run the migrations that are missing.

    Raises:
        Unavailable: the database is in trouble.
        Fatal: it refuses us, or was made by a later version.
    """
    try:
        await asyncio.to_thread(_migrate, url)
    except Unavailable as error:
        if advice := trouble.advice(error.__cause__):
            raise Fatal(f"the results database cannot be used: {advice}") from error
        raise
    except CommandError as error:
        raise Fatal(
            f"the results database was made by a later version of Polyvox than this one: {error}. "
            "Install that version, or restore a backup from before."
        ) from error


def _migrate(url: str) -> None:
    # Alembic keeps what it is doing in globals: one at a time in a process, each with a loop of its own.
    with _one_at_a_time:
        asyncio.run(_migrate_one(url))


async def _migrate_one(url: str) -> None:
    # To change a large table takes longer than anything that is done with it later.
    engine = engine_of(url, statement_s=None)
    try:
        if engine.dialect.name == "sqlite":
            await _migrate_sqlite(engine, Path(engine.url.database or ""))
        else:
            async with transaction(engine) as connection:
                await _migrate_postgres(connection)
    finally:
        await engine.dispose()


async def _migrate_postgres(connection: AsyncConnection) -> None:
    """One transaction: whoever comes second waits for it, then finds nothing to do."""
    await connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    # A change that waits long for a table would let everybody else wait behind it.
    await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{postgres.LOCK_S:g}s'"))
    await connection.run_sync(_upgrade)


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
