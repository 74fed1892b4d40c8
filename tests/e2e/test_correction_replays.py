"""Corrections outlive what made the words they are about: replays, late speakers, crashes, the loss of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from polyvox import keys
from polyvox.contracts import Envelope, MediaCompleted, PartWords, Transcript, TranscriptCorrected
from results_api.corrections.correcting import Correcting
from results_api.corrections.making import Asked, correction_of
from results_api.database.tables import metadata
from tests.support.databases import Place
from tests.support.results import Results, completed, results, running, until
from tests.support.stages import Recording

HEARD_ANEW = {" asks": " tasks", " answer": " ants", " long": " strong"}


async def transcript(client: httpx.AsyncClient, media_id: str, *, version: int) -> dict[str, Any]:
    """That version, when it is there."""

    async def is_there() -> bool:
        return bool((await client.get(f"/v1/media/{media_id}")).json()["version"] == version)

    await until(is_there, f"version {version}")
    found: dict[str, Any] = (await client.get(f"/v1/media/{media_id}/transcript")).json()
    return found


async def corrected(client: httpx.AsyncClient, media_id: str, **correction: Any) -> None:
    etag = (await client.get(f"/v1/media/{media_id}/transcript")).headers["ETag"]
    path = f"/v1/media/{media_id}/transcript"
    response = await client.patch(path, json=correction, headers={"If-Match": etag})
    assert response.status_code == 200, response.text


def heard_anew(recording: Recording, part: int) -> PartWords:
    """What another model hears: a little later, and some of it otherwise."""
    told = recording.words(part)
    words = [
        word.model_copy(
            update={
                "start_s": word.start_s + 0.06,
                "end_s": min(word.end_s + 0.06, told.end_s),
                "text": HEARD_ANEW.get(word.text, word.text),
            }
        )
        for word in told.words
    ]
    return told.model_copy(update={"words": words, "model": "small"})


async def test_a_replay_of_the_transcriber_keeps_what_people_said(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        before = await transcript(client, recording.media_id, version=1)
        texts = [segment["text"] for segment in before["segments"]]
        wrong = texts.index("The first speaker asks a question.")
        await corrected(
            client,
            recording.media_id,
            segments=[{"id": wrong, "text": "The first speaker, Ada, asks one question."}],
            speakers={"S2": "Ben"},
        )
        order = {"stage": "transcribe", "where": {"media_ids": [recording.media_id]}, "set": {"model": "small"}}
        replay = (await client.post("/v1/replays", json=order)).json()["replay_id"]
        facts = []
        for part in range(recording.parts):
            body = heard_anew(recording, part).model_dump_json().encode()
            await world.store.put(keys.words(recording.media_id, part, "c" * 12), body)
            facts.append(recording.transcribed(part, "c" * 12).model_copy(update={"replay": replay, "model": "small"}))
        await world.append(recording.messages(facts))
        after = await transcript(client, recording.media_id, version=3)

        assert after["versions"]["replay-transcribe"] == replay
        (by_ada,) = [segment for segment in after["segments"] if segment["correction"]]
        assert by_ada["text"] == "The first speaker, Ada, asks one question."
        assert abs(by_ada["start"] - before["segments"][wrong]["start"]) < 0.2
        assert "The first speaker tasks a question." in [segment["text"] for segment in after["segments"]]
        assert ([one["label"] for one in after["speakers"]], after["unplaced"]) == (["Speaker 1", "Ben"], [])
        await world.handled()
        told = {event.data.version: event.data.corrections for event in await world.told(MediaCompleted)}
        assert told == {1: None, 2: 1, 3: 1}


async def test_speakers_that_come_late_or_anew_find_their_names_and_the_corrected_words(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await recording.store_all(world.store)
        failed = recording.failed("diarize", reason="It took too long.")
        await world.append(recording.messages([failed, *recording.facts[:-1]]))
        before = await transcript(client, recording.media_id, version=1)
        await corrected(client, recording.media_id, segments=[{"id": 0, "text": "The first speaker asks Ada."}])
        await world.append([recording.message(recording.diarized(), 30)])
        late = await transcript(client, recording.media_id, version=3)
        assert late["segments"][0]["text"] == "The first speaker asks Ada."
        assert (before["segments"][0]["speaker"], late["segments"][0]["speaker"]) == (None, "S1")
        await corrected(client, recording.media_id, speakers={"S1": "Cara", "S2": "Dan"})

        # Told apart once more, with their ids the other way round and a third of whom nobody knows.
        told = recording.diarization()
        other = {"S1": "S2", "S2": "S1"}
        turns = [turn.model_copy(update={"speaker": other[turn.speaker]}) for turn in told.turns]
        turns[-1] = turns[-1].model_copy(update={"speaker": "S3"})
        body = told.model_copy(update={"turns": turns, "exclusive_turns": turns}).model_dump_json().encode()
        await world.store.put(keys.diarization(recording.media_id, "d" * 12), body)
        await world.append([recording.message(recording.diarized("d" * 12), 60)])
        anew = await transcript(client, recording.media_id, version=5)
        assert {one["id"]: one["label"] for one in anew["speakers"]} == {"S1": "Dan", "S2": "Cara", "S3": "Speaker 3"}
        assert anew["segments"][0]["text"] == "The first speaker asks Ada."
        assert anew["unplaced"] == []


async def test_what_fits_no_longer_is_reported_and_comes_back_with_its_words(place: Place) -> None:
    recording = Recording(parts=1)
    async with running(place) as (world, client):
        await completed(world, recording)
        await corrected(client, recording.media_id, segments=[{"id": 0, "text": "One."}])
        told = recording.words(0)
        other = [
            word.model_copy(update={"text": f" other{n}", "start_s": n * 1.0, "end_s": n + 0.9})
            for n, word in enumerate(told.words[:10])
        ]
        await world.store.put(
            keys.words(recording.media_id, 0, "c" * 12),
            told.model_copy(update={"words": other}).model_dump_json().encode(),
        )
        await world.append([recording.message(recording.transcribed(0, "c" * 12), 30)])
        lost = await transcript(client, recording.media_id, version=3)
        assert [(one["reason"], one["after"]) for one in lost["unplaced"]] == [("other-words", "One.")]
        assert "One." not in lost["text"]
        (item,) = (await client.get(f"/v1/media/{recording.media_id}/transcript/corrections")).json()["items"]
        assert (item["state"], [one["placed"] for one in item["segments"]]) == ("published", [False])
        await world.append([recording.message(recording.transcribed(0), 60)])
        found = await transcript(client, recording.media_id, version=4)
        assert (found["segments"][0]["text"], found["unplaced"]) == ("One.", [])


async def test_a_database_made_anew_from_the_log_has_all_corrections(place: Place) -> None:
    recording = Recording()
    async with results(place) as world:
        async with world.projecting(), world.serving() as client:
            await completed(world, recording)
            await corrected(client, recording.media_id, segments=[{"id": 0, "text": "One."}])
            await corrected(client, recording.media_id, segments=[{"id": 0, "text": "Two."}], speakers={"S1": "Ada"})
            gone = await corrected_and_taken_back(client, recording.media_id)
            before = (await client.get(f"/v1/media/{recording.media_id}/transcript")).json()
        async with world.database.engine.begin() as connection:
            for table in metadata.sorted_tables:
                await connection.execute(sa.delete(table))
        # Whoever reads the log from its beginning, in whatever order.
        projection = world.projection()
        for fact in (TranscriptCorrected, *map(type, recording.facts)):
            told: list[Envelope[Any]] = list(await world.told(fact))
            for event in told:
                await projection.handle(event)
        async with world.serving() as client:
            after = (await client.get(f"/v1/media/{recording.media_id}/transcript")).json()
            assert (after["segments"], after["speakers"]) == (before["segments"], before["speakers"])
            items = (await client.get(f"/v1/media/{recording.media_id}/transcript/corrections")).json()["items"]
            assert [item["state"] for item in items] == ["taken-back", "published", "published"]
            assert items[0]["correction_id"] == gone
        async with world.projecting("another"), world.serving() as client:
            # And can be corrected further.
            await corrected(client, recording.media_id, segments=[{"id": 0, "text": "Three."}])


async def corrected_and_taken_back(client: httpx.AsyncClient, media_id: str) -> str:
    await corrected(client, media_id, segments=[{"id": 1, "text": "Nobody said this."}])
    items = (await client.get(f"/v1/media/{media_id}/transcript/corrections")).json()["items"]
    assert (await client.delete(items[0]["href"])).status_code == 200
    return str(items[0]["correction_id"])


async def test_a_correction_that_a_crash_kept_from_the_log_is_told_by_the_sweep(tmp_path: Path) -> None:
    recording = Recording(parts=1)
    async with running(Place(tmp_path, None, lambda: None)) as (world, client):
        await completed(world, recording)
        now = await transcript(client, recording.media_id, version=1)
    async with results(Place(tmp_path, None, lambda: None)) as world:
        await crash_before_telling(world, recording, now)
        assert await world.told(TranscriptCorrected) == []
        projection = world.projection()
        await projection.sweep()
        recorded = await world.database.get(recording.media_id)
        assert recorded is not None
        assert recorded.outcome is not None
        assert recorded.outcome.version == 1
        # It is younger than what a sweep takes for left over.
        async with world.database.engine.begin() as connection:
            await connection.execute(sa.text("UPDATE plans SET planned_at_us = 0"))
        await projection.sweep()
        assert [event.data.version for event in await world.told(TranscriptCorrected)] == [1]
        assert [event.data.version for event in await world.told(MediaCompleted)] == [1, 2]


class Died(Exception):
    """A process, between the database and the log."""


class Dying:
    async def publish(self, *_facts: Any) -> None:
        raise Died


async def crash_before_telling(world: Results, recording: Recording, now: dict[str, Any]) -> None:
    """A correction is taken in by a process that dies before the log has it."""
    correcting = Correcting(world.database, world.store, Dying(), world.runtime.clock)  # type: ignore[arg-type]
    correction = correction_of("0" * 26, Transcript.model_validate(now), Asked({0: "One."}))
    with pytest.raises(Died):
        await correcting.correct(correction, 1)
