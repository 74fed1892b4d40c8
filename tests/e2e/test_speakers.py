"""The same person across recordings, on both databases: enrolled, recognised, forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyvox import keys
from polyvox.client import AsyncClient
from polyvox.contracts import SegmentPublished
from polyvox.publish import Publisher
from results_api.people.forgetting import Forgetting
from results_api.people.naming import Naming
from results_api.projection.publication import Publication
from tests.support.command import polyvox
from tests.support.databases import Place
from tests.support.results import Results, completed, is_problem, results
from tests.support.voiced import ANNA, BEN, STRANGER, Recognising, Voiced

CONSENT = "signed on paper, 2026-03-01"


@pytest.fixture
async def world(place: Place) -> AsyncIterator[Results]:
    recognising = Recognising(place.data_dir, place.database, place.another)
    async with results(recognising) as world, world.projecting():
        yield world


async def enrolled(client: httpx.AsyncClient, recording: Voiced, speaker: str = "S1", name: str = "Anna") -> Any:
    wanted = {"name": name, "media_id": recording.media_id, "speaker": speaker, "consent": CONSENT}
    answer = await client.post("/v1/speakers", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def labels(client: httpx.AsyncClient, recording: Voiced) -> list[str]:
    transcript = (await client.get(f"/v1/media/{recording.media_id}/transcript")).raise_for_status().json()
    return [speaker["label"] for speaker in transcript["speakers"]]


async def forgotten(world: Results) -> int:
    """What the projection does every some seconds."""
    naming = Naming.of(world.runtime.settings, world.database)
    publisher = Publisher(world.runtime.log, world.runtime.clock, "/tests")
    publication = Publication(world.database, world.store, publisher, world.runtime.clock, naming=naming)
    return await Forgetting(naming.people, world.database, publication, world.runtime.clock, mine=lambda: True).some()


async def test_an_enrolled_person_has_a_name_until_they_are_forgotten(
    world: Results, client: httpx.AsyncClient
) -> None:
    first = Voiced()
    await completed(world, first)
    assert await labels(client, first) == ["Speaker 1", "Speaker 2"]

    anna = await enrolled(client, first)
    assert (anna["name"], anna["tenant"], anna["consent"]) == ("Anna", "acme", CONSENT)
    assert [voice["speech_s"] for voice in anna["voices"]] == [30.0]
    assert "vector" not in str(anna)
    assert await labels(client, first) == ["Anna", "Speaker 2"]

    later = Voiced(voices=(STRANGER, (0.9, 0.3, 0.2)))
    others = (Voiced(tenant="other"), Voiced(model="another"), Voiced(voices=(ANNA, BEN), speech_s=4.0))
    await completed(world, later, *others)
    assert await labels(client, later) == ["Speaker 1", "Anna"]
    for other in others:
        assert await labels(client, other) == ["Speaker 1", "Speaker 2"]
    document = (await client.get(f"/v1/media/{later.media_id}/transcript")).json()
    assert [speaker.get("person") for speaker in document["speakers"]] == [None, anna["person"]]
    for form, name in (("text", "] Anna: "), ("srt", "Anna: "), ("vtt", "<v Anna>"), ("csv", ",Anna,")):
        assert name in (await client.get(f"/v1/media/{later.media_id}/transcript", params={"format": form})).text
    told = {message.data.speaker_label for message in await world.told(SegmentPublished)}
    assert told == {"Speaker 1", "Speaker 2", "Anna"}

    assert (await client.delete(f"/v1/speakers/{anna['person']}")).status_code == 204
    assert (await client.get("/v1/speakers")).json() == {"items": []}
    assert await forgotten(world) == 2
    assert await forgotten(world) == 0
    for recording, version in ((first, 3), (later, 2)):
        assert await labels(client, recording) == ["Speaker 1", "Speaker 2"]
        results_kept = [key for key in await world.objects(recording.media_id) if "result" in key]
        bodies = [await world.store.get(key) for key in results_kept]
        assert keys.result(recording.media_id, version) in results_kept
        assert not any(b"Anna" in body for body in bodies)
    is_problem(await client.delete(f"/v1/speakers/{anna['person']}"), 404, "not-found")


async def test_one_more_voice_counts_for_the_same_person(world: Results, client: httpx.AsyncClient) -> None:
    first, second = Voiced(voices=(ANNA,)), Voiced(voices=((0.2, 0.0, 1.0),))
    await completed(world, first, second)
    one = await enrolled(client, first)
    two = await enrolled(client, second)
    again = await enrolled(client, second)
    assert one["person"] == two["person"] == again["person"]
    assert len(again["voices"]) == 2
    between = Voiced(voices=((0.7, 0.0, 0.7),))
    await completed(world, between)
    assert await labels(client, between) == ["Anna"]


async def test_what_cannot_be_enrolled_is_refused_with_what_to_do(world: Results, client: httpx.AsyncClient) -> None:
    two, brief, other = Voiced(), Voiced(speech_s=9.0), Voiced(tenant="other")
    silent = Voiced(voices=((), BEN))
    await completed(world, two, brief, other, silent)

    async def refused(recording: Voiced, status: int, code: str, **wanted: str) -> str:
        body = {"name": "Anna", "media_id": recording.media_id, "consent": CONSENT, **wanted}
        return str(is_problem(await client.post("/v1/speakers", json=body), status, code)["detail"])

    assert "S1, S2" in await refused(two, 422, "which-speaker")
    assert "S1, S2" in await refused(two, 422, "no-such-speaker", speaker="S9")
    assert "9.0 s; 10 s" in await refused(brief, 422, "too-little-speech", speaker="S1")
    assert "POLYVOX_RECOGNISE_SPEAKERS" in await refused(other, 409, "recognition-off", speaker="S1")
    await refused(silent, 422, "no-voice", speaker="S1")
    await refused(two, 404, "not-found", media_id="nowhere-to-be-found")
    for wanted in ({"name": " "}, {"consent": ""}, {"name": "A\nB"}):
        answer = await client.post(
            "/v1/speakers", json={"name": "A", "media_id": two.media_id, "consent": CONSENT, **wanted}
        )
        assert answer.status_code == 422
    assert (await client.get("/v1/speakers")).json() == {"items": []}


async def test_the_command_line_enrols_lists_and_forgets(
    world: Results, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    first = Voiced()
    await completed(world, first)

    async def run(*arguments: str, status: int = 0) -> str:
        server = ("--server", str(client.base_url))
        done = await asyncio.to_thread(polyvox, "speakers", *arguments, *server, cwd=tmp_path)
        assert done.status == status, done
        return done.out + done.err

    consent = ("--consent", CONSENT)
    assert "give either" in await run("enroll", "Anna", *consent, status=2)
    said = await run("enroll", "Anna", "--media", first.media_id, "--speaker", "S1", *consent)
    assert said.startswith("Anna  ") and said.endswith("30 s of speech in 1 recordings\n")
    assert CONSENT in await run("list")
    person = json.loads(await run("list", "--json"))
    async with AsyncClient(str(client.base_url)) as other:
        assert await other.speakers.all() == [person]
    assert "nobody called Ben" in await run("forget", "Ben", status=1)
    assert await run("forget", "Anna") == "Anna is forgotten.\n"
    assert "Nobody is enrolled" in await run("list")
