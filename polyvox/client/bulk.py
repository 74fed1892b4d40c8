"""Uploading many files, several at a time, so that it can be broken off and gone on with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict

from polyvox.client.files import Progress
from polyvox.client.journal import Journal, upload_key
from polyvox.client.parts import resume_name
from polyvox.contracts import Lane, Options
from polyvox.errors import PolyvoxError

PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of one file. ``media_id`` None: ``error`` says why. ``is_new`` False: an earlier run had sent it."""

    path: Path
    media_id: str | None
    error: PolyvoxError | OSError | None = None
    is_new: bool = True


class How(TypedDict, total=False):
    """How many files are uploaded.

    ``parallel``: so many at a time. ``journal``: a file that remembers what is done, so that the same call goes on
    after whatever ended this one; large files go on in their midst. ``again``: make new recordings of everything.
    ``progress``: asked for each file as it begins.
    """

    lane: Lane
    parallel: int
    journal: str | Path | None
    again: bool
    progress: Callable[[Path], Progress | None]


class _Upload(Protocol):
    def __call__(
        self,
        path: str | Path,
        options: Options | None = None,
        *,
        idempotency_key: str | None = None,
        lane: Lane = "interactive",
        progress: Progress | None = None,
        resume: str | Path | None = None,
    ) -> str: ...


class _AsyncUpload(Protocol):
    async def __call__(
        self,
        path: str | Path,
        options: Options | None = None,
        *,
        idempotency_key: str | None = None,
        lane: Lane = "interactive",
        progress: Progress | None = None,
        resume: str | Path | None = None,
    ) -> str: ...


class _Run:
    """What the sync and the async way share: which files are left, under which keys, and noting what is done."""

    def __init__(self, options: Options | None, server: str, how: How) -> None:
        place = how.get("journal")
        self.options = options or Options()
        self.lane: Lane = how.get("lane", "interactive")
        self.parallel = how.get("parallel", PARALLEL)
        self.server = server
        self.journal = Journal.opened(Path(place) if place else None, again=how.get("again", False))
        self.progress = how.get("progress", _unwatched)

    def begun(self, path: Path) -> str | Uploaded:
        """The key of a file that is to be sent, or what became of it before."""
        try:
            key = upload_key(path, self.options, self.lane, self.journal.salt)
        except OSError as error:
            return Uploaded(path, None, error)
        media_id = self.journal.media_id(key)
        return key if media_id is None else Uploaded(path, media_id, is_new=False)

    def resume(self, path: Path) -> Path | None:
        """Where a large file is remembered in its midst."""
        place = self.journal.place
        return place.with_name(f"{place.name}.parts") / resume_name(path, self.options, self.server) if place else None

    def done(self, key: str, path: Path, media_id: str) -> Uploaded:
        self.journal.add(key, path, media_id)
        return Uploaded(path, media_id)


def _unwatched(_path: Path) -> None:
    return None


async def upload_all_async(
    upload: _AsyncUpload, paths: Iterable[str | Path], options: Options | None, server: str, how: How
) -> AsyncGenerator[Uploaded, None]:
    """See ``AsyncClient.upload_all``."""
    run, left = _Run(options, server, how), iter(paths)
    ended: asyncio.Queue[Uploaded | None] = asyncio.Queue(run.parallel)

    async def one(path: Path) -> Uploaded:
        key = await asyncio.to_thread(run.begun, path)
        if isinstance(key, Uploaded):
            return key
        try:
            media_id = await upload(
                path,
                run.options,
                idempotency_key=key,
                lane=run.lane,
                progress=run.progress(path),
                resume=run.resume(path),
            )
            return run.done(key, path, media_id)
        except (PolyvoxError, OSError) as error:
            return Uploaded(path, None, error)

    async def work() -> None:
        for path in left:
            await ended.put(await one(Path(path)))
        await ended.put(None)

    async def results() -> AsyncGenerator[Uploaded, None]:
        working = run.parallel
        while working:
            if (result := await ended.get()) is None:
                working -= 1
            else:
                yield result

    workers = [asyncio.create_task(work(), name="upload") for _ in range(run.parallel)]
    try:
        async with aclosing(results()) as some:
            async for result in some:
                yield result
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def upload_all(
    upload: _Upload, paths: Iterable[str | Path], options: Options | None, server: str, how: How
) -> Iterator[Uploaded]:
    """See ``Client.upload_all``."""
    run, left = _Run(options, server, how), iter(paths)
    turn = threading.Lock()

    def one(path: Path, key: str) -> Uploaded:
        try:
            media_id = upload(
                path,
                run.options,
                idempotency_key=key,
                lane=run.lane,
                progress=run.progress(path),
                resume=run.resume(path),
            )
            with turn:
                return run.done(key, path, media_id)
        except (PolyvoxError, OSError) as error:
            return Uploaded(path, None, error)

    with ThreadPoolExecutor(run.parallel, thread_name_prefix="polyvox-bulk") as threads:
        working: set[Future[Uploaded]] = set()
        try:
            for path in map(Path, left):
                begun = run.begun(path)
                if isinstance(begun, Uploaded):
                    yield begun
                    continue
                working.add(threads.submit(one, path, begun))
                if len(working) >= run.parallel:
                    done, working = wait(working, return_when=FIRST_COMPLETED)
                    yield from (job.result() for job in done)
            while working:
                done, working = wait(working, return_when=FIRST_COMPLETED)
                yield from (job.result() for job in done)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
