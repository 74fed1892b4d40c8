"""``POST /v1/media``: the way in for recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from multipart import parse_content_disposition

from ingest.upload import detect_language, refusals
from ingest.upload.document import request_document
from ingest.upload.form import FORM_OVERHEAD_BYTES, boundary_of, extended_filename, form_events, raw_events
from ingest.upload.idempotency import checked_key
from ingest.upload.intake import Intake, Queued
from ingest.upload.options import NOTHING_FIXED, Known, read_options
from ingest.upload.receiver import Receiver
from ingest.upload.uploads import Accepted, Uploads
from ingest.upload.wanted import LANE, Wanted, lane_in, read_wanted
from polyvox.contracts import Lane
from polyvox.http import documented

FOR_LANGUAGE: Mapping[str, Any] = {
    "task": "detect",
    "language": None,
    "diarize": False,
    "num_speakers": None,
    "min_speakers": None,
    "max_speakers": None,
    "prompt": None,
    "temperature": None,
}
"""What is fixed where only the language is asked for."""


def router(intake: Intake) -> APIRouter:
    """Uploads in one request."""
    runtime = intake.runtime
    api = APIRouter(tags=["media"])
    publisher = intake.publisher()
    uploads = Uploads(runtime.store, publisher, runtime.clock)
    known = intake.known()

    async def accept(request: Request, receiver: Receiver, tenant: str, idempotency_key: str | None) -> Accepted:
        trace = request.headers.get("traceparent")
        if idempotency_key is None:
            return await uploads.accept(receiver, tenant=tenant, traceparent=trace)
        key = checked_key(idempotency_key)
        return await uploads.accept_once(receiver, tenant=tenant, idempotency_key=key, traceparent=trace)

    async def take(
        request: Request, idempotency_key: str | None = None, *, fixed: Mapping[str, Any] = NOTHING_FIXED
    ) -> Accepted:
        """Accept the upload in ``request``; the options in ``fixed`` are not the caller's to choose."""
        try:
            tenant = intake.tenant_of(request)
            await intake.gate.admit(tenant, *_lanes(request))

            async def admit(lane: Lane) -> None:
                await intake.gate.admit(tenant, lane)

            async with intake.body(request) as chunks:
                receiver = _receiver(request, chunks, intake.max_bytes, known, fixed, admit)
                accepted = await accept(request, receiver, tenant, idempotency_key)
        except Exception as error:
            intake.count_failed(error)
            raise
        intake.count_accepted(tenant, receiver.lane, receiver.size_bytes, replayed=accepted.replayed)
        return accepted

    @api.post(
        "/v1/media",
        status_code=202,
        response_model=Queued,
        summary="Upload a recording.",
        responses=documented(400, 408, 409, 413, 415, 422, 429, 503),
        openapi_extra=request_document(),
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
        queued = Queued.of(accepted.media_id)
        response.headers["Location"] = queued.href
        if accepted.replayed:
            response.headers["Idempotent-Replay"] = "true"
        return queued

    async def take_for_language(request: Request) -> Accepted:
        return await take(request, fixed=FOR_LANGUAGE)

    document = request_document(without={*FOR_LANGUAGE, LANE})
    api.include_router(detect_language.router(runtime, publisher, take_for_language, document))
    return api


def _lanes(request: Request) -> tuple[Lane, ...]:
    """Those that the upload may be in, as far as that can be told before its body comes."""
    named = lane_in(request.query_params.multi_items())
    if named is not None:
        return (named,)
    is_form = boundary_of(request.headers.get("content-type", "")) is not None
    return ("interactive", "bulk") if is_form else ("interactive",)


def _receiver(
    request: Request,
    chunks: AsyncIterator[bytes],
    max_bytes: int,
    known: Known,
    fixed: Mapping[str, Any],
    admit: Callable[[Lane], Awaitable[None]],
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

    def wanted(given: Sequence[tuple[str, str]]) -> Wanted:
        # Whoever waits for an answer is in no lane but the first.
        return Wanted(read_options(given, known, fixed)) if fixed else read_wanted(given, known)

    return Receiver(events, max_bytes=max_bytes, read_wanted=wanted, admit=admit, fields=query)


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
