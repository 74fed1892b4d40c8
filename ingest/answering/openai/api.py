"""``/v1/audio/transcriptions``, ``/v1/audio/translations`` and ``/v1/models``, as OpenAI's API reference has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse

from ingest.answering.openai import documents, fields, streaming
from ingest.answering.openai.document import form_document
from ingest.answering.openai.fields import Asked, Task
from ingest.answering.openai.models import Model, ModelList, models, unknown
from ingest.answering.transcribing import MEDIA_ID, Transcribing
from ingest.upload.intake import Intake
from ingest.upload.wanted import Wanted
from polyvox.access.scopes import needs
from polyvox.client import AsyncClient

TEXT_TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}


def router(intake: Intake, transcribing: Transcribing) -> APIRouter:
    """OpenAI's routes; every refusal on them is in OpenAI's shape (polyvox/http/openai_errors.py)."""
    api = APIRouter(tags=["OpenAI-compatible"])
    known = intake.known()

    async def perform(request: Request, task: Task) -> Response:
        asked = Asked()

        def read(given: Sequence[tuple[str, str]]) -> Wanted:
            nonlocal asked
            asked = fields.read(given, task, known)
            return asked.wanted

        async def answer(client: AsyncClient, media_id: str) -> Response:
            return await _answer(client, media_id, asked)

        taken = await transcribing.take(request, read)
        if not asked.stream:
            return _named(await transcribing.attend(request, taken, answer), taken.media_id)

        content = streaming.events(transcribing, taken, asked)
        return _named(EventSourceResponse(content, ping=streaming.HEARTBEAT_S, sep="\n"), taken.media_id)

    @api.post(
        "/v1/audio/transcriptions",
        summary="What is said in a recording.",
        openapi_extra=form_document("transcribe", known),
        response_class=JSONResponse,
    )
    @needs("upload", "read", action="uploaded", takes_recordings=True)
    async def transcriptions(request: Request) -> Response:
        """As OpenAI's `POST /v1/audio/transcriptions`. The recording is in `/v1/media` afterwards, by the id in the
        header `Polyvox-Media-Id`; it is removed where the caller leaves before the answer."""
        return await perform(request, "transcribe")

    @api.post(
        "/v1/audio/translations",
        summary="What is said in a recording, in English.",
        openapi_extra=form_document("translate", known),
        response_class=JSONResponse,
    )
    @needs("upload", "read", action="uploaded", takes_recordings=True)
    async def translations(request: Request) -> Response:
        """As OpenAI's `POST /v1/audio/translations`."""
        return await perform(request, "translate")

    @api.get("/v1/models", summary="Which models there are.")
    @needs()
    async def index() -> ModelList:
        """Models of this server, and OpenAI's names, which stand for the default one."""
        return ModelList(data=models(known))

    @api.get("/v1/models/{model}", summary="One model.")
    @needs()
    async def show(model: str) -> Model:
        for one in models(known):
            if one.id == model:
                return one
        raise unknown(model, known)

    return api


async def _answer(client: AsyncClient, media_id: str, asked: Asked) -> Response:
    match asked.response_format:
        case "srt" | "vtt" as form:
            return Response(await client.export(media_id, form), media_type=TEXT_TYPES[form])
        case "text":
            return Response(f"{(await client.transcript(media_id)).text}\n", media_type=TEXT_TYPES["text"])
    transcript = await client.transcript(media_id)
    body: dict[str, Any]
    match asked.response_format:
        case "verbose_json":
            body = documents.verbose(transcript, asked)
        case "diarized_json":
            body = documents.diarized(transcript)
        case _:
            body = documents.plain(transcript, asked)
    return JSONResponse(body)


def _named(response: Response, media_id: str) -> Response:
    response.headers[MEDIA_ID] = media_id
    response.headers["X-Request-Id"] = media_id
    return response
