"""Trouble with the embedded log's file, and what is refused without touching it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.embedded_log.database import Database
from polyvox.errors import Fatal, Transient
from polyvox.ports import Message, TopicConfig
from tests.support.consuming import collect
from tests.support.embedded import ONLY, TOPIC, append
from tests.support.polling import until


async def test_an_unknown_topic_is_refused_without_hurting_others(log: EmbeddedLog) -> None:
    good, bad, mixed = await asyncio.gather(
        log.append([Message(TOPIC, "k", b"good")]),
        log.append([Message("nowhere", "k", b"bad")]),
        log.append([Message(TOPIC, "k", b"half"), Message("nowhere", "k", b"half")]),
        return_exceptions=True,
    )
    assert good == [ONLY]
    assert isinstance(bad, Fatal)
    assert isinstance(mixed, Fatal)
    assert [record.value for record in await log.read(ONLY, offset=0)] == [b"good"]


async def test_a_log_of_an_older_version_is_upgraded(tmp_path: Path) -> None:
    older = EmbeddedLog(tmp_path / "log")
    await older.ensure_topics([TopicConfig(TOPIC, 1)])
    await older.append([Message(TOPIC, "k", b"v")])
    await older.close()
    with closing(sqlite3.connect(tmp_path / "log" / "log.db")) as connection:
        connection.execute("ALTER TABLE topics DROP COLUMN compacted")
        connection.execute("PRAGMA user_version = 1")
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics([TopicConfig(TOPIC, 1), TopicConfig("state", 1, compacted=True)])
    await log.append([Message("state", "k", value) for value in (b"1", b"2")])
    assert await log.enforce_retention() == 1
    assert [record.value for record in await log.read(ONLY, offset=0)] == [b"v"]
    await log.close()


async def test_a_log_of_a_newer_version_is_left_alone(log: EmbeddedLog, tmp_path: Path) -> None:
    await log.close()
    with closing(sqlite3.connect(tmp_path / "log" / "log.db")) as database:
        database.execute("PRAGMA user_version = 999")
    newer = EmbeddedLog(tmp_path / "log")
    with pytest.raises(Fatal, match="999"):
        await newer.bounds(TOPIC)
    await newer.close()


async def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    with closing(sqlite3.connect(tmp_path / "foreign" / "log.db")) as database:
        database.execute("CREATE TABLE theirs (a)")
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "log.db").write_bytes(b"this is no database at all" * 100)
    for name in ("foreign", "garbage"):
        before = (tmp_path / name / "log.db").read_bytes()[100:]
        log = EmbeddedLog(tmp_path / name)
        with pytest.raises(Fatal, match=r"log\.db"):
            await log.append([Message(TOPIC, "k", b"v")])
        await log.close()
        assert (tmp_path / name / "log.db").read_bytes()[100:] == before


async def test_damage_is_fatal_for_callers_and_consumers(log: EmbeddedLog, tmp_path: Path) -> None:
    await append(log, 2000)
    await log.close()
    path = tmp_path / "log" / "log.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    damaged = EmbeddedLog(tmp_path / "log")
    with pytest.raises(Fatal, match="damaged"):
        await damaged.append([Message(TOPIC, "k", b"v")])
    with pytest.raises(Fatal, match="damaged"):
        await damaged.subscribe("g", [TOPIC], member="m")
    await damaged.close()


async def test_a_lock_held_for_too_long_is_transient_and_passes(log: EmbeddedLog, tmp_path: Path) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    await until(consumer.assignment)
    with closing(sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient):
            await append(log, 1)
        with pytest.raises(Transient):
            await consumer.commit({ONLY: 0})
        hog.execute("ROLLBACK")
    await append(log, 1)
    assert [record.offset for record in await collect(consumer, 1)] == [0]
    await consumer.commit({ONLY: 1})


async def test_a_full_disk_is_transient_and_passes(tmp_path: Path) -> None:
    database = Database(tmp_path / "log", 1.0)
    await database.run(lambda connection: connection.execute("CREATE TABLE filler (a)"))
    (pages,) = await database.run(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    await database.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall())
    with pytest.raises(Transient, match="full"):
        await database.transact(lambda connection: connection.execute("INSERT INTO filler VALUES (zeroblob(100000))"))
    await database.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1000}").fetchall())
    await database.transact(lambda connection: connection.execute("INSERT INTO filler VALUES (zeroblob(100000))"))
    await database.close()
