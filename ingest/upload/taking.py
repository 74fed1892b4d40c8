"""Takes in the recording that a request brings in its body, for every route that does so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fastapi import Request
from multipart import parse_content_disposition

from ingest.upload import refusals
from ingest.upload.form import FORM_OVERHEAD_BYTES, boundary_of, extended_filename, form_events, raw_events
from ingest.upload.idempotency import checked_key
from ingest.upload.intake import Intake
from ingest.upload.receiver import Receiver
from ingest.upload.uploads import Accepted, Uploads
from ingest.upload.wanted import Wanted, lane_in
from polyvox.contracts import Lane

Read = Callable[[Sequence[tuple[str, str]]], Wanted]
"""Fields, as (name, value), to what is wanted. Called again as more of them come; the last call has all.
Raises Problem: 400."""


class Taking:
    """Safe to use from many requests at the same time."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._uploads = Uploads(intake.runtime.store, intake.publisher(), intake.runtime.clock)

    async def take(
        self, request: Request, read: Read, *, lanes: Sequence[Lane] | None = None, idempotency_key: str | None = None
    ) -> Accepted:
        """Accept the upload in ``request``; it is stored and announced when this returns.

        ``lanes`` are those that it may be in, where the request has no say in that.

        Raises:
            Problem: the upload is refused; nothing of it is left.
            Transient: store or log is in trouble.
        """
        intake = self._intake
        try:
            tenant = intake.tenant_of(request)
            await intake.gate.admit(tenant, *(lanes or _lanes(request)))

            async def admit(lane: Lane) -> None:
                await intake.gate.admit(tenant, lane)

            async with intake.body(request) as chunks:
                receiver = _receiver(request, chunks, intake.max_bytes_of(tenant), read, admit)
                accepted = await self._accept(request, receiver, tenant, idempotency_key)
        except Exception as error:
            intake.count_failed(error)
            raise
        intake.count_accepted(tenant, receiver.lane, receiver.size_bytes, replayed=accepted.replayed)
        return accepted

    async def _accept(self, request: Request, receiver: Receiver, tenant: str, idempotency_key: str | None) -> Accepted:
        trace = request.headers.get("traceparent")
        if idempotency_key is None:
            return await self._uploads.accept(receiver, tenant=tenant, traceparent=trace)
        key = checked_key(idempotency_key)
        return await self._uploads.accept_once(receiver, tenant=tenant, idempotency_key=key, traceparent=trace)


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
    read: Read,
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
    return Receiver(events, max_bytes=max_bytes, read_wanted=read, admit=admit, fields=query)


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
