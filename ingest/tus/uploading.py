"""A tus upload's life: created, its bytes taken, made a recording when all are there, removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from fastapi import Request

from ingest.parts.completing import Completion
from ingest.parts.session import Session
from ingest.parts.sessions import Sessions, Wish
from ingest.tus import checksum, headers, refusals
from ingest.tus.reached import Reached, reached
from ingest.tus.turns import Turn, Turns
from ingest.tus.writing import Writer, keep_what_came
from ingest.upload.intake import Intake
from ingest.upload.options import Known, clean_filename, read_options
from ingest.upload.refusals import empty_file, too_large
from polyvox.http import Problem


@dataclass(frozen=True, slots=True)
class Uploading:
    intake: Intake
    sessions: Sessions
    completion: Completion
    known: Known
    turns: Turns

    async def create(self, said: Mapping[str, str], tenant: str) -> Session:
        """Raises Problem: 400, a header or an option is not valid; 413, it is too large; 429, too much waits."""
        length = headers.announced_length(said)
        if length == 0:
            raise empty_file()
        if length is not None and length > (max_bytes := self.intake.max_bytes_of(tenant)):
            raise too_large(max_bytes)
        about = headers.metadata(said.get("Upload-Metadata"))
        await self.intake.gate.admit(tenant, about.lane)
        return await self.sessions.begin(
            Wish(
                tenant=tenant,
                size_bytes=length,
                filename=clean_filename(about.filename),
                options=read_options(about.fields, self.known),
                lane=about.lane,
                protocol="tus",
                tus_metadata=said.get("Upload-Metadata"),
            )
        )

    async def look(self, upload_id: str) -> tuple[Session, int]:
        """The upload and its offset. Who is told that all bytes are there may take it for accepted, so it is.

        Raises:
            Problem: 404, 410; whatever completing it raises.
            Transient: store or log is in trouble.
        """
        async with self.turns.take(upload_id):
            session = await self.sessions.get(upload_id, "tus")
            if session.completed_at is not None:
                return session, session.size_bytes or 0
            at = await reached(self.sessions.store, session)
            if at.offset == session.size_bytes:
                await Writer(self.sessions.store, session, at).finish()
                await self._complete(session, None)
            return session, at.offset

    async def append(self, upload_id: str, request: Request, offset: int) -> tuple[Session, int]:
        """Take the request's body, which starts at ``offset``; returns the upload and its offset afterwards.

        What came of a body that breaks off is kept, unless it has a checksum. The last byte makes it a recording.

        Raises:
            Problem: 404, 409, 410, 413, 423, 460; 415, it is no recording and nothing of it is left.
            Transient: store or log is in trouble; what is stored counts.
        """
        announced = headers.checksum(request.headers.get("Upload-Checksum"))
        async with self.turns.take(upload_id) as turn:
            session = await self._with_length(await self.sessions.get(upload_id, "tus"), request.headers)
            if session.completed_at is not None:
                return session, self._at_end(session, offset)
            at = await reached(self.sessions.store, session)
            if at.offset != offset:
                raise refusals.other_offset(at.offset)
            writer = Writer(self.sessions.store, session, at)
            try:
                await self._take(session, at, writer, request, announced, turn)
            except Problem as refusal:
                if refusal.code == "not-media":
                    self.intake.count_failed(refusal)
                    await self.sessions.remove(session)
                else:
                    await keep_what_came(writer)
                raise
            except BaseException:
                await keep_what_came(writer)
                raise
            await writer.finish()
            if writer.offset == session.size_bytes:
                await self._complete(session, request.headers.get("traceparent"))
            return session, writer.offset

    async def remove(self, upload_id: str) -> None:
        """Raises Problem: 404, 409 (it is a recording already), 410."""
        async with self.turns.take(upload_id):
            await self.sessions.remove(await self.sessions.get_open(upload_id, "tus"))

    async def _take(
        self,
        session: Session,
        at: Reached,
        writer: Writer,
        request: Request,
        announced: headers.Checksum | None,
        turn: Turn,
    ) -> None:
        max_bytes = self.intake.max_bytes_of(session.tenant)
        size_bytes = session.size_bytes if session.size_bytes is not None else max_bytes
        body_bytes = headers.byte_count(request.headers, "Content-Length") or 0
        left = size_bytes - at.offset
        too_long = refusals.too_long(size_bytes) if session.size_bytes is not None else too_large(size_bytes)
        if body_bytes > left:
            raise too_long

        async def pour(chunks: AsyncIterator[bytes]) -> None:
            came = 0
            async for chunk in chunks:
                came += len(chunk)
                if came > left:
                    raise too_long
                await writer.take(chunk)

        async with self.intake.body(request) as chunks:
            turn.on_asked(lambda: chunks.break_off(refusals.taken_over()))
            if announced is None:
                await pour(chunks)
                return
            scratch = self.intake.runtime.settings.scratch_path
            async with checksum.verified(chunks, announced, scratch, max_bytes=left) as again:
                await pour(again)

    async def _with_length(self, session: Session, said: Mapping[str, str]) -> Session:
        """The length may come with any of the requests, once."""
        length = headers.byte_count(said, "Upload-Length")
        if length is None or length == session.size_bytes:
            return session
        if session.size_bytes is not None:
            raise refusals.other_length(session.size_bytes)
        if length > (max_bytes := self.intake.max_bytes_of(session.tenant)):
            raise too_large(max_bytes)
        at = await reached(self.sessions.store, session)
        if length < at.offset or length == 0:
            raise refusals.other_length(at.offset)
        known = session.model_copy(update={"size_bytes": length})
        await self.sessions.replace(known)
        return known

    async def _complete(self, session: Session, traceparent: str | None) -> None:
        try:
            accepted = await self.completion.complete(session, traceparent=traceparent)
        except Exception as error:
            self.intake.count_failed(error)
            raise
        self.intake.count_accepted(session.tenant, session.lane, session.size_bytes or 0, replayed=accepted.replayed)

    @staticmethod
    def _at_end(session: Session, offset: int) -> int:
        size_bytes = session.size_bytes or 0
        if offset != size_bytes:
            raise refusals.other_offset(size_bytes)
        return size_bytes
