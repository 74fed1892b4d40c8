"""PostgreSQL in trouble: whose fault it is, what a start says, and that nothing is lost when it is back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from infra.native import Postgres
from polyvox import bootstrap
from polyvox.contracts import MediaCompleted, MediaFailed
from polyvox.errors import Fatal, Unavailable
from polyvox.settings import Settings
from results_api.database import connections, migrate, postgres
from results_api.database.database import Database
from results_api.database.recording import Recording as Kept
from results_api.database.recording import with_event
from results_api.projection.service import PROJECTION
from results_api.view.view import RecordingView
from tests.support.databases import Databases, Place, sql
from tests.support.results import distinct, results, until
from tests.support.stages import START, Recording

IMPATIENT = 0.0


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """Of a database that nobody else uses; as people write it."""
    lent = databases.take()
    yield lent
    databases.give_back(lent)


def engine_url(url: str) -> str:
    return Settings(database=SecretStr(url)).database_url


async def fails_with(kind: type[Exception], words: str, call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(kind, match=words):
        await call()


async def test_a_killed_server_loses_nothing_and_is_used_again_without_a_restart(tmp_path: Path) -> None:
    recordings = [Recording(parts=1 + n % 3) for n in range(12)]
    with Postgres(tmp_path / "server") as server:
        place = Place(tmp_path / "data", server.create_database("results"), lambda: None)
        async with results(place) as world, world.projecting(), world.serving() as client:
            for recording in recordings:
                await recording.store_all(world.store)
            messages = [message for recording in recordings for message in recording.messages()]
            await world.append(messages[: len(messages) // 2])
            await until(lambda: world.database.get(recordings[0].media_id), "the first to be seen")
            await asyncio.to_thread(server.kill)
            await world.append(messages[len(messages) // 2 :])
            answer = await client.get(f"/v1/media/{recordings[0].media_id}")
            assert answer.status_code == 503
            await asyncio.to_thread(server.start)
            await world.becomes("completed", *(recording.media_id for recording in recordings))
            await world.handled()
            shown = (await client.get(f"/v1/media/{recordings[0].media_id}")).raise_for_status().json()
            assert shown["status"] == "completed"
            told = distinct(await world.told(MediaCompleted))
            assert {media_id: len(ids) for media_id, ids in told.items()} == {
                recording.media_id: 1 for recording in recordings
            }
            assert not await world.told(MediaFailed)


async def test_a_start_waits_for_its_server_and_gives_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "ASK_EVERY_S", 0.05)
    server = Postgres(tmp_path / "server")
    with server:
        place = Place(tmp_path / "data", server.create_database("results"), lambda: None)
        await asyncio.to_thread(server.stop)
        async with bootstrap.runtime(place.settings, member="projection") as runtime:
            assert PROJECTION.prepare is not None
            preparing = asyncio.create_task(PROJECTION.prepare(runtime))
            await asyncio.sleep(0)
            assert not preparing.done()
            await asyncio.to_thread(server.start)
            await preparing
            await asyncio.to_thread(server.stop)
            monkeypatch.setattr(migrate, "PATIENCE_S", IMPATIENT)
            with pytest.raises(Fatal, match="the results database is in trouble"):
                await PROJECTION.prepare(runtime)


async def test_what_a_person_must_put_right_ends_a_start_and_is_only_trouble_in_flight(url: str) -> None:
    user, host = "polyvox:", "@127.0.0.1"
    password = url[url.index(user) + len(user) : url.index(host)]
    guest = url.replace(f"{user}{password}", "guest:guest")
    sql(url, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    wrong = {
        "the user, the password": url.replace(password, "not-the-password"),
        "CREATE DATABASE": f"{url}_that_is_not_there",
        "the URL is wrong": f"{url}?sslmode=perhaps",
        "offers no encryption": f"{url}?sslmode=require",
    }
    try:
        for words, bad in wrong.items():
            with pytest.raises(Fatal, match=words) as caught:
                await migrate.migrate(engine_url(bad))
            assert password not in str(caught.value)
            database = Database(engine_url(bad))
            with pytest.raises(Unavailable):
                await database.get("some-recording")
            await database.close()
        for change in ("CREATE SCHEMA elsewhere", "GRANT USAGE ON SCHEMA elsewhere TO guest"):
            sql(url, change)
            with pytest.raises(Fatal, match="granted CREATE"):
                await migrate.migrate(engine_url(f"{guest}?search_path=elsewhere"))
    finally:
        sql(url, "DROP SCHEMA IF EXISTS elsewhere", "DROP ROLE guest")


async def test_certificates_are_checked_as_the_url_asks(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "server")
    with server:
        url = server.create_database("results")
        mine, stranger = await certified(tmp_path / "mine"), await certified(tmp_path / "stranger")
        folder = server.folder / "data"
        for file in ("server.crt", "server.key"):
            shutil.copy(mine / file, folder)
            os.chown(folder / file, folder.stat().st_uid, folder.stat().st_gid)
        sql(url, "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
        checked = f"{url}?sslmode=verify-full&sslrootcert="
        for unfit, words in ((stranger / "server.crt", "not trusted"), (tmp_path / "none", "does not exist")):
            with pytest.raises(Fatal, match=words):
                await migrate.migrate(engine_url(f"{checked}{unfit}"))
        trusting = engine_url(f"{checked}{mine / 'server.crt'}")
        await migrate.migrate(trusting)
        engine = connections.engine_of(trusting)
        async with connections.reading(engine) as connection:
            query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert (await connection.exec_driver_sql(query)).scalar() is True
        await engine.dispose()


async def certified(folder: Path) -> Path:
    """``folder`` with a key and a certificate of 127.0.0.1 that is its own authority."""
    folder.mkdir()
    making = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1", "-out", "server.crt", "-keyout", "server.key",
        cwd=folder, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await making.wait() == 0
    (folder / "server.key").chmod(0o600)
    return folder


async def test_a_server_that_stops_answering_is_given_up_in_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "GRACE_S", 0.2)
    engine = connections.engine_of(engine_url(url), connections=1, statement_s=0.3)
    async with connections.reading(engine) as connection:
        pid = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()

    async def ask() -> None:
        async with connections.transaction(engine) as connection:
            await connection.exec_driver_sql("SELECT 1")

    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable, match="in time"):
                await ask()
            # The connection that does not answer is not handed out again.
            await ask()
    finally:
        os.kill(pid, signal.SIGCONT)
    await engine.dispose()


async def test_a_read_only_server_is_trouble_until_another_takes_writes(url: str) -> None:
    recording = Recording()
    name = url.rpartition("/")[2]
    database = Database(engine_url(url))

    async def change() -> None:
        kept = Kept(recording.media_id, RecordingView(media_id=recording.media_id), START)
        await database.change(recording.media_id, lambda known: known or kept)

    await change()
    sql(url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'polyvox'"
            " AND datname = current_database()")  # fmt: skip
        await fails_with(Unavailable, "trouble", change)
        await fails_with(Unavailable, "trouble", change)
    finally:
        admin = url.replace(f"/{name}", "/postgres")
        sql(admin, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await change()
    await database.close()


async def test_locks_and_deadlocks_are_trouble(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_S", 0.2)
    engine = connections.engine_of(engine_url(url))
    async with connections.transaction(engine) as holder:
        await holder.exec_driver_sql("LOCK TABLE recordings")
        with pytest.raises(Unavailable, match="lock timeout"):
            async with connections.transaction(engine) as connection:
                await connection.exec_driver_sql("LOCK TABLE recordings")
    await engine.dispose()

    monkeypatch.setattr(postgres, "LOCK_S", 30.0)
    engine = connections.engine_of(engine_url(url))
    ready = asyncio.Barrier(2)

    async def cross(first: int, second: int) -> bool:
        try:
            async with connections.transaction(engine) as connection:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(first)))
                await ready.wait()
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(second)))
        except Unavailable as error:
            assert "deadlock" in str(error)
            return False
        return True

    assert sorted(await asyncio.gather(cross(1, 2), cross(2, 1))) == [False, True]
    await engine.dispose()


async def test_a_row_that_is_refused_takes_no_other_down(url: str) -> None:
    recordings = [Recording() for _ in range(3)]
    database = Database(engine_url(url))

    async def store(recording: Recording, tenant: str) -> None:
        event = recording.event(recording.upload.model_copy(update={"tenant": tenant}))
        await database.change(recording.media_id, lambda known: with_event(known, event, START))

    good, bad, other = recordings
    # PostgreSQL keeps no NUL in a text.
    answers = await asyncio.gather(
        store(good, "acme"), store(bad, "a\0b"), store(other, "acme"), return_exceptions=True
    )
    assert [type(answer) for answer in answers][::2] == [type(None)] * 2
    assert isinstance(answers[1], sa.exc.DBAPIError)
    assert set(await database.revisions(one.media_id for one in recordings)) == {good.media_id, other.media_id}
    await database.close()
