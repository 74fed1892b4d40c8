"""``POST /v1/media``: the way in for recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Header, Request, Response
from multipart import parse_content_disposition
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from ingest.upload import detect_language, refusals
from ingest.upload.form import FORM_OVERHEAD_BYTES, boundary_of, extended_filename, form_events, raw_events
from ingest.upload.idempotency import checked_key
from ingest.upload.options import NOTHING_FIXED, Known, read_options
from ingest.upload.patience import GRACE_S, IDLE_S, Patience
from ingest.upload.receiver import Receiver
from ingest.upload.sweep import Sweep
from ingest.upload.uploads import Accepted, Uploads
from polyvox import metrics
from polyvox.contracts import Options
from polyvox.errors import Transient
from polyvox.http import Problem, documented
from polyvox.metrics import Metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from polyvox.weights import known_models

SOURCE = "/polyvox/ingest"
# There is one tenant until requests are authenticated.
TENANT = "default"
FOR_LANGUAGE: Mapping[str, Any] = {
    "task": "detect",
    "language": None,
    "diarize": False,
    "num_speakers": None,
    "min_speakers": None,
    "max_speakers": None,
    "prompt": None,
}
"""What is fixed where only the language is asked for."""


class Queued(BaseModel):
    media_id: str = Field(description="Name of the recording from now on.")
    status: Literal["queued"] = "queued"
    href: str = Field(description="Where to ask how far it is.", examples=["/v1/media/0198c9d2-…"])


def router(
    runtime: Runtime, *, idle_s: float = IDLE_S, stop_grace_s: float = GRACE_S, counters: Metrics | None = None
) -> APIRouter:
    """The upload API on the runtime's store and log; ingest/upload/patience.py says what the times mean."""
    count = counters or metrics.process_metrics()
    api = APIRouter(tags=["media"])
    publisher = Publisher(runtime.log, runtime.clock, SOURCE)
    uploads = Uploads(runtime.store, publisher, runtime.clock)
    known = Known(
        engines=get_args(Settings.model_fields["transcriber_engine"].annotation),
        models=frozenset(known_models()),
        default_model=runtime.settings.transcriber_model,
    )
    max_bytes = runtime.settings.max_upload_bytes

    async def accept(request: Request, receiver: Receiver, idempotency_key: str | None) -> Accepted:
        trace = request.headers.get("traceparent")
        if idempotency_key is None:
            return await uploads.accept(receiver, tenant=TENANT, traceparent=trace)
        key = checked_key(idempotency_key)
        return await uploads.accept_once(receiver, tenant=TENANT, idempotency_key=key, traceparent=trace)

    async def take(
        request: Request, idempotency_key: str | None = None, *, fixed: Mapping[str, Any] = NOTHING_FIXED
    ) -> Accepted:
        """Accept the upload in ``request``; the options in ``fixed`` are not the caller's to choose."""
        try:
            async with (
                aclosing(request.stream()) as stream,
                Patience(stream, runtime.stopping, idle_s=idle_s, grace_s=stop_grace_s) as chunks,
            ):
                receiver = _receiver(request, chunks, max_bytes, known, fixed)
                accepted = await accept(request, receiver, idempotency_key)
        except Exception as error:
            count.add(metrics.UPLOADS, outcome=_outcome(error))
            raise
        count.add(metrics.UPLOADS, outcome="replayed" if accepted.replayed else "accepted")
        if not accepted.replayed:
            count.add(metrics.UPLOADED_BYTES, receiver.size_bytes)
        return accepted

    @api.post(
        "/v1/media",
        status_code=202,
        response_model=Queued,
        summary="Upload a recording.",
        responses=documented(400, 408, 409, 413, 415, 422, 503),
        openapi_extra=_request_document(),
    )
    async def upload(
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            str | None,
            Header(
                description="Makes a retry safe: requests with the same key (1 to 255 printable ASCII characters) make "
                "one recording. Remembered for seven days; a repeated answer says `Idempotent-Replay: true`."
            ),
        ] = None,
    ) -> Queued:
        """Send the recording as the part `file` of a form, with options as other parts in any
        order; or as the whole body, with options in the query string. The answer comes when the
        recording is stored and queued. What it is is decided by its bytes alone.
        """
        accepted = await take(request, idempotency_key)
        href = f"/v1/media/{accepted.media_id}"
        response.headers["Location"] = href
        if accepted.replayed:
            response.headers["Idempotent-Replay"] = "true"
        return Queued(media_id=accepted.media_id, href=href)

    async def take_for_language(request: Request) -> Accepted:
        return await take(request, fixed=FOR_LANGUAGE)

    document = _request_document(without=FOR_LANGUAGE)
    api.include_router(detect_language.router(runtime, publisher, take_for_language, document))
    return api


async def sweep(runtime: Runtime) -> None:
    """Sweeps until the runtime stops."""
    publisher = Publisher(runtime.log, runtime.clock, SOURCE)
    await Sweep(runtime.store, publisher, runtime.clock).run(runtime.stopping)


def _receiver(
    request: Request, chunks: AsyncIterator[bytes], max_bytes: int, known: Known, fixed: Mapping[str, Any]
) -> Receiver:
    boundary = boundary_of(request.headers.get("content-type", ""))
    slack = 0 if boundary is None else FORM_OVERHEAD_BYTES
    # A length that says too much is believed, a smaller one is not: the bytes are counted as well.
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes + slack:
        raise refusals.too_large(max_bytes)
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "filename"]
    if boundary is None:
        events = raw_events(chunks, _raw_filename(request))
    else:
        events = form_events(_bounded(chunks, max_bytes), boundary)

    def options(given: Sequence[tuple[str, str]]) -> Options:
        return read_options(given, known, fixed)

    return Receiver(events, max_bytes=max_bytes, read_options=options, fields=query)


def _outcome(error: Exception) -> str:
    match error:
        case Problem():
            return error.code
        case Transient():
            return "unavailable"
        case ClientDisconnect():
            return "disconnected"
    return "internal"


async def _bounded(chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """Counts what is around the file as well, for a form may hold any amount of that."""
    left = max_bytes + FORM_OVERHEAD_BYTES
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise refusals.too_large(max_bytes)
        yield chunk


def _raw_filename(request: Request) -> str | None:
    disposition = request.headers.get("content-disposition", "")
    given = request.query_params.get("filename") or extended_filename(disposition)
    return given or parse_content_disposition(disposition)[2]


def _request_document(*, without: Collection[str] = ()) -> dict[str, Any]:
    """OpenAPI for a body that FastAPI never sees, with all options but those in ``without``."""
    schema = Options.model_json_schema()
    options: dict[str, Any] = schema["properties"]
    options["metadata"] = {
        "type": "string",
        "description": "A JSON object of strings. Fields named metadata.KEY work as well.",
    }
    options["language"] = {
        "type": "string",
        "default": "auto",
        "description": "ISO 639 code, or auto to find out.",
        "examples": ["auto", "en"],
    }
    options = {name: option for name, option in options.items() if name not in without}
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary, **options}}
    in_query = [{"name": name, "in": "query", "schema": option} for name, option in options.items()]
    filename = {"name": "filename", "in": "query", "schema": {"type": "string"}, "description": "For a raw body."}
    return {
        "parameters": [*in_query, filename],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/octet-stream": {"schema": binary},
                "audio/*": {"schema": binary},
                "video/*": {"schema": binary},
            },
        },
    }
