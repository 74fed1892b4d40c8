"""Corrections over REST, on both databases: a new version that everybody sees, once for each version looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from polyvox import keys
from polyvox.contracts import MediaCompleted, SegmentPublished, TranscriptCorrected
from tests.support.databases import Place
from tests.support.results import Results, completed, distinct, is_problem, running
from tests.support.stages import Recording


async def looked_at(client: httpx.AsyncClient, media_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The transcript, and the headers of a correction of it."""
    response = await client.get(f"/v1/media/{media_id}/transcript")
    return response.json(), {"If-Match": response.headers["ETag"]}


async def corrected(client: httpx.AsyncClient, media_id: str, **correction: Any) -> dict[str, Any]:
    """As somebody who looked at what is there; returns what became of it."""
    _, headers = await looked_at(client, media_id)
    response = await client.patch(f"/v1/media/{media_id}/transcript", json=correction, headers=headers)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


async def history(client: httpx.AsyncClient, media_id: str, **params: Any) -> list[dict[str, Any]]:
    response = await client.get(f"/v1/media/{media_id}/transcript/corrections", params=params)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_correction_is_in_every_form_in_search_and_on_the_log(place: Place) -> None:
    recording = Recording()
    path = f"/v1/media/{recording.media_id}/transcript"
    async with running(place) as (world, client):
        await completed(world, recording)
        before, headers = await looked_at(client, recording.media_id)
        first, removed = before["segments"][0], before["segments"][1]
        wanted = {
            "segments": [{"id": 0, "text": " The  Zurich speaker\nasks a question. "}, {"id": 1, "text": ""}],
            "speakers": {"Speaker 1": "Ada Example"},
            "author": "ada",
        }
        response = await client.patch(path, json=wanted, headers=headers)
        assert response.status_code == 200, response.text
        document = response.json()
        after, latest = await looked_at(client, recording.media_id)
        assert response.headers["ETag"] == latest["If-Match"] != headers["If-Match"]
        assert (document["state"], document["version"], document["author"]) == ("published", 1, "ada")

        text = "The Zurich speaker asks a question."
        assert (after["segments"][0]["text"], after["segments"][0]["correction"]) == (text, document["correction_id"])
        assert [segment["id"] for segment in after["segments"]] == list(range(len(before["segments"]) - 1))
        assert removed["text"] != after["segments"][1]["text"] == before["segments"][2]["text"]
        assert after["text"].startswith(text)
        heard = {word["word"]: word for word in first["words"]}
        assert [bool(word["spread"]) for word in after["segments"][0]["words"]] == [
            word["word"] not in heard for word in after["segments"][0]["words"]
        ]
        assert after["segments"][0]["words"][-1]["start"] == first["words"][-1]["start"]
        assert (after["speakers"][0]["label"], after["speakers"][0]["name"]) == ("Ada Example", "Ada Example")
        assert (after["unplaced"], after["versions"]["result"]) == ([], "2")

        for form in ("text", "srt", "vtt", "csv", "tsv", "markdown", "textgrid", "eaf"):
            body = (await client.get(path, params={"format": form, "max_line_length": 200})).text
            assert "Zurich" in body, form
            assert "Ada Example" in body, form
        assert "Ada_Example" in (await client.get(path, params={"format": "rttm"})).text
        (hit,) = (await client.get("/v1/search", params={"q": "zurich", "speaker": "ada example"})).json()["items"]
        assert (hit["segment"], hit["speaker_label"]) == (0, "Ada Example")

        await world.handled()
        told = [event.data for event in await world.told(SegmentPublished) if event.data.version == 2]
        assert (told[0].segment.text, told[0].speaker_label) == (text, "Ada Example")
        ended = {event.data.version: event.data for event in await world.told(MediaCompleted)}
        assert {version: fact.corrections for version, fact in ended.items()} == {1: None, 2: 1}
        assert len(distinct(await world.told(MediaCompleted))[recording.media_id]) == 2


async def test_of_two_who_looked_at_one_version_only_one_comes_through(place: Place) -> None:
    recording = Recording(parts=1)
    path = f"/v1/media/{recording.media_id}/transcript"
    async with running(place) as (world, client):
        await completed(world, recording)
        before, headers = await looked_at(client, recording.media_id)
        answers = await asyncio.gather(
            *(
                client.patch(path, json={"segments": [{"id": 0, "text": text}]}, headers=headers)
                for text in ("This.", "That.", "Another.", "That.")
            )
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 412, 412, 412], [200, 200, 412, 412])
        for answer in answers:
            if answer.status_code == 412:
                is_problem(answer, 412, "overtaken")
        after, latest = await looked_at(client, recording.media_id)
        accepted = next(answer.json() for answer in answers if answer.status_code == 200)
        assert after["segments"][0]["text"] == accepted["segments"][0]["after"] != before["segments"][0]["text"]

        # The same once more, as a client does that got no answer: nothing new.
        again = {"segments": [{"id": 0.0, "text": accepted["segments"][0]["after"]}]}
        repeated = await client.patch(path, json=again, headers=headers)
        assert (repeated.status_code, repeated.json()["correction_id"]) == (200, accepted["correction_id"])
        assert (await looked_at(client, recording.media_id))[1] == latest
        assert len(await history(client, recording.media_id)) == 1
        await world.handled()
        assert len({event.id for event in await world.told(TranscriptCorrected)}) == 1
        stored = [name async for name in names(world, recording.media_id)]
        assert stored == [accepted["correction_id"]]


async def names(world: Results, media_id: str) -> Any:
    async for info in world.store.list(keys.corrections(media_id)):
        yield info.key.removeprefix(keys.corrections(media_id)).removesuffix(".json")


async def test_the_history_tells_all_and_what_is_taken_back_is_as_it_was(place: Place) -> None:
    recording = Recording()
    path = f"/v1/media/{recording.media_id}/transcript"
    async with running(place) as (world, client):
        await completed(world, recording)
        original, _ = await looked_at(client, recording.media_id)
        first = await corrected(client, recording.media_id, segments=[{"id": 0, "text": "One."}], author="ada")
        second = await corrected(client, recording.media_id, segments=[{"id": 0, "text": "Two."}])
        third = await corrected(client, recording.media_id, speakers={"S2": "Ben"})
        items = await history(client, recording.media_id)
        assert [item["correction_id"] for item in items] == [one["correction_id"] for one in (third, second, first)]
        assert (items[1]["segments"][0]["before"], items[1]["segments"][0]["after"]) == ("One.", "Two.")
        assert items[0]["speakers"] == [{"speaker": "S2", "name": "Ben", "placed": True}]
        page = (await client.get(f"{path}/corrections", params={"limit": 2})).json()
        rest = await history(client, recording.media_id, cursor=page["next_cursor"])
        assert [item["correction_id"] for item in rest] == [first["correction_id"]]

        for taken, text in ((second, "One."), (first, original["segments"][0]["text"])):
            response = await client.delete(taken["href"])
            assert (response.status_code, response.json()["state"]) == (200, "taken-back")
            now, _ = await looked_at(client, recording.media_id)
            assert now["segments"][0]["text"] == text
        assert now["segments"] == original["segments"]
        assert [speaker["label"] for speaker in now["speakers"]] == ["Speaker 1", "Ben"]
        assert (await client.delete(second["href"])).status_code == 200
        assert [item["state"] for item in await history(client, recording.media_id)] == [
            *("published", "taken-back", "taken-back"),
        ]
        await corrected(client, recording.media_id, speakers={"Ben": None})
        last, _ = await looked_at(client, recording.media_id)
        assert (last["speakers"], last["versions"]["result"]) == (original["speakers"], "7")

        assert (await client.delete(f"/v1/media/{recording.media_id}")).status_code == 204
        assert await world.objects(recording.media_id) == []
        is_problem(await client.get(f"{path}/corrections"), 410, "deleted")
        is_problem(await client.delete(first["href"]), 410, "deleted")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"segments": [{"id": 999, "text": "Hm."}]}, "no-such-segment"),
    ({"segments": [{"id": 0, "text": "a"}, {"id": 0, "text": "b"}]}, "named-twice"),
    ({"segments": [{"id": 0, "text": "a\u0000b"}]}, "bad-text"),
    ({"segments": [{"id": 0, "text": "a" * 10_001}]}, "invalid-request"),
    ({"segments": [{"id": 0}]}, "invalid-request"),
    ({"text": "Hello."}, "invalid-request"),
    ({"speakers": {"S9": "Ada"}}, "no-such-speaker"),
    ({"speakers": {"unknown": "Ada"}}, "no-such-speaker"),
    ({"speakers": {"S1": "  "}}, "bad-name"),
    ({"speakers": {"S1": "Ada", "Speaker 1": "Ben"}}, "named-twice"),
    ({"speakers": {"S1": None}}, "nothing-to-correct"),
    ({}, "nothing-to-correct"),
]


async def test_what_cannot_be_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    recording = Recording(parts=1)
    async with running(Place(tmp_path, None, lambda: None)) as (world, client):
        await completed(world, recording)
        _, headers = await looked_at(client, recording.media_id)
        for correction, code in REFUSED:
            path = f"/v1/media/{recording.media_id}/transcript"
            problem = is_problem(await client.patch(path, json=correction, headers=headers), 422, code)
            assert problem["detail"], correction
        assert [name async for name in names(world, recording.media_id)] == []
        assert (await looked_at(client, recording.media_id))[1] == headers


async def test_what_is_not_finished_or_not_named_is_not_corrected(place: Place) -> None:
    recording, waiting = Recording(parts=1), Recording(parts=2)
    async with running(place) as (world, client):
        await completed(world, recording)
        await waiting.store_all(world.store)
        await world.append(waiting.messages(waiting.facts[:3]))
        await world.handled()
        wanted: dict[str, Any] = {"json": {"segments": [{"id": 0, "text": "One."}]}}
        path = f"/v1/media/{recording.media_id}/transcript"
        is_problem(await client.patch(path, **wanted), 428, "precondition-required")
        stale = {"If-Match": '"v9.0123456789ab.json"'}
        assert is_problem(await client.patch(path, **wanted, headers=stale), 412, "overtaken")["version"] == 1
        anyway = {"If-Match": "*"}
        is_problem(
            await client.patch(f"/v1/media/{waiting.media_id}/transcript", **wanted, headers=anyway),
            409,
            "not-finished",
        )
        is_problem(
            await client.patch("/v1/media/no-such-recording/transcript", **wanted, headers=anyway), 404, "not-found"
        )
        is_problem(await client.delete(f"{path}/corrections/{'0' * 26}"), 404, "not-found")
        # The ETag of another format names the same version.
        etag = (await client.get(path, params={"format": "srt"})).headers["ETag"]
        assert (await client.patch(path, **wanted, headers={"If-Match": f"W/{etag}"})).status_code == 200
