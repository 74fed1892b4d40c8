"""PostgreSQL's index of words is made anew beside what is read and written, where an older version made it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from infra.native.postgres import Postgres
from polyvox.settings import Settings
from results_api.database.connections import reading
from results_api.database.migrate import migrate
from results_api.search import statements
from results_api.search.reindexing import ADVISORY_LOCK, Reindexing
from results_api.search.searching import Filters, search
from results_api.search.words_index import INDEX, OLDER
from tests.support.databases import Place, sql
from tests.support.results import Results, results
from tests.support.spoken import Spoken, publish

AS_BEFORE = (
    f"DROP INDEX {INDEX}",
    f"CREATE INDEX {OLDER} ON segments USING gin (words)",
    "UPDATE alembic_version SET version_num = '0008'",
)


@pytest.fixture
def place(postgres_server: Postgres, tmp_path: Path) -> Iterator[Place]:
    """With indices of its own, which the databases of other tests must not get."""
    yield Place(tmp_path, postgres_server.create_database("reindexed"), lambda: None)
    postgres_server.drop_database("reindexed")


async def indices(world: Results) -> dict[str, bool]:
    """Those of words, and whether each is used."""
    query = "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname LIKE '%words%'"
    async with reading(world.database.engine) as connection:
        return {row.relname: row.indisvalid for row in await connection.execute(sa.text(query))}


async def definition(world: Results) -> str:
    async with reading(world.database.engine) as connection:
        return str(await connection.scalar(sa.text(f"SELECT pg_get_indexdef('{INDEX}'::regclass)")))


async def found(world: Results) -> list[str]:
    return [hit.text for hit in (await search(world.database, "said", Filters(), limit=20)).hits]


async def test_an_index_from_before_is_used_until_another_is_made(place: Place) -> None:
    assert place.database is not None
    async with results(place) as world:
        assert await indices(world) == {INDEX: True}
        migrated = await definition(world)
        await publish(world, Spoken(said="This was said."), Spoken(said="This was said later."))
        sql(place.database, *AS_BEFORE)
        await migrate(place.settings.database_url)
        assert await indices(world) == {OLDER: True}
        assert await found(world) == ["This was said later.", "This was said."]

        async with world.projecting(), asyncio.timeout(30):
            while await indices(world) != {INDEX: True}:
                await asyncio.sleep(0.05)
        assert await definition(world) == migrated
        assert await found(world) == ["This was said later.", "This was said."]


async def test_what_was_not_finished_is_begun_again_by_one_process(place: Place) -> None:
    assert place.database is not None
    async with results(place) as world:
        await publish(world, Spoken(said="This was said."))
        broken = f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{INDEX}'::regclass"
        sql(place.database, broken, AS_BEFORE[1])
        assert await found(world) == ["This was said."]
        reindexing = Reindexing(place.settings.database_url, world.runtime.clock, mine=lambda: True)
        async with world.database.engine.connect() as other:
            await other.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK)))
            assert not await reindexing.once()
            assert await indices(world) == {INDEX: False, OLDER: True}
            await other.invalidate()
        async with asyncio.timeout(10):
            while not await reindexing.once():
                await asyncio.sleep(0.05)
        assert await indices(world) == {INDEX: True}
        assert await found(world) == ["This was said."]


async def test_the_index_crosses_words_with_marks(place: Place) -> None:
    async with results(place) as world:
        await publish(world, Spoken(said="This was said."))
        given = {"asked": "'said'", "first": 0, "last": 1 << 40, "most": 20, "windows": ["{0,1}"]}
        query = sa.text(f"EXPLAIN {statements.POSTGRES[False].windows.text}")
        async with reading(world.database.engine) as connection:
            await connection.exec_driver_sql("SET enable_seqscan = off")
            plan = "\n".join(await connection.scalars(query.bindparams(**given)))
            await connection.exec_driver_sql("RESET enable_seqscan")
        (condition,) = [line for line in plan.splitlines() if "Index Cond" in line and "words" in line]
        assert "'said'" in condition
        assert "&&" in condition


async def test_sqlite_has_nothing_to_make(tmp_path: Path) -> None:
    assert await Reindexing(Settings(data_dir=tmp_path).database_url, None, mine=lambda: True).once()  # type: ignore[arg-type]
