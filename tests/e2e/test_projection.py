"""The projection on the real log, store and database: whatever happens, one result, and the right one."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from polyvox import keys
from polyvox.contracts import (
    MediaCompleted,
    MediaDeleted,
    MediaFailed,
    Options,
    SegmentPublished,
    Transcript,
)
from results_api.projection import publication
from tests.support.databases import Place
from tests.support.results import Results, distinct, results
from tests.support.stages import START, Recording


async def result_of(world: Results, recording: Recording, version: int = 1) -> Transcript:
    return Transcript.model_validate_json(await world.store.get(keys.result(recording.media_id, version)))


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_and_repetition_of_events_gives_one_and_the_same_result(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    recordings = [Recording(parts=1 + n % 4, uploaded_at=START + timedelta(seconds=n)) for n in range(8)]
    async with results(place) as world:
        expected = {}
        for recording in recordings:
            await recording.store_all(world.store)
        messages = [message for recording in recordings for message in recording.messages()]
        messages += chance.sample(messages, len(messages) // 2)
        chance.shuffle(messages)
        async with AsyncExitStack() as stack:
            for member in ("projection-0", "projection-1"):
                await stack.enter_async_context(world.projecting(member))
            for start in range(0, len(messages), 7):
                await world.append(messages[start : start + 7])
            await world.becomes("completed", *(recording.media_id for recording in recordings))
            await world.handled()
        for recording in recordings:
            expected[recording.media_id] = await world.store.get(keys.result(recording.media_id, 1))
            assert [one.media_id for one in await world.database.plans(recording.media_id)] == []
        completed = await world.told(MediaCompleted)
        assert {media_id: len(ids) for media_id, ids in distinct(completed).items()} == {
            recording.media_id: 1 for recording in recordings
        }
        assert not await world.told(MediaFailed)

    async with results(place.beside("in order")) as world:
        for recording in recordings:
            await recording.store_all(world.store)
            projection = world.projection()
            for second, fact in enumerate(recording.facts):
                await projection.handle(recording.event(fact, second))
            assert await world.store.get(keys.result(recording.media_id, 1)) == expected[recording.media_id]


async def test_segments_are_told_in_order_and_before_the_completion(place: Place) -> None:
    recording = Recording(parts=3, options=Options(metadata={"case": "17"}))
    async with results(place) as world, world.projecting():
        await recording.store_all(world.store)
        await world.append(recording.messages())
        await world.becomes("completed", recording.media_id)
        transcript = await result_of(world, recording)
        segments = [envelope.data for envelope in await world.told(SegmentPublished)]
        (completed,) = [envelope.data for envelope in await world.told(MediaCompleted)]
    assert [one.segment for one in segments] == transcript.segments
    assert {one.speaker_label for one in segments} == {"Speaker 1", "Speaker 2"}
    assert completed.segment_count == len(segments) == segments[0].segment_count
    assert completed.word_count == 60
    assert completed.speaker_count == 2
    assert completed.metadata == {"case": "17"}
    assert completed.result_key == keys.result(recording.media_id, 1)
    assert completed.completed_at == START + timedelta(seconds=len(recording.facts) - 1)


async def test_a_failed_diarization_does_not_withhold_the_words(place: Place) -> None:
    recording = Recording()
    async with results(place) as world, world.projecting():
        await recording.transcribe(world.store)
        failed = recording.failed("diarize", reason="The model does not fit into memory.")
        await world.append(recording.messages([failed, *recording.facts[:-1]]))
        await world.becomes("completed", recording.media_id)
        transcript = await result_of(world, recording)
    assert transcript.stages["diarize"].status == "failed"
    assert transcript.stages["diarize"].reason == "The model does not fit into memory."
    assert {word.speaker for segment in transcript.segments for word in segment.words} == {None}
    assert len(transcript.text.split()) == 40


async def test_an_upload_that_asks_for_no_speakers_does_not_wait_for_them(place: Place) -> None:
    recording = Recording(options=Options(diarize=False))
    async with results(place) as world, world.projecting():
        await recording.transcribe(world.store)
        await world.append(recording.messages(recording.facts[:-1]))
        await world.becomes("completed", recording.media_id)
        assert (await result_of(world, recording)).stages["diarize"].status == "skipped"


async def test_what_cannot_be_decoded_fails_with_its_reason(place: Place) -> None:
    recording = Recording(options=Options(metadata={"case": "17"}))
    async with results(place) as world, world.projecting():
        reason = "The file is a video without a sound track."
        await world.append(recording.messages([recording.upload, recording.failed("normalise", reason=reason)]))
        await world.becomes("failed", recording.media_id)
        (failed,) = [envelope.data for envelope in await world.told(MediaFailed)]
        assert not await world.told(MediaCompleted)
    assert (failed.stage, failed.code, failed.reason) == ("normalise", "broken", reason)
    assert failed.metadata == {"case": "17"}
    assert failed.failed_at == START + timedelta(seconds=1)


async def test_success_after_a_failure_makes_the_next_version(place: Place) -> None:
    recording = Recording()
    async with results(place) as world, world.projecting():
        await recording.store_all(world.store)
        await world.append(recording.messages([recording.upload, recording.failed("normalise")]))
        await world.becomes("failed", recording.media_id)
        await world.append(recording.messages()[1:2])
        await world.becomes("processing", recording.media_id)
        await world.append(recording.messages()[2:])
        await world.becomes("completed", recording.media_id)
        assert len(distinct(await world.told(MediaFailed))[recording.media_id]) == 1
        assert [envelope.data.version for envelope in await world.told(MediaCompleted)] == [2]
        assert (await result_of(world, recording, 2)).status == "completed"


async def test_another_diarization_makes_the_next_version_and_keeps_the_first(place: Place) -> None:
    recording = Recording()
    async with results(place) as world, world.projecting():
        await recording.store_all(world.store)
        await world.append(recording.messages())
        await world.becomes("completed", recording.media_id)
        await recording.diarize(world.store, speakers=1, options_hash="c" * 12)
        await world.append([recording.message(recording.diarized("c" * 12), 60)] * 2)
        await world.handled()
        assert len((await result_of(world, recording, 1)).speakers) == 2
        assert len((await result_of(world, recording, 2)).speakers) == 1
        told = {envelope.id: envelope.data.version for envelope in await world.told(MediaCompleted)}
        assert sorted(told.values()) == [1, 2]
        assert await world.status(recording.media_id) == "completed"


async def test_lost_words_fail_with_a_reason_and_a_replay_makes_up_for_it(place: Place) -> None:
    recording = Recording(parts=1)
    async with results(place) as world, world.projecting():
        await recording.diarize(world.store)
        await world.append(recording.messages())
        await world.becomes("failed", recording.media_id)
        (failed,) = [envelope.data for envelope in await world.told(MediaFailed)]
        assert failed.code == "artifact-lost"
        assert "gone or damaged" in failed.reason

        await recording.transcribe(world.store)
        await world.handled()
        await world.append([recording.message(recording.transcribed(0), 2)])
        await world.becomes("completed", recording.media_id)
        assert [envelope.data.version for envelope in await world.told(MediaCompleted)] == [2]


@pytest.mark.parametrize("damage", ["gone", "damaged"])
async def test_a_lost_diarization_costs_the_speakers_and_not_the_words(place: Place, damage: str) -> None:
    recording = Recording()
    async with results(place) as world, world.projecting():
        await recording.transcribe(world.store)
        if damage == "damaged":
            await world.store.put(keys.diarization(recording.media_id, "b" * 12), b'{"turns": ')
        await world.append(recording.messages())
        await world.becomes("completed", recording.media_id)
        transcript = await result_of(world, recording)
    assert transcript.stages["diarize"].status == "failed"
    assert transcript.stages["diarize"].reason is not None
    assert len(transcript.text.split()) == 40


async def test_parts_that_cannot_be_merged_fail_instead_of_waiting_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_media: Any) -> Transcript:
        raise KeyError("a bug")

    monkeypatch.setattr(publication, "merge", broken)
    recording = Recording()
    async with results(place) as world, world.projecting():
        await recording.store_all(world.store)
        await world.append(recording.messages())
        await world.becomes("failed", recording.media_id)
        (failed,) = [envelope.data for envelope in await world.told(MediaFailed)]
    assert (failed.stage, failed.code) == ("merge", "merge-failed")


async def test_what_late_workers_write_for_a_deleted_recording_is_removed(place: Place) -> None:
    recording = Recording()
    async with results(place) as world, world.projecting():
        deleted = MediaDeleted(media_id=recording.media_id, deleted_at=START)
        await world.append([recording.message(recording.upload), recording.message(deleted, 1)])
        await world.becomes("deleted", recording.media_id)
        await world.handled()
        await recording.store_all(world.store)
        await world.append(recording.messages()[1:])
        await world.handled()
        assert await world.objects(recording.media_id) == []
        assert not await world.told(MediaCompleted)
        assert not await world.told(SegmentPublished)
        assert await world.status(recording.media_id) == "deleted"


async def test_the_sweep_finishes_what_was_left_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an outage of the log at the worst moments."""
    left, deleted = Recording(), Recording(uploaded_at=START + timedelta(seconds=1))
    async with results(place) as world:
        projection = world.projection()
        await left.store_all(world.store)
        await deleted.store_all(world.store)
        for recording in (left, deleted):
            for second, fact in enumerate(recording.facts[:-1]):
                await projection.handle(recording.event(fact, second))

        async def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(publication.Publication, "_carry_out", killed)
            with pytest.raises(KeyboardInterrupt):
                await projection.handle(left.event(left.facts[-1], 9))
            patch.setattr("results_api.projection.deletion.purge", killed)
            with pytest.raises(KeyboardInterrupt):
                await projection.deletion.delete(deleted.media_id)
        monkeypatch.setattr("results_api.projection.projection.SWEEP_AGE", timedelta(seconds=-1))
        await projection.sweep()
        assert await world.status(left.media_id) == "completed"
        assert len(await world.told(MediaCompleted)) == 1
        assert await world.objects(deleted.media_id) == []
        assert len(await world.told(MediaDeleted)) == 1
        await projection.sweep()
        assert len(await world.told(MediaCompleted)) + len(await world.told(MediaDeleted)) == 2
