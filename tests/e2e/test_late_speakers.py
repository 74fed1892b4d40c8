"""Words do not wait for ever for their speakers, and get them when they come after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from polyvox import keys
from polyvox.contracts import MediaCompleted, ReplayRequested, StageFailed, Transcript
from tests.support.databases import Place
from tests.support.results import Results, results
from tests.support.stages import START, Recording


async def result_of(world: Results, recording: Recording, version: int) -> Transcript:
    return Transcript.model_validate_json(await world.store.get(keys.result(recording.media_id, version)))


async def test_words_wait_so_long_for_speakers_who_make_the_next_version_when_they_come(place: Place) -> None:
    silent, unfinished = Recording(), Recording(parts=2, uploaded_at=START + timedelta(seconds=1))
    async with results(place) as world, world.projecting():
        for recording in (silent, unfinished):
            await recording.store_all(world.store)
        await world.append(silent.messages(silent.facts[:-1]))
        # Of the other one a part is missing as well: it has better things to wait for.
        await world.append(unfinished.messages(unfinished.facts[:-2]))
        await world.handled()
        patient = world.projection()
        await patient.sweep()
        assert not await world.told(StageFailed)

        await replace(patient, speakers_wait=timedelta(seconds=-1)).sweep()
        await world.becomes("completed", silent.media_id)
        (failed,) = await world.told(StageFailed)
        assert (failed.data.media_id, failed.data.stage, failed.data.code) == (
            silent.media_id,
            "diarize",
            "diarize-late",
        )
        first = await result_of(world, silent, 1)
        assert first.stages["diarize"].status == "failed"
        assert first.stages["diarize"].reason == failed.data.reason
        assert len(first.text.split()) == 40
        assert await world.status(unfinished.media_id) == "processing"

        await world.append([silent.message(silent.facts[-1], 60)])
        await world.handled()
        second = await result_of(world, silent, 2)
        assert second.stages["diarize"].status == "done"
        assert len(second.speakers) == 2
        assert second.text == first.text
        told = [envelope.data for envelope in await world.told(MediaCompleted)]
        assert [(one.media_id, one.version) for one in told] == [(silent.media_id, 1), (silent.media_id, 2)]


async def test_a_diarizer_that_gives_up_delays_no_word_and_a_replay_brings_the_speakers(place: Place) -> None:
    recording, replay = Recording(), "replay-0001"
    gave_up = recording.failed("diarize", reason="Telling the speakers apart took too long.")
    again = ReplayRequested(
        media_id=recording.media_id,
        lane="bulk",
        replay=replay,
        stage="diarize",
        options=recording.options,
        requested_at=START + timedelta(hours=1),
    )
    found = recording.diarized("d" * 12).model_copy(update={"replay": replay, "lane": "bulk"})
    async with results(place) as world:
        projection = world.projection()
        await recording.store_all(world.store)
        for second, fact in enumerate([*recording.facts[:-1], gave_up]):
            await projection.handle(recording.event(fact, second))
        first = await result_of(world, recording, 1)
        assert (await world.status(recording.media_id), first.stages["diarize"].status) == ("completed", "failed")
        assert first.stages["diarize"].reason == gave_up.reason
        assert (len(first.text.split()), first.speakers) == (40, [])

        await recording.diarize(world.store, options_hash="d" * 12)
        for fact in (again, found):
            await projection.handle(recording.event(fact, 3600))
        second_one = await result_of(world, recording, 2)
        assert (second_one.media_id, second_one.text) == (first.media_id, first.text)
        assert (second_one.stages["diarize"].status, len(second_one.speakers)) == ("done", 2)
        assert second_one.versions["replay-diarize"] == replay
        told = [(one.data.media_id, one.data.version) for one in await world.told(MediaCompleted)]
        assert told == [(recording.media_id, 1), (recording.media_id, 2)]
