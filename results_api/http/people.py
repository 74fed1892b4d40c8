"""`/v1/speakers`: people whose voices are recognised in other recordings of their tenant."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from polyvox.access.scopes import needs
from polyvox.contracts import Diarization, SpeakerEmbedding
from polyvox.errors import NotFound, Transient
from polyvox.http import Problem, documented
from polyvox.http.gateway import caller_of
from polyvox.ids import new_media_id
from polyvox.publish import Publisher
from polyvox.service import Runtime
from results_api.database.database import Database
from results_api.database.recording import Recording, owner
from results_api.http.reading import Reading
from results_api.people.forgetting import again
from results_api.people.naming import Naming
from results_api.people.people import PEOPLE_MAX, Person, Sample
from results_api.people.recognition import ENROL_S, model_of
from results_api.projection.deletion import SOURCE
from results_api.projection.publication import Publication

log = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f-]{36}")
_NOT_BLANK = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f\x85][^\x00-\x1f\x7f]*$"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=_NOT_BLANK)]


class Wanted(BaseModel):
    """Whom to enrol, and from which recording."""

    model_config = ConfigDict(extra="forbid")

    name: _Text = Field(max_length=200, description="What results call them. A name that is known gets one more voice.")
    media_id: str = Field(max_length=64, description="A finished recording in which they speak.")
    speaker: str | None = Field(
        None, max_length=200, description="Their id in it, such as S1; may be left out where only one person speaks."
    )
    consent: _Text = Field(max_length=1000, description="How they agreed, for whoever asks later.")


class VoiceDocument(BaseModel):
    media_id: str
    speaker: str
    speech_s: float
    model: str = Field(description="What made the voice comparable; only voices of the same model are compared.")
    created_at: datetime


class PersonDocument(BaseModel):
    """One enrolled person. The voice itself is told to nobody."""

    person: str = Field(description="`person` of a transcript's speakers.")
    name: str
    tenant: str
    consent: str
    created_at: datetime
    voices: list[VoiceDocument]
    href: str


class PersonList(BaseModel):
    items: list[PersonDocument]


def router(runtime: Runtime, database: Database, reading: Reading) -> APIRouter:
    clock = runtime.clock
    naming = Naming.of(runtime.settings, database)
    people = naming.people
    publisher = Publisher(runtime.log, clock, SOURCE)
    publication = Publication(database, runtime.store, publisher, clock, naming=naming)
    api = APIRouter(tags=["speakers"])

    def tenant_of(request: Request) -> str | None:
        """Whose people the caller may see; None: everybody's."""
        return caller_of(request, runtime.settings.trust_tenant_header).tenant

    async def known(person_id: str, tenant: str | None) -> Person:
        person = await people.get(person_id, tenant) if _ID.fullmatch(person_id) else None
        if person is None:
            raise _unknown(person_id)
        return person

    @api.post(
        "/v1/speakers",
        status_code=201,
        summary="Enrol a person: recognise their voice from now on.",
        responses=documented(404, 409, 410, 422, 503),
    )
    @needs("admin")
    async def enrol(wanted: Wanted, response: Response) -> PersonDocument:
        """The recording shows the name at once, others from their next version on: those to come, and those for which
        a replay is ordered."""
        recording = await reading.present(wanted.media_id)
        tenant = owner(recording.view)["tenant"]
        if not naming.is_on(tenant):
            detail = f"Name {tenant} in POLYVOX_RECOGNISE_SPEAKERS, and read docs/speakers.md on consent first."
            raise Problem(409, "recognition-off", "Speakers are not recognised", detail)
        diarization = await _diarization(runtime, recording)
        heard = _chosen(diarization, wanted.speaker)
        now = clock.now()
        sample = Sample(recording.media_id, heard.speaker, model_of(diarization), heard.speech_s, now)
        person = Person(new_media_id(now), tenant, wanted.name, wanted.consent, now)
        id_ = await people.enrol(person, sample, heard.vector)
        if id_ is None:
            detail = f"There may be {PEOPLE_MAX} enrolled people. Forget somebody who is not met any more."
            raise Problem(409, "too-many-speakers", "Too many speakers", detail)
        try:
            await again(database, publication, recording.media_id, after=recording.planned_version)
        except Transient as error:
            # Enrolled they are; once the new version is planned, the projection publishes it if nobody else does.
            log.warning("the name of a new speaker of %s comes later: %s", recording.media_id, error)
        document = _document(await known(id_, tenant))
        response.headers["Location"] = document.href
        return document

    @api.get("/v1/speakers", summary="Who is enrolled, by name.", responses=documented(503))
    @needs("read")
    async def index(request: Request) -> PersonList:
        return PersonList(items=[_document(person) for person in await people.all(tenant_of(request))])

    @api.get("/v1/speakers/{person_id}", summary="One enrolled person.", responses=documented(404, 503))
    @needs("read")
    async def show(person_id: str, request: Request) -> PersonDocument:
        return _document(await known(person_id, tenant_of(request)))

    @api.delete(
        "/v1/speakers/{person_id}",
        status_code=204,
        summary="Forget a person.",
        responses=documented(404, 503),
    )
    @needs("admin")
    async def forget(person_id: str, request: Request) -> None:
        """The voices are gone at once. Results that name the person get another version without the name, within a
        minute where they are few; what downstream was told before is not taken back."""
        if not await people.forget((await known(person_id, tenant_of(request))).id):
            raise _unknown(person_id)

    return api


async def _diarization(runtime: Runtime, recording: Recording) -> Diarization:
    told = recording.current.diarized
    if recording.outcome is None or told is None:
        detail = "Its speakers are not told apart, or not yet: wait until it is completed, or have it done by a replay."
        raise Problem(409, "no-speakers", "The recording has no speakers", detail)
    try:
        return Diarization.model_validate_json(await runtime.store.get(told.data.diarization_key))
    except (NotFound, ValidationError) as error:
        detail = "What is known of its voices is gone; a replay of diarize with force brings it back."
        raise Problem(409, "no-speakers", "The recording has no speakers", detail) from error


def _chosen(diarization: Diarization, speaker: str | None) -> SpeakerEmbedding:
    """Raises Problem 422: there is no such speaker, or too little to be recognised by."""
    there = {one.speaker: one for one in diarization.speakers}
    names = ", ".join(there) or "nobody"
    if speaker is None and len(there) != 1:
        detail = f"In this recording speak {names}: say which one of them is meant."
        raise Problem(422, "which-speaker", "Several people speak", detail)
    chosen = there.get(speaker) if speaker is not None else next(iter(there.values()))
    if chosen is None:
        raise Problem(422, "no-such-speaker", "There is no such speaker", f"In this recording speak {names}.")
    if not chosen.vector:
        detail = f"This recording was made by {model_of(diarization)}, which keeps no voices."
        raise Problem(422, "no-voice", "The voice is not known", detail)
    if chosen.speech_s < ENROL_S:
        detail = f"{chosen.speaker} speaks for {chosen.speech_s:.1f} s; {ENROL_S:g} s are needed to tell a voice again."
        raise Problem(422, "too-little-speech", "Too little speech", detail)
    return chosen


def _document(person: Person) -> PersonDocument:
    return PersonDocument(
        person=person.id,
        name=person.name,
        tenant=person.tenant,
        consent=person.consent,
        created_at=person.created_at,
        voices=[
            VoiceDocument(
                media_id=one.media_id,
                speaker=one.speaker,
                speech_s=one.speech_s,
                model=one.model,
                created_at=one.created_at,
            )
            for one in person.samples
        ],
        href=f"/v1/speakers/{person.id}",
    )


def _unknown(person_id: str) -> Problem:
    detail = f"There is no enrolled person {person_id}. GET /v1/speakers lists those there are."
    return Problem(404, "not-found", "Not found", detail)
