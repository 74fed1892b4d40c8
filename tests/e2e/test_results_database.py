"""The results database: several writers lose nothing, several starts migrate once."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from polyvox.errors import Unavailable
from polyvox.settings import Settings
from results_api.database import connections
from results_api.database.database import Database
from results_api.database.migrate import migrate
from results_api.database.recording import with_event
from results_api.database.rows import from_us, recording_of, row_of, to_us
from results_api.database.tables import metadata
from results_api.view.fold import fold_all
from tests.support.databases import Place
from tests.support.results import results
from tests.support.stages import START, Recording


async def test_writers_in_several_processes_lose_no_event(place: Place) -> None:
    """Each database object has connections of its own, as another process has."""
    recording = Recording(parts=20)
    events = [recording.event(fact, second) for second, fact in enumerate(recording.facts)]
    async with results(place) as world:
        url = world.runtime.settings.database_url
        writers = [Database(url) for _ in range(4)]
        chance = random.Random(1)
        shuffled = [(chance.choice(writers), event) for event in events * 2]
        chance.shuffle(shuffled)
        await asyncio.gather(
            *(
                writer.change(recording.media_id, lambda known, event=event: with_event(known, event, START))  # type: ignore[misc]
                for writer, event in shuffled
            )
        )
        stored = await world.database.get(recording.media_id)
        assert stored is not None
        assert stored.view == fold_all(events)
        assert stored.revision == len(events)
        assert [plan.version for plan in await world.database.plans(recording.media_id)] == [1]
        for writer in writers:
            await writer.close()


async def test_a_recording_reads_as_it_was_written(place: Place) -> None:
    recording = Recording()
    async with results(place) as world:
        await recording.store_all(world.store)
        for second, fact in enumerate(recording.facts):
            await world.projection().handle(recording.event(fact, second))
        stored = await world.database.get(recording.media_id)
        assert stored is not None
        assert recording_of(row_of(stored)) == stored
    assert from_us(to_us(START + timedelta(microseconds=1))) == START + timedelta(microseconds=1)


@pytest.mark.parametrize("name", ["plain", "with space", "per%20cent", "ques?tion&mark", "hash#"])
async def test_many_starts_at_once_migrate_once_to_what_the_tables_say(tmp_path: Path, name: str) -> None:
    url = Settings(data_dir=tmp_path / name).database_url
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert (tmp_path / name / "polyvox.db").is_file()
    engine = connections.engine_of(url)

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        # The full-text index of SQLite keeps tables of its own.
        return not (kind == "table" and (name or "").startswith("segment_words"))

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        return list(compare_metadata(context, metadata))

    async with connections.transaction(engine) as connection:
        assert await connection.run_sync(differences) == []
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2
    await engine.dispose()


async def test_a_damaged_database_is_trouble_and_no_verdict_on_the_message(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.database_path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    database = Database(settings.database_url)
    with pytest.raises(Unavailable):
        await database.get("some-recording")
    await database.close()


async def test_a_row_in_a_file_that_somebody_holds_is_read_when_they_let_go(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    recording = Recording()
    await migrate(settings.database_url)
    event = recording.event(recording.upload)
    first = Database(settings.database_url)
    await first.change(recording.media_id, lambda known: with_event(known, event, START))
    await first.close()
    holder = sqlite3.connect(settings.database_path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    database = Database(settings.database_url)
    asked = asyncio.create_task(database.get(recording.media_id))
    done, _ = await asyncio.wait([asked], timeout=0.3)
    assert not done
    holder.close()
    assert (await asked) is not None
    assert (await database.get(recording.media_id)) is not None
    await database.close()
