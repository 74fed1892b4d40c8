"""Transcripts for readers: the stored result, or before there is one a merge of what is in so far.

Both are cached by what they are made of, in every format asked for, within a limit of bytes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from polyvox.contracts import Transcript
from polyvox.errors import NotFound
from polyvox.http import Problem
from polyvox.keys import options_hash
from polyvox.ports import ObjectStore
from results_api.corrections import loading
from results_api.corrections.applying import corrected
from results_api.database.recording import Recording
from results_api.formats.negotiation import RENDERERS, STYLED, Format
from results_api.formats.style import USUAL, Style
from results_api.merge.merge import merge
from results_api.merge.merge_input import merge_input
from results_api.projection import artifacts
from results_api.projection.publication import versions
from results_api.view.stages import basis

CACHE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    body: bytes
    etag: str
    modified_at: datetime


class Transcripts:
    """Safe for any number of requests at once: what several ask for is made once."""

    def __init__(self, store: ObjectStore, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._cache = _Cache(cache_bytes)

    async def get(self, recording: Recording, form: Format, style: Style = USUAL) -> Rendered:
        """Raises Problem 409 for a recording that failed, Unavailable when the store is in trouble."""
        outcome = recording.outcome
        looks = f".{options_hash(asdict(style))}" if form in STYLED and style != USUAL else ""
        if outcome is not None and outcome.status == "completed":
            made_of = f"v{outcome.version}.{outcome.basis}.{form}{looks}"
            body = await self._cache.get(
                f"{recording.media_id}/{made_of}",
                lambda: self._stored(recording.result_key, form, style),
            )
            return Rendered(body, f'"{made_of}"', outcome.ended_at)
        failure = recording.failure
        if failure is not None:
            raise Problem(
                409,
                "recording-failed",
                "There is no transcript",
                f"{failure.reason} Its status has more: /v1/media/{recording.media_id}.",
                members={"media_id": recording.media_id, "failure": failure.model_dump(include={"stage", "code"})},
            )
        made_of = f"{basis(recording.current)}.{form}{looks}"
        body = await self._cache.get(f"{recording.media_id}/{made_of}", lambda: self._so_far(recording, form, style))
        return Rendered(body, f'"{made_of}"', recording.updated_at)

    def forget(self, media_id: str) -> None:
        """Keep nothing of a recording that was deleted."""
        self._cache.drop(f"{media_id}/")

    async def _stored(self, key: str, form: Format, style: Style) -> bytes:
        try:
            body = await self._store.get(key)
        except NotFound as error:
            detail = "The stored transcript is gone; nothing brings it back but another upload."
            raise Problem(404, "object-lost", "The file is gone", detail) from error
        if form == "json":
            return body
        return await asyncio.to_thread(lambda: RENDERERS[form](Transcript.model_validate_json(body), style).encode())

    async def _so_far(self, recording: Recording, form: Format, style: Style) -> bytes:
        found = await artifacts.load(self._store, recording.current)
        view = recording.current
        media = merge_input(view, found.words, found.diarization, versions(0, view), found.retakes)
        by_people = await loading.in_force(self._store, view)

        def make() -> bytes:
            # All may be in: it is finished when it is published, not before.
            unfinished = corrected(merge(media), *by_people).model_copy(update={"status": "processing"})
            return RENDERERS[form](unfinished, style).encode()

        return await asyncio.to_thread(make)


class _Cache:
    """Least recently used goes first. What is being made is awaited by all who want it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            return kept
        task = self._making.get(name)
        if task is None:
            task = self._making[name] = asyncio.ensure_future(self._make(name, make))
            task.add_done_callback(lambda _: self._making.pop(name, None))
        # A client that leaves must not take the work away from the others.
        return await asyncio.shield(task)

    def drop(self, prefix: str) -> None:
        for name in [name for name in self._kept if name.startswith(prefix)]:
            self._size_bytes -= len(self._kept.pop(name))

    async def _make(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        body = await make()
        if len(body) <= self._max_bytes // 4:
            self._kept[name] = body
            self._size_bytes += len(body)
            while self._size_bytes > self._max_bytes:
                self._size_bytes -= len(self._kept.popitem(last=False)[1])
        return body
