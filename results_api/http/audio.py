"""What a player needs: the decoded audio, by ranges of bytes, and its waveform."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from polyvox.access.scopes import needs
from polyvox.contracts import MediaReady
from polyvox.errors import NotFound
from polyvox.http import Problem, documented
from polyvox.ports import ObjectInfo
from polyvox.service import Runtime
from results_api.http.byte_ranges import Unsatisfiable, byte_range
from results_api.http.conditional import answer, http_date, not_modified
from results_api.http.reading import Reading

AUDIO_TYPE = "audio/flac"


def router(runtime: Runtime, reading: Reading) -> APIRouter:
    api = APIRouter(tags=["media"])
    store = runtime.store

    @api.get(
        "/v1/media/{media_id}/audio",
        summary="The audio, 16 kHz mono FLAC; answers ranges of bytes.",
        response_class=Response,
        responses={
            200: {"content": {AUDIO_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
            206: {"description": "The range asked for."},
            304: {"description": "The client has it."},
            **documented(404, 410, 416),
        },
    )
    @needs("read")
    async def audio(media_id: str, request: Request) -> Response:
        ready = await decoded(media_id)
        track = min(ready.tracks, key=lambda track: track.channel is not None)
        info = await _head(runtime, track.key)
        etag = f'"{info.etag.strip(chr(34))}"'
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": http_date(info.modified_at),
            "Cache-Control": "private, no-cache",
        }
        if not_modified(request, etag, info.modified_at):
            return Response(status_code=304, headers=headers)
        span = _span(request, info, etag)
        start, end = span or (0, info.size_bytes)
        headers["Content-Length"] = str(end - start)
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.size_bytes}"
        status = 200 if span is None else 206
        chunks = store.stream(track.key, start=start, end=end)
        return StreamingResponse(chunks, status, headers=headers, media_type=AUDIO_TYPE)

    @api.get(
        "/v1/media/{media_id}/peaks",
        summary="The waveform, to be drawn.",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {}}},
            304: {"description": "The client has it."},
            **documented(404, 410),
        },
    )
    @needs("read")
    async def peaks(media_id: str, request: Request) -> Response:
        ready = await decoded(media_id)
        info = await _head(runtime, ready.peaks_key)
        body = await store.get(ready.peaks_key)
        return answer(
            request,
            body,
            media_type="application/json",
            etag=f'"{info.etag.strip(chr(34))}"',
            modified_at=info.modified_at,
        )

    async def decoded(media_id: str) -> MediaReady:
        recording = await reading.present(media_id)
        if recording.view.audio_removed_at is not None:
            raise _removed(recording.media_id, recording.view.audio_removed_at)
        if recording.view.ready is None:
            detail = f"The recording {media_id} is not decoded (yet). Its status says more: /v1/media/{media_id}."
            raise Problem(404, "not-decoded", "Not there yet", detail)
        return recording.view.ready.data

    return api


def _removed(media_id: str, at: datetime) -> Problem:
    return Problem(
        410,
        "audio-removed",
        "The audio was removed",
        f"The audio of {media_id} was removed on {at:%Y-%m-%d}. Its transcript stays: /v1/media/{media_id}/transcript.",
        members={"media_id": media_id, "audio_removed_at": at.isoformat()},
    )


async def _head(runtime: Runtime, key: str) -> ObjectInfo:
    try:
        return await runtime.store.head(key)
    except NotFound as error:
        detail = "The stored file is gone; nothing brings it back but another upload."
        raise Problem(404, "object-lost", "The file is gone", detail) from error


def _span(request: Request, info: ObjectInfo, etag: str) -> tuple[int, int] | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition not in (etag, http_date(info.modified_at)):
        return None
    try:
        return byte_range(request.headers.get("range"), info.size_bytes)
    except Unsatisfiable as error:
        raise Problem(
            416,
            "range-not-satisfiable",
            "Range not satisfiable",
            f"The audio has {info.size_bytes} bytes; ask for a range within.",
            headers={"Content-Range": f"bytes */{info.size_bytes}"},
        ) from error
