"""``/transcribe``, ``/detect-language`` and ``/api/transcribe``: a recording in, what was said out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from ingest.answering.simple import documents, fields
from ingest.answering.simple.documents import PlainTranscript, SimpleTranscript
from ingest.answering.simple.fields import WORDS, Asked
from ingest.answering.transcribing import MEDIA_ID, Transcribing
from ingest.upload import detect_language
from ingest.upload.document import request_document
from ingest.upload.intake import Intake
from ingest.upload.options import FOR_LANGUAGE, read_options
from ingest.upload.taking import Taking
from ingest.upload.uploads import Accepted
from ingest.upload.wanted import INTERACTIVE, LANE, Wanted
from polyvox.access.scopes import needs
from polyvox.client import AsyncClient
from polyvox.contracts import Transcript
from polyvox.http import documented

T = TypeVar("T")
REFUSALS = (400, 408, 409, 413, 415, 422, 429, 503)
_WORDS = {"type": "boolean", "default": False, "description": "Whether segments hold the times of words."}


def router(intake: Intake, transcribing: Transcribing) -> APIRouter:
    """The simple routes; they are refused as the rest of the API is, with problem documents."""
    api = APIRouter(tags=["simple"])
    known = intake.known()
    taking = Taking(intake)
    document = request_document(known, without={LANE}, more={WORDS: _WORDS})

    async def perform(
        request: Request, response: Response, write: Callable[[Transcript, Asked], T], *, diarize: bool
    ) -> T:
        asked = Asked()

        def read(given: Sequence[tuple[str, str]]) -> Wanted:
            nonlocal asked
            asked = fields.read(given, known, diarize=diarize)
            return asked.wanted

        async def answer(client: AsyncClient, media_id: str) -> T:
            return write(await client.transcript(media_id), asked)

        taken = await transcribing.take(request, read)
        response.headers[MEDIA_ID] = taken.media_id
        return await transcribing.attend(request, taken, answer)

    @api.post(
        "/transcribe",
        summary="A recording in, its transcript out.",
        responses=documented(*REFUSALS),
        openapi_extra=document,
    )
    @needs("upload", "read", action="uploaded", takes_recordings=True)
    async def transcribe(request: Request, response: Response) -> SimpleTranscript:
        """Send the recording as the part `file` of a form. The answer waits for the transcript; the recording is in
        `/v1/media` afterwards, by the id in the header `Polyvox-Media-Id`."""
        return await perform(request, response, documents.simple, diarize=True)

    @api.post(
        "/api/transcribe",
        summary="A recording in, its words out.",
        responses=documented(*REFUSALS),
        openapi_extra=document,
    )
    @needs("upload", "read", action="uploaded", takes_recordings=True)
    async def api_transcribe(request: Request, response: Response) -> PlainTranscript:
        """As `/transcribe`, for who wants the words alone. Speakers only where `diarize` is true."""
        return await perform(request, response, documents.plain, diarize=False)

    def for_language(given: Sequence[tuple[str, str]]) -> Wanted:
        # What goes for transcripts may be sent here too, and changes nothing.
        return Wanted(read_options([one for one in given if one[0] != WORDS], known, FOR_LANGUAGE))

    async def take_for_language(request: Request) -> Accepted:
        return await taking.take(request, for_language, lanes=INTERACTIVE)

    shorter = request_document(known, without={*FOR_LANGUAGE, LANE}, multilingual=True)
    api.include_router(
        detect_language.router(intake.runtime, intake.publisher(), take_for_language, shorter, path="/detect-language")
    )
    return api
