"""Tables, connections and transactions, and what SQLite's errors mean to a caller."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polyvox.errors import Fatal, Unavailable

DATABASE_NAME = "log.db"
BUSY_TIMEOUT_S = 30.0
OPEN_RETRY_S = 0.02
WAL_KEPT_BYTES = 64 * 1024 * 1024
"""What stays of a write-ahead log that grew under load, once it has been copied to the database."""

APPLICATION_ID = 0x504F4C56
"""``POLV``: tells a Polyvox log from any other SQLite database."""
SCHEMA_VERSION = 2

# A record's place is one integer, partition id * 2**40 + offset, so that a partition's records lie
# side by side in the table's own B-tree and no second index has to be written.
# Times of members are monotonic seconds of the machine; times of records are milliseconds since 1970.
_TABLES = (
    """CREATE TABLE topics (
        name TEXT PRIMARY KEY,
        retention_ms INTEGER,
        compacted INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    """CREATE TABLE partitions (
        id INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        first_offset INTEGER NOT NULL DEFAULT 0,
        next_offset INTEGER NOT NULL DEFAULT 0,
        last_timestamp_ms INTEGER NOT NULL DEFAULT 0,
        UNIQUE (topic, partition))""",
    """CREATE TABLE records (
        place INTEGER PRIMARY KEY,
        timestamp_ms INTEGER NOT NULL,
        key TEXT NOT NULL,
        headers TEXT,
        value BLOB NOT NULL)""",
    """CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        generation INTEGER NOT NULL,
        rebalance_started_s REAL) WITHOUT ROWID""",
    """CREATE TABLE members (
        "group" TEXT NOT NULL,
        member TEXT NOT NULL,
        session TEXT NOT NULL,
        topics TEXT NOT NULL,
        session_timeout_s REAL NOT NULL,
        seen_s REAL NOT NULL,
        ready_generation INTEGER NOT NULL,
        PRIMARY KEY ("group", member)) WITHOUT ROWID""",
    """CREATE TABLE owners (
        "group" TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        member TEXT NOT NULL,
        generation INTEGER NOT NULL,
        PRIMARY KEY ("group", topic, partition)) WITHOUT ROWID""",
    """CREATE TABLE commits (
        "group" TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        PRIMARY KEY ("group", topic, partition)) WITHOUT ROWID""",
)

_UPGRADES = {1: "ALTER TABLE topics ADD COLUMN compacted INTEGER NOT NULL DEFAULT 0"}
"""What makes the next schema of each older one."""

_AWAY = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    )
)
_FATAL = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Raises Unavailable where trying again may help, Fatal where the file itself is at fault."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the primary code; the rest says more about it.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _AWAY:
            raise Unavailable(f"the log in {folder} cannot be used right now: {error}") from error
        if code in _FATAL:
            raise Fatal(
                f"{folder / DATABASE_NAME} is damaged or no Polyvox log ({error}); "
                "move it away to start with an empty log, or restore a copy"
            ) from error
        raise
    except OSError as error:
        raise Unavailable(f"the log in {folder} cannot be used right now: {error}") from error


def connect(folder: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the log in ``folder``, creating both. Raises Unavailable and Fatal."""
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    deadline_s = time.monotonic() + busy_timeout_s
    while True:
        try:
            with translated(folder):
                return _open(folder, busy_timeout_s)
        except Unavailable:
            # Several processes that create the same log at once meet locks for which SQLite does
            # not call its busy handler.
            if time.monotonic() > deadline_s:
                raise
            time.sleep(OPEN_RETRY_S)


def _open(folder: Path, busy_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / DATABASE_NAME, timeout=busy_timeout_s, isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        if not _is_ours(connection, folder):
            with write(connection):
                if not _is_ours(connection, folder):
                    for table in _TABLES:
                        connection.execute(table)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        _upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection, folder: Path) -> bool:
    """False for an empty file. Raises Fatal for another program's database or a newer schema."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID:
        if version > SCHEMA_VERSION:
            raise Fatal(
                f"{folder / DATABASE_NAME} has schema {version}, this Polyvox reads {SCHEMA_VERSION}; "
                "run the Polyvox that wrote it"
            )
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application or tables:
        raise Fatal(f"{folder / DATABASE_NAME} is a database of another program; point Polyvox at another folder")
    return False


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring a log that an older Polyvox wrote up to this schema."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    while version < SCHEMA_VERSION:
        with write(connection):
            # Another process may have been quicker.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < SCHEMA_VERSION:
                connection.execute(_UPGRADES[version])
                version += 1
                connection.execute(f"PRAGMA user_version = {version}")


@contextmanager
def write(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the write lock at once, so that what it reads stays true."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back after some errors, a full disk for one.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Several reads that see the same moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
