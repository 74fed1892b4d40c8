"""media-uploaded → media-ready and one part-ready for each part.

The original is decoded once to FLAC; everything after works on that. Handling an event again
writes the same bytes under the same keys and publishes events with the same ids.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.decode.file import Decoded
from ingest.decode.process import decode_in_child, nursery
from ingest.decode.recording import CALL_CHANNELS
from ingest.measuring import Measuring
from polyvox import keys, topics, tracing
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.contracts import (
    AudioSlice,
    AudioTrack,
    Envelope,
    MediaReady,
    MediaUploaded,
    PartReady,
    PartSpan,
)
from polyvox.errors import ChildCrashed, Invalid, NotFound, OutOfMemory, PolyvoxError, Transient, Unavailable
from polyvox.failures import stage_failed
from polyvox.flac_frames import HEADER_BYTES
from polyvox.metrics import process_metrics
from polyvox.ports import ObjectStore
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of

NAME = "normaliser"
ROOM_BYTES = 64 << 20
"""A scratch disk with less than this is full, whichever recording it is that finds out."""
_CHUNK_BYTES = 1 << 20

Decode = Callable[[Path, Path, Sequence[Path]], Awaitable[Decoded]]
"""From the original at the first path to a FLAC at the second, and to those of its channels where they are kept."""

Measure = Callable[[MediaUploaded, int, float], None]
"""Counts a recording of so many samples that took so many seconds to decode."""

log = logging.getLogger(__name__)


def _unmeasured(_media: MediaUploaded, _samples: int, _busy_s: float) -> None:
    """For handlers that nobody measures."""


class Normaliser:
    """``scratch`` is a folder of this handler's own; ``bucket`` opens other buckets than the product's."""

    def __init__(
        self,
        store: ObjectStore,
        publisher: Publisher,
        *,
        decode: Decode,
        scratch: Path,
        bucket: Callable[[str], ObjectStore],
        measure: Measure = _unmeasured,
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._publisher = publisher
        self._decode = decode
        self._scratch = scratch
        self._measure = measure

    async def handle(self, envelope: Envelope[Any]) -> None:
        """Handle one ``media-uploaded``.

        Raises:
            Invalid: the original is gone, or there is nothing to transcribe in it.
            Transient: store, log or the decoding process are in trouble.
            Unavailable: also when this machine's disk is full, which is no recording's fault.
        """
        media: MediaUploaded = envelope.data
        if media.refused is not None:
            # Nothing went wrong here, so it is no dead letter either.
            refusal = Invalid(media.refused.reason, code=media.refused.code)
            await self._publisher.publish(stage_failed(media, "normalise", refusal, 1))
            return
        await self._expect(media)
        try:
            decoded = await self._stored(media)
        except (Transient, OSError) as error:
            # Only now, when nothing of this recording lies there any more.
            if (free_bytes := await asyncio.to_thread(_free_bytes, self._scratch)) < ROOM_BYTES:
                raise Unavailable(f"the disk of {self._scratch} is full, {free_bytes} bytes are free") from error
            raise
        await self._store.put(placed(media, keys.peaks(media.media_id)), decoded.peaks, content_type="application/json")
        await self._publisher.publish(*facts(media, decoded))

    async def _stored(self, media: MediaUploaded) -> Decoded:
        """Decode the original and put the audio into the store."""
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix=f"{media.media_id}-") as folder:
            flac = Path(folder) / "audio.flac"
            splits = media.options.diarize and media.options.channels in ("split", "auto")
            channels = [Path(folder) / f"channel-{n}.flac" for n in range(CALL_CHANNELS)] if splits else []
            async with self._original(media) as original:
                began_s = time.monotonic()
                decoded = await self._decode(original, flac, channels)
                self._measure(media, decoded.samples, time.monotonic() - began_s)
            # Decoding takes a while: what was deleted meanwhile must not come back in part.
            await self._expect(media)
            with tracing.step("store"):
                await self._store.put(
                    placed(media, keys.audio(media.media_id)), _chunks(flac), content_type="audio/flac"
                )
                for n, path in enumerate(channels[: len(decoded.channel_bytes)]):
                    key = placed(media, keys.channel(media.media_id, n))
                    await self._store.put(key, _chunks(path), content_type="audio/flac")
        return decoded

    async def _expect(self, media: MediaUploaded) -> None:
        """Raises NotFound when the recording was deleted. An object in somebody's bucket is not deleted with it."""
        await self._store.head(media.original.key if _is_own(media) else keys.upload_manifest(media.media_id))

    @asynccontextmanager
    async def _original(self, media: MediaUploaded) -> AsyncIterator[Path]:
        """The bytes as they were announced. Raises Invalid when others have taken their place."""
        where = media.original
        store = self._store if where.bucket is None else self._bucket(where.bucket)
        async with AsyncExitStack() as opened:
            try:
                file = await opened.enter_async_context(store.local_file(where.key, version=where.version))
            except NotFound as error:
                if where.version is None:
                    raise
                name = f"s3://{where.bucket}/{where.key}" if where.bucket else where.key
                raise Invalid(
                    f"The object {name} was removed or overwritten before it could be decoded.", code="source-gone"
                ) from error
            yield file

    async def give_up(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        """Say that a recording cannot be used, and why."""
        await self._publisher.publish(stage_failed(envelope.data, "normalise", error, attempts, reason=_reason(error)))


def placed(media: MediaUploaded, key: str) -> str:
    """Where an object made from this recording goes: beside its original, unless that lies in somebody's bucket."""
    return keys.beside(media.original.key, key) if _is_own(media) else keys.of_tenant(media.tenant, key)


def _is_own(media: MediaUploaded) -> bool:
    usual = keys.original(media.media_id)
    return media.original.bucket is None and media.original.key in (usual, keys.of_tenant(media.tenant, usual))


def facts(media: MediaUploaded, decoded: Decoded) -> list[MediaReady | PartReady]:
    """The events that announce what was decoded. Pure."""
    key = placed(media, keys.audio(media.media_id))
    spans = [
        PartSpan(
            part=n,
            start_s=part.start_sample / SAMPLE_RATE_HZ,
            end_s=part.end_sample / SAMPLE_RATE_HZ,
            start_byte=part.start_byte,
            end_byte=part.end_byte,
        )
        for n, part in enumerate(decoded.parts)
    ]
    ready = MediaReady(
        media_id=media.media_id,
        tenant=media.tenant,
        lane=media.lane,
        duration_s=decoded.samples / SAMPLE_RATE_HZ,
        tracks=[
            AudioTrack(key=key, size_bytes=decoded.size_bytes),
            *(
                AudioTrack(key=placed(media, keys.channel(media.media_id, n)), size_bytes=size_bytes, channel=n)
                for n, size_bytes in enumerate(decoded.channel_bytes)
            ),
        ],
        peaks_key=placed(media, keys.peaks(media.media_id)),
        parts=spans,
        source=decoded.source,
        lost_s=decoded.lost_s,
        warnings=list(decoded.warnings),
        options=media.options,
    )
    parts = [
        PartReady(
            media_id=media.media_id,
            tenant=media.tenant,
            lane=media.lane,
            part=span.part,
            part_count=len(spans),
            start_s=span.start_s,
            end_s=span.end_s,
            audio=AudioSlice(key=key, header_bytes=HEADER_BYTES, start_byte=part.start_byte, end_byte=part.end_byte),
            options=media.options,
        )
        for span, part in zip(spans, decoded.parts, strict=True)
    ]
    return [ready, *parts]


async def work(runtime: Runtime) -> None:
    """Decode recordings until the process stops."""
    settings = runtime.settings
    scratch = settings.scratch_path / f"{NAME}-{quote(runtime.member, safe='')}"
    await asyncio.to_thread(_emptied, scratch)

    decoders = nursery()

    async def decode(source: Path, target: Path, channels: Sequence[Path]) -> Decoded:
        return await decode_in_child(source, target, settings, decoders, channels)

    handler = Normaliser(
        runtime.store,
        Publisher(runtime.log, runtime.clock, f"/polyvox/{NAME}"),
        decode=decode,
        scratch=scratch,
        bucket=runtime.bucket,
        measure=Measuring(process_metrics(), TenantClasses(settings.tenant_classes)).decoded,
    )
    worker = worker_of(
        runtime,
        name=NAME,
        topics=topics.laned(MediaUploaded.TOPIC),
        handler=handler.handle,
        on_give_up=handler.give_up,
        concurrency=settings.normaliser_concurrency,
    )
    try:
        await worker.run(runtime.stopping)
    finally:
        await decoders.close()


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _emptied(scratch: Path) -> None:
    """Make the folder anew: what lies there belongs to a process of this name that was killed."""
    if scratch.exists():
        log.info("removing what a killed process left in %s", scratch)
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk


def _reason(error: PolyvoxError) -> str:
    match error:
        case NotFound():
            return "The recording was removed before it could be decoded."
        case Invalid():
            return error.reason
        case OutOfMemory():
            return "The file needs more memory to decode than is allowed: it is damaged or not what it claims to be."
        case ChildCrashed():
            return "The decoder crashed on this file, more than once: it is damaged or not what it claims to be."
        case _:
            return f"The recording could not be decoded: {error}"
