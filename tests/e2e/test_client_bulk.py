"""Uploading a folder: in parallel, to its end whatever breaks it off, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from polyvox.client import AsyncClient, Client, Uploaded
from polyvox.client.journal import Journal, upload_key
from polyvox.contracts import Options
from tests.support.api import WholeApi, whole_api
from tests.support.command import Result, Running, polyvox
from tests.support.polling import until
from tests.support.uploads import wav

FILES = 12


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with whole_api(tmp_path / "data") as api:
        yield api


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings that differ, in folders, and what is none."""
    for n in range(FILES):
        place = tmp_path / "calls" / f"day {n % 2}" / f"Anruf & {n}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(wav(0.5 + n / 10))
    (tmp_path / "calls" / "note.txt").write_text("no recording")
    return tmp_path / "calls"


async def command_line(*arguments: str | Path, cwd: Path, **environment: str) -> Result:
    return await asyncio.to_thread(lambda: polyvox(*arguments, cwd=cwd, within_s=120.0, **environment))


Run = Callable[..., Any]


@pytest.fixture(params=["async", "sync"])
def run(request: pytest.FixtureRequest, api: WholeApi) -> Run:
    """Uploads all, by either client."""

    async def by_async(paths: list[Path], options: Options | None = None, **how: Any) -> list[Uploaded]:
        async with AsyncClient(api.url, parts_above_bytes=10_000) as client:
            return [result async for result in client.upload_all(paths, options, **how)]

    def by_sync(paths: list[Path], options: Options | None = None, **how: Any) -> list[Uploaded]:
        with Client(api.url, parts_above_bytes=10_000) as client:
            return list(client.upload_all(paths, options, **how))

    async def in_thread(*given: Any, **how: Any) -> list[Uploaded]:
        return await asyncio.to_thread(by_sync, *given, **how)

    return by_async if request.param == "async" else in_thread


async def test_a_folder_is_uploaded_once_however_often_it_is_told(
    api: WholeApi, folder: Path, run: Run, tmp_path: Path
) -> None:
    files, journal = sorted(folder.rglob("*.wav")), tmp_path / "journal"
    sent: dict[Path, list[int]] = {}

    def progress(path: Path) -> Callable[[int, int], None]:
        return lambda done, _total: sent.setdefault(path, []).append(done)

    first = await run(files, Options(metadata={"case": "17"}), journal=journal, progress=progress, lane="bulk")
    assert {result.path for result in first} == set(files)
    assert {path: done[-1] for path, done in sent.items()} == {path: path.stat().st_size for path in files}
    ids = {result.path: result.media_id for result in first}
    assert {fact.media_id for fact in await api.uploads()} == set(ids.values())
    assert {fact.lane for fact in await api.uploads()} == {"bulk"}
    sent.clear()
    again = await run(files, Options(metadata={"case": "17"}), journal=journal, progress=progress, lane="bulk")
    assert {result.path: result.media_id for result in again} == ids
    assert (any(result.is_new for result in again), sent) == (False, {})
    # Without the journal everything is sent, and the server knows it by its keys.
    await run(files, Options(metadata={"case": "17"}), lane="bulk")
    assert len(await api.uploads()) == FILES
    anew = await run(files[:2], Options(metadata={"case": "17"}), journal=journal, again=True, lane="bulk")
    assert {result.media_id for result in anew}.isdisjoint(ids.values())
    assert len(await api.uploads()) == FILES + 2


async def test_what_fails_is_told_and_the_others_go_on(api: WholeApi, folder: Path, run: Run, tmp_path: Path) -> None:
    missing, text = folder / "gone.wav", folder / "note.txt"
    good = sorted(folder.rglob("*.wav"))[:3]
    results = {one.path: one for one in await run([missing, *good, text], parallel=2, journal=tmp_path / "journal")}
    assert isinstance(results[missing].error, FileNotFoundError)
    assert "no audio" in str(results[text].error)
    assert all(results[path].media_id for path in good)
    assert len(await api.uploads()) == 3


async def test_who_stops_listening_stops_the_uploads(api: WholeApi, folder: Path) -> None:
    async with AsyncClient(api.url) as client:
        async with aclosing(client.upload_all(sorted(folder.rglob("*.wav")), parallel=1)) as results:
            async for _ in results:
                break
        uploads = len(await api.uploads())
    assert 1 <= uploads < FILES


def test_a_line_that_a_crash_cut_off_is_one_file_and_no_more(tmp_path: Path) -> None:
    place, path = tmp_path / "journal", tmp_path / "one.wav"
    path.write_bytes(b"x")
    Journal.opened(place).add("a", path, "media-a")
    with place.open("ab") as file:
        file.write(b'{"key": "b", "media_')
    Journal.opened(place).add("c", path, "media-c")
    known = Journal.opened(place)
    assert [known.media_id(key) for key in "abc"] == ["media-a", None, "media-c"]
    before = upload_key(path, Options(), "bulk")
    path.write_bytes(b"xy")
    assert upload_key(path, Options(), "bulk") != before


async def test_the_command_goes_on_after_kill_9_and_sends_nothing_twice(
    api: WholeApi, folder: Path, tmp_path: Path
) -> None:
    command = ["upload", str(folder), "--server", api.url, "--parallel", "1"]
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    running = Running(*command, cwd=tmp_path, **state)
    await until(lambda: api.store.puts > 6, what="some uploads")
    running.send(signal.SIGKILL)
    await asyncio.to_thread(lambda: running.result(within_s=60))
    done = len(await api.uploads())
    assert done < FILES
    result = await command_line(*command, "--json", cwd=tmp_path, **state)
    assert result.status == 0, result.err
    told = [json.loads(line) for line in result.out.splitlines()]
    assert {one["media_id"] for one in told} == {fact.media_id for fact in await api.uploads()}
    assert len(await api.uploads()) == FILES
    # What it was at when it was killed may have arrived: that one is sent again, and is the same recording.
    assert sum(not one["new"] for one in told) in (done, done - 1)
    assert f"{FILES} of {FILES} files" in result.err


async def test_ids_go_from_one_command_to_the_next(api: WholeApi, folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.rglob("*.wav"))[:2]
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "POLYVOX_SERVER": api.url}
    uploaded = await command_line("upload", *files, "--metadata", "case=17", cwd=tmp_path, **state)
    ids = [line.split("\t")[0] for line in uploaded.out.splitlines()]
    for media_id in ids:
        await api.complete(media_id)
    waited = await command_line("wait", *ids, cwd=tmp_path, **state)
    assert (waited.status, sorted(waited.out.splitlines())) == (0, sorted(f"{one}\tcompleted" for one in ids))
    listed = await command_line("list", "--ids", cwd=tmp_path, **state)
    assert sorted(listed.out.split()) == sorted(ids)
    watched = await command_line("watch", ids[0], cwd=tmp_path, **state)
    assert watched.status == 0
    assert "The first speaker asks a question." in watched.out
    deleted = await command_line("delete", "--yes", ids[0], "unknown-id", cwd=tmp_path, **state)
    assert (deleted.status, deleted.out) == (1, f"{ids[0]}\tdeleted\n")
    assert "unknown-id" in deleted.err
    gone = await command_line("wait", ids[0], cwd=tmp_path, **state)
    assert (gone.status, gone.out) == (1, f"{ids[0]}\tdeleted\n")
