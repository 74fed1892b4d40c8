"""All routes that answer with what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from ingest.answering.openai import api as openai_api
from ingest.answering.simple import api as simple_api
from ingest.answering.transcribing import Transcribing
from ingest.upload.intake import Intake


def router(intake: Intake) -> APIRouter:
    """One pool of connections to the results for all of them."""
    transcribing = Transcribing(intake)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await transcribing.close()

    api = APIRouter(lifespan=lifespan)
    api.include_router(openai_api.router(intake, transcribing))
    api.include_router(simple_api.router(intake, transcribing))
    return api
