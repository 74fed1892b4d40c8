"""The results API over real HTTP, with the projection at work behind it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from polyvox import keys
from polyvox.contracts import Options, Transcript
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput
from tests.support.databases import Place
from tests.support.results import completed, is_problem, results, running
from tests.support.stages import Recording


async def test_an_accepted_upload_is_queued_before_its_event_is_seen(place: Place) -> None:
    recording = Recording(options=Options(language="de", metadata={"case": "17"}))
    async with results(place) as world, world.serving() as client:
        await recording.accept(world.store)
        shown = (await client.get(f"/v1/media/{recording.media_id}")).raise_for_status().json()
        assert (shown["status"], shown["progress"], shown["eta_s"]) == ("queued", 0.0, None)
        assert (shown["filename"], shown["language"]) == ("Meeting.wav", "de")
        assert shown["metadata"] == {"case": "17"}
        words = (await client.get(f"/v1/media/{recording.media_id}/transcript")).raise_for_status().json()
        assert (words["status"], words["text"]) == ("processing", "")


async def test_unknown_recordings_are_not_found(place: Place) -> None:
    async with results(place) as world, world.serving() as client:
        for path in ("", "/transcript", "/events", "/audio", "/peaks"):
            is_problem(await client.get(f"/v1/media/unknown-recording{path}"), 404, "not-found")
            for media_id in ("x", "..", "%2e%2e%2fupload", "ä" * 10, "x" * 65):
                assert (await client.get(f"/v1/media/{media_id}{path}")).status_code == 404
        is_problem(await client.delete("/v1/media/unknown-recording"), 404, "not-found")
        is_problem(await client.delete("/v1/media/x"), 404, "not-found")


async def test_status_follows_each_stage_and_part(place: Place) -> None:
    recording = Recording(parts=2)
    async with running(place) as (world, client):
        await recording.store_all(world.store)
        seen = []
        for message in recording.messages():
            await world.append([message])
            await world.handled()
            shown = (await client.get(f"/v1/media/{recording.media_id}")).json()
            seen.append((shown["status"], shown["progress"], [part["status"] for part in shown["parts"]]))
        assert seen == [
            ("queued", 0.0, []),
            ("processing", 0.1, ["running", "running"]),
            ("processing", 0.4, ["done", "running"]),
            ("processing", 0.7, ["done", "done"]),
            ("completed", 1.0, ["done", "done"]),
        ]
        assert shown["stages"]["diarize"]["engine"] == "pyannote"
        assert shown["version"] == 1
        assert shown["ended_at"] == "2026-03-01T12:00:04Z"
        assert shown["links"]["transcript"] == f"/v1/media/{recording.media_id}/transcript"


async def test_an_unchanged_status_is_not_sent_again(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        for path in (f"/v1/media/{recording.media_id}", f"/v1/media/{recording.media_id}/transcript"):
            first = await client.get(path)
            again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            other = await client.get(path, headers={"If-None-Match": '"something-else"'})
            assert other.status_code == 200
        assert first.headers["last-modified"] == "Sun, 01 Mar 2026 12:00:04 GMT"
        since = {"If-Modified-Since": first.headers["last-modified"]}
        assert (await client.get(path, headers=since)).status_code == 304


async def test_words_are_served_before_speakers_and_part_by_part(place: Place) -> None:
    recording = Recording(parts=2)
    upload, ready, first, second, diarized = recording.messages()
    async with running(place) as (world, client):
        path = f"/v1/media/{recording.media_id}/transcript"
        await recording.store_all(world.store)
        lengths = []
        etags = set()
        for messages in ([upload, ready], [second], [first]):
            await world.append(messages)
            await world.handled()
            response = await client.get(path)
            words = response.json()
            assert words["status"] == "processing"
            assert {segment["speaker"] for segment in words["segments"]} <= {None}
            lengths.append(len(words["text"].split()))
            etags.add(response.headers["etag"])
        assert lengths == [0, 20, 40]
        await world.append([diarized])
        await world.becomes("completed", recording.media_id)
        response = await client.get(path)
        assert response.json()["status"] == "completed"
        assert {segment["speaker"] for segment in response.json()["segments"]} == {"S1", "S2"}
        assert len(etags | {response.headers["etag"]}) == 4


async def test_what_many_ask_for_is_merged_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(parts=3)
    merges = []

    def counted(media: MergeInput) -> Transcript:
        merges.append(media.media_id)
        return merge(media)

    monkeypatch.setattr("results_api.http.transcripts.merge", counted)
    async with results(place) as world, world.serving() as client:
        await recording.store_all(world.store)
        for second, fact in enumerate(recording.facts[:-1]):
            await world.projection().handle(recording.event(fact, second))
        path = f"/v1/media/{recording.media_id}/transcript"
        answers = await asyncio.gather(*(client.get(path) for _ in range(16)))
        assert {len(answer.json()["text"].split()) for answer in answers} == {60}
        assert len(merges) == 1


FORMATS = {
    "json": ("application/json", '{"media_id"'),
    "text": ("text/plain", "[00:00:00.0 - 00:00:04.9] Speaker 1: The first"),
    "srt": ("application/x-subrip", "1\n00:00:00,000 --> "),
    "vtt": ("text/vtt", "WEBVTT\n"),
    "rttm": ("text/x-rttm", "SPEAKER "),
    "csv": ("text/csv", "start,end,speaker,text\r\n0.000,"),
    "tsv": ("text/tab-separated-values", "start\tend\tspeaker\ttext\n0\t"),
    "markdown": ("text/markdown", "# Transcript\n"),
    "textgrid": ("text/praat-textgrid", 'File type = "ooTextFile"\n'),
    "eaf": ("text/x-eaf+xml", "<?xml version"),
}


async def test_a_transcript_comes_in_the_form_asked_for(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        path = f"/v1/media/{recording.media_id}/transcript"
        for form, (media_type, beginning) in FORMATS.items():
            by_parameter = await client.get(path, params={"format": form}, headers={"Accept": "image/png"})
            by_header = await client.get(path, headers={"Accept": f"{media_type}, */*;q=0.1"})
            for response in (by_parameter, by_header):
                assert response.headers["content-type"].partition(";")[0] == media_type
                assert response.text.startswith(beginning)
                assert response.headers["vary"] == "Accept"
        refused = is_problem(await client.get(path, headers={"Accept": "image/png"}), 406, "not-acceptable")
        assert refused["formats"] == list(FORMATS)
        refused = is_problem(await client.get(path, params={"format": "docx"}), 400, "unknown-format")
        assert refused["formats"] == list(FORMATS)


async def test_a_failed_recording_has_a_reason_instead_of_a_transcript(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        reason = "The file is a video without a sound track."
        await world.append(recording.messages([recording.upload, recording.failed("normalise", reason=reason)]))
        await world.becomes("failed", recording.media_id)
        shown = (await client.get(f"/v1/media/{recording.media_id}")).json()
        assert shown["failure"] == {"stage": "normalise", "part": None, "code": "broken", "reason": reason}
        assert (shown["status"], shown["progress"], shown["eta_s"]) == ("failed", 1.0, 0.0)
        problem = is_problem(await client.get(f"/v1/media/{recording.media_id}/transcript"), 409, "recording-failed")
        assert reason in problem["detail"]
        (item,) = (await client.get("/v1/media", params={"status": "failed"})).json()["items"]
        assert item["failure"]["reason"] == reason


async def test_audio_is_sent_whole_and_in_pieces(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        path = f"/v1/media/{recording.media_id}/audio"
        await world.append(recording.messages()[:1])
        await world.handled()
        is_problem(await client.get(path), 404, "not-decoded")
        await completed(world, recording)
        audio = await world.store.get(keys.audio(recording.media_id))
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, audio)
        assert whole.headers["content-type"] == "audio/flac"
        assert whole.headers["accept-ranges"] == "bytes"
        for asked, start, end in (("0-0", 0, 1), ("10-19", 10, 20), ("990-", 990, 1000), ("-5", 995, 1000)):
            piece = await client.get(path, headers={"Range": f"bytes={asked}", "If-Range": whole.headers["etag"]})
            assert (piece.status_code, piece.content) == (206, audio[start:end])
            assert piece.headers["content-range"] == f"bytes {start}-{end - 1}/1000"
        stale = await client.get(path, headers={"Range": "bytes=0-0", "If-Range": '"old"'})
        assert (stale.status_code, len(stale.content)) == (200, 1000)
        beyond = await client.get(path, headers={"Range": "bytes=1000-"})
        is_problem(beyond, 416, "range-not-satisfiable")
        assert beyond.headers["content-range"] == "bytes */1000"
        head = await client.head(path)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "1000", b"")
        assert (await client.get(f"/v1/media/{recording.media_id}/peaks")).json() == {"peaks": [0, 1]}


async def test_head_is_answered_like_get_without_the_body(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        # Repeated events of its stages may still come in between, and each is another revision.
        await world.handled()
        path = f"/v1/media/{recording.media_id}"
        for url in (path, f"{path}/transcript", f"{path}/peaks"):
            got, asked = await client.get(url), await client.head(url)
            assert (asked.status_code, asked.content) == (200, b"")
            for header in ("etag", "content-type", "content-length"):
                assert asked.headers[header] == got.headers[header]
        # An endless answer ends at its headers, and the connection goes on.
        fresh = Recording()
        await world.append(fresh.messages()[:1])
        await world.becomes("queued", fresh.media_id)
        stream = await client.head(f"/v1/media/{fresh.media_id}/events")
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (await client.head("/v1/media/0123456789abcdef")).status_code == 404
        assert (await client.put(path)).headers["allow"] == "GET, HEAD, DELETE"


async def test_a_damaged_database_is_a_503(tmp_path: Path) -> None:
    recording = Recording()
    async with results(Place(tmp_path, None, lambda: None)) as world:
        # Before anybody has it open: who has goes on with the file that was there.
        world.runtime.settings.database_path.unlink()
        world.runtime.settings.database_path.mkdir()
        async with world.serving() as client:
            problem = is_problem(await client.get(f"/v1/media/{recording.media_id}"), 503, "unavailable")
        assert "database" not in json.dumps(problem)
