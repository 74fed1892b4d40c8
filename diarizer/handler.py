"""media-ready in, turns in the store, media-diarized out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

from diarizer import artifact
from diarizer.engines.base import DiarizeOptions, Run
from diarizer.notes import Notes, StoredNotes
from polyvox.contracts import AudioTrack, Diarization, Envelope, MediaReady
from polyvox.errors import NotFound, PolyvoxError
from polyvox.failures import stage_failed
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher


class Engines(Protocol):
    async def diarize(
        self, audio: Path, options: DiarizeOptions, notes: Notes, channels: Sequence[tuple[Path, Notes]], /
    ) -> Run: ...


Measure = Callable[[MediaReady, Run], None]
"""Counts what an engine has just done."""


def _unmeasured(_ready: MediaReady, _run: Run) -> None:
    """For handlers that nobody measures."""


class Diarizer:
    """Handles one recording at a time per call; doing one again only publishes again."""

    def __init__(
        self,
        store: ObjectStore,
        publisher: Publisher,
        clock: Clock,
        engines: Engines,
        *,
        pipeline: str,
        measure: Measure = _unmeasured,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._engines = engines
        self._pipeline = pipeline
        self._measure = measure

    async def handle(self, envelope: Envelope[Any]) -> None:
        """Diarize the recording of a media-ready event, unless its options say not to."""
        ready = envelope.data
        if not isinstance(ready, MediaReady) or not ready.options.diarize:
            return
        options = artifact.engine_options(ready.options)
        hash_ = artifact.options_hash(options, self._pipeline, forced_by=ready.replay if ready.force else None)
        key = artifact.key_of(ready, hash_)
        processing_s = 0.0
        try:
            diarization = Diarization.model_validate_json(await self._store.get(key))
        except NotFound:
            began_s = self._clock.monotonic_s()

            notes, *sides = self._notes(ready, hash_, artifact.channel_tracks(ready))
            diarization = await self._diarize(ready, options, notes, sides)
            processing_s = self._clock.monotonic_s() - began_s
            await self._store.put(key, diarization.model_dump_json().encode(), content_type="application/json")
            for each in (notes, *sides):
                await each.remove()
        await self._publisher.publish(artifact.event(ready, diarization, hash_=hash_, processing_s=processing_s))

    async def give_up(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        """Say that the recording will have no speakers, and why."""
        await self._publisher.publish(stage_failed(envelope.data, "diarize", error, attempts))

    def _notes(self, ready: MediaReady, hash_: str, channels: Sequence[AudioTrack]) -> list[StoredNotes]:
        """Notes of the mix, then of each channel; those tell how much of all channels is done."""

        def notes(name: str, before_s: float = 0.0, share: float = 1.0) -> StoredNotes:
            async def tell(heard_s: float) -> None:
                done_s = (before_s + heard_s) * share
                await self._publisher.publish(artifact.progress(ready, hash_=hash_, heard_s=done_s))

            return StoredNotes(self._store, ready, name, tell)

        count = len(channels)
        sides = [notes(f"{hash_}-{n}", n * ready.duration_s, 1 / count) for n in range(count)]
        return [notes(hash_), *sides]

    async def _diarize(
        self, ready: MediaReady, options: DiarizeOptions, notes: Notes, sides: Sequence[Notes]
    ) -> Diarization:
        # The mix of all channels holds every voice; a single channel may not.
        track = next((track for track in ready.tracks if track.channel is None), ready.tracks[0])
        async with AsyncExitStack() as opened:
            path = await opened.enter_async_context(self._store.local_file(track.key))
            channels = [
                (await opened.enter_async_context(self._store.local_file(channel.key)), own)
                for channel, own in zip(artifact.channel_tracks(ready), sides, strict=True)
            ]
            run = await self._engines.diarize(path, options, notes, channels)
        self._measure(ready, run)
        return artifact.artifact(
            run.diarized,
            media_id=ready.media_id,
            duration_s=run.duration_s,
            engine=run.engine,
            model=run.model,
            warnings=artifact.warnings(ready, run.warnings),
        )
