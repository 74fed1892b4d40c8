"""`/v1/media/{media_id}/transcript`: putting right what it says and who says it, and the history of that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from polyvox.access.scopes import needs
from polyvox.contracts import Transcript
from polyvox.errors import Invalid, NotFound
from polyvox.http import Problem, documented
from polyvox.http.parameters import WholeNumber
from polyvox.ports import ObjectStore
from polyvox.publish import Publisher
from polyvox.service import Runtime
from results_api.corrections import loading
from results_api.corrections.correcting import Correcting, Overtaken, is_told
from results_api.corrections.making import ID_CHARS, NAME_CHARS, TEXT_CHARS, Asked, correction_of, id_of
from results_api.database.database import Database
from results_api.database.recording import Outcome, Recording
from results_api.http.corrected import CorrectionDocument, CorrectionPage, documents
from results_api.http.reading import Reading
from results_api.http.transcripts import Transcripts
from results_api.http.watching import Watching
from results_api.projection.deletion import SOURCE

PATIENCE_S = 10.0
"""How long an answer waits for the new version: it takes a fraction of a second where nothing is in trouble."""
SEGMENTS_MAX = 5_000
AUTHOR_CHARS = 200
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "ETag of the transcript that was looked at; * for whichever is there.",
    "schema": {"type": "string", "pattern": "\\S"},
}
_CORRECTION = {"pattern": f"^[0-9a-f]{{{ID_CHARS}}}$"}


class SegmentText(BaseModel):
    """What is really said in one segment."""

    model_config = ConfigDict(extra="forbid")

    id: WholeNumber = Field(ge=0, description="Of the segment, in the version that If-Match names.")
    text: str = Field(max_length=TEXT_CHARS, description="All of it. Empty: the segment is removed.")


class Corrected(BaseModel):
    """What is to be put right, in one go."""

    model_config = ConfigDict(extra="forbid")

    segments: list[SegmentText] = Field([], max_length=SEGMENTS_MAX)
    speakers: dict[str, Annotated[str, Field(max_length=NAME_CHARS)] | None] = Field(
        {}, description="By a speaker's id or label, what to call them; null takes a name away."
    )
    author: str | None = Field(None, max_length=AUTHOR_CHARS, description="Whom the history names.")


def router(
    runtime: Runtime, database: Database, reading: Reading, watching: Watching, transcripts: Transcripts
) -> APIRouter:
    correcting = Correcting(database, runtime.store, Publisher(runtime.log, runtime.clock, SOURCE), runtime.clock)
    answers = _Answers(runtime.store, reading, watching, transcripts)
    api = APIRouter(tags=["corrections"])

    @api.patch(
        "/v1/media/{media_id}/transcript",
        summary="Put right what is said and who says it.",
        responses={202: {"model": CorrectionDocument}, **documented(404, 409, 410, 412, 422, 428, 503)},
        openapi_extra={"parameters": [IF_MATCH]},
    )
    @needs("upload", "read", action="changed")
    async def correct(
        media_id: str,
        wanted: Corrected,
        response: Response,
        if_match: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> CorrectionDocument:
        """Makes the next version of the result, which replaces this one everywhere; every version after has it too,
        whatever is transcribed or told apart anew. Answers when the new version is there; with 202 where that takes
        longer. Sending the same again changes nothing."""
        recording = await reading.present(media_id)
        outcome = _finished(recording)
        made_of = _looked_at(if_match, outcome)
        asked = _asked(wanted)
        id = id_of(media_id, made_of, asked)
        if id not in recording.view.corrections:
            if made_of != _made_of(outcome):
                raise _overtaken(recording)
            try:
                transcript = await _transcript(transcripts, recording)
                correction = await asyncio.to_thread(correction_of, id, transcript, asked)
                recording = await correcting.correct(correction, outcome.version)
            except Overtaken as error:
                raise _overtaken(await reading.present(media_id)) from error
            except NotFound as error:
                raise await _unavailable(reading, media_id, error) from error
            except Invalid as error:
                raise Problem(422, error.code, "It cannot be corrected like that", error.reason) from error
        return await answers.about(recording, id, response)

    @api.get(
        "/v1/media/{media_id}/transcript/corrections",
        summary="What was corrected, newest first.",
        responses=documented(404, 410, 422, 503),
    )
    @needs("read")
    async def index(
        media_id: str,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before.", **_CORRECTION)] = None,
    ) -> CorrectionPage:
        """Those that were taken back included."""
        recording = await reading.present(media_id)
        made = [one.data for one in recording.view.corrections.values() if not one.data.takes_back]
        made.sort(key=lambda one: (one.corrected_at, one.correction), reverse=True)
        ids = [one.correction for one in made]
        start = ids.index(cursor) + 1 if cursor in ids else 0
        shown = ids[start : start + limit]
        items = await answers.documents(recording, shown)
        return CorrectionPage(items=items, next_cursor=shown[-1] if start + limit < len(ids) else None)

    @api.delete(
        "/v1/media/{media_id}/transcript/corrections/{correction_id}",
        summary="Take a correction back.",
        responses={202: {"model": CorrectionDocument}, **documented(404, 410, 503)},
    )
    @needs("upload", "read", action="changed")
    async def take_back(media_id: str, correction_id: str, response: Response) -> CorrectionDocument:
        """Makes the next version of the result, without it: what was there before says the same again, and later
        corrections stay. Works again on what is taken back already."""
        recording = await reading.present(media_id)
        known = recording.view.corrections.get(correction_id)
        if known is None or known.data.takes_back:
            raise _unknown(media_id, correction_id)
        try:
            recording = await correcting.take_back(media_id, correction_id)
        except NotFound as error:
            raise await _unavailable(reading, media_id, error) from error
        return await answers.about(recording, correction_id, response)

    return api


@dataclass(frozen=True, slots=True)
class _Answers:
    """What became of a correction, told when its version is there."""

    store: ObjectStore
    reading: Reading
    watching: Watching
    transcripts: Transcripts

    async def about(self, recording: Recording, id: str, response: Response) -> CorrectionDocument:
        recording = await self._told(recording)
        (document,) = await self.documents(recording, [id])
        if document.state == "publishing":
            response.status_code = 202
        elif recording.outcome is not None:
            response.headers["ETag"] = f'"{_made_of(recording.outcome)}.json"'
        response.headers["Location"] = document.href
        return document

    async def documents(self, recording: Recording, ids: Sequence[str]) -> list[CorrectionDocument]:
        found = await loading.load(self.store, recording.view, ids)
        finished = recording.outcome is not None and recording.outcome.status == "completed"
        shown = await _transcript(self.transcripts, recording) if finished and ids else None
        return documents(recording, found, ids, shown)

    async def _told(self, recording: Recording) -> Recording:
        """The recording when its result has all its corrections, or when patience ends."""
        with self.watching.watch(recording.media_id, recording.revision) as watcher, suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not all(is_told(recording, one) for one in recording.view.corrections):
                    if not await watcher.news():
                        break
                    recording = await self.reading.present(recording.media_id)
        return recording


async def _transcript(transcripts: Transcripts, recording: Recording) -> Transcript:
    rendered = await transcripts.get(recording, "json")
    return await asyncio.to_thread(Transcript.model_validate_json, rendered.body)


def _asked(wanted: Corrected) -> Asked:
    texts = {segment.id: segment.text for segment in wanted.segments}
    if len(texts) < len(wanted.segments):
        raise Problem(422, "named-twice", "It cannot be corrected like that", "A segment is named twice.")
    return Asked(texts, wanted.speakers, wanted.author)


def _finished(recording: Recording) -> Outcome:
    outcome = recording.outcome
    if outcome is None or outcome.status != "completed":
        detail = "Only a finished transcript can be corrected. Wait until the recording is completed."
        raise Problem(409, "not-finished", "There is no finished transcript", detail)
    return outcome


def _made_of(outcome: Outcome) -> str:
    """What the ETags of a version begin with, in whatever format."""
    return f"v{outcome.version}.{outcome.basis}"


def _looked_at(if_match: str | None, outcome: Outcome) -> str:
    """The version that somebody looked at, as ``_made_of``. ``*`` is whichever is there."""
    if if_match is None or not if_match.strip():
        detail = "Say which version you looked at: send the ETag of GET …/transcript as If-Match."
        raise Problem(428, "precondition-required", "If-Match is missing", detail)
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]
    named = [".".join(tag.split(".")[:2]) for tag in tags]
    return _made_of(outcome) if "*" in tags or _made_of(outcome) in named else named[0]


def _overtaken(recording: Recording) -> Problem:
    version = recording.outcome.version if recording.outcome else None
    detail = (
        "The transcript is another by now, or will be in a moment. Nothing was changed: get it again, "
        "look whether your correction is still wanted, and send it with the new ETag."
    )
    return Problem(412, "overtaken", "Somebody else was faster", detail, members={"version": version})


async def _unavailable(reading: Reading, media_id: str, error: NotFound) -> Problem:
    """What went away while it was looked at."""
    await reading.present(media_id)
    return Problem(404, "not-found", "Not found", f"{error.reason[:1].upper()}{error.reason[1:]}.")


def _unknown(media_id: str, correction: str) -> Problem:
    detail = f"There is no correction {correction}. GET /v1/media/{media_id}/transcript/corrections lists them."
    return Problem(404, "not-found", "Not found", detail)
