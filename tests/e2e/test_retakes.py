"""Planted faults: words taken out are found, asked for once more and told of; words made up are flagged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from polyvox import keys, metrics
from polyvox.contracts import (
    CoverageGap,
    MediaCompleted,
    PartWords,
    RetakeReady,
    RetakeTranscribed,
    SpeechRegion,
    StageFailed,
    Transcript,
    Word,
)
from polyvox.service import Runtime
from results_api.projection.projection import Projection
from tests.support.databases import Place
from tests.support.planted import planted
from tests.support.recorded_metrics import recording as recorded
from tests.support.results import Results, results, until
from tests.support.stages import WORDS, Recording
from transcriber.service import TRANSCRIBER


async def result_of(world: Results, media_id: str, version: int) -> Transcript:
    return Transcript.model_validate_json(await world.store.get(keys.result(media_id, version)))


class Lacking(Recording):
    """Of the second part the words from 13 s to 17 s are missing, although somebody speaks."""

    def words(self, part: int) -> PartWords:
        whole = super().words(part)
        return whole.model_copy(update={"words": [word for word in whole.words if not 13 <= word.start_s < 17]})

    def heard_again(self, asked: RetakeReady, words: list[Word], *, speech: bool = True) -> PartWords:
        heard = asked.stretches if speech else []
        return self.words(1).model_copy(update={"words": words, "speech": heard, "stretches": asked.stretches})


def retaking(world: Results) -> Projection:
    projection = world.projection()
    return replace(projection, publication=replace(projection.publication, retake_gap_s=2.0))


async def asked_for(world: Results, recording: Recording) -> tuple[Projection, RetakeReady]:
    """The recording, all stages done, and the retake of its gap."""
    projection = retaking(world)
    await recording.store_all(world.store)
    for second, fact in enumerate(recording.facts):
        await projection.handle(recording.event(fact, second))
    (asked,) = await world.told(RetakeReady)
    await projection.handle(asked)
    return projection, asked.data


def answer(asked: RetakeReady, words: PartWords) -> RetakeTranscribed:
    return RetakeTranscribed(
        media_id=asked.media_id,
        retake=asked.retake,
        part=asked.part,
        words_key=keys.retake(asked.media_id, asked.part, asked.retake),
        engine="ctranslate2",
        model="base",
        word_count=len(words.words),
        audio_s=asked.weight_s(),
        speech_s=sum(region.end_s - region.start_s for region in words.speech),
    )


async def test_words_that_a_second_attempt_finds_make_the_next_version(place: Place) -> None:
    recording = Lacking()
    async with results(place) as world:
        with recorded() as counters:
            projection, asked = await asked_for(world, recording)
            first = await result_of(world, recording.media_id, 1)
            assert [(gap.start, gap.end) for gap in first.coverage.gaps] == [(13.2, 16.7)]
            assert (asked.part, asked.version, asked.words_key) == (1, 1, recording.transcribed(1).words_key)
            assert [(one.start_s, one.end_s) for one in asked.stretches] == [(13.2, 16.7)]
            assert (asked.options.engine, asked.options.model, asked.language) == ("ctranslate2", "base", "en")
            # Until it is answered nothing is said of the gap, and the words that are there are out.
            assert await world.told(CoverageGap) == []
            assert counters.count(metrics.COVERAGE_GAPS, tenant_class="standard") == 0

            whole = Recording.words(recording, 1)
            # Heard with its surroundings, as a stretch is: a word on either side is there already.
            found = [word for word in whole.words if 12.5 <= word.start_s < 17.5]
            words = recording.heard_again(asked, found)
            fact = answer(asked, words)
            await world.store.put(fact.words_key, words.model_dump_json().encode())
            for _ in range(2):
                await projection.handle(recording.event(fact, 30))
            second = await result_of(world, recording.media_id, 2)
            assert [word.word for segment in second.segments for word in segment.words] == [
                WORDS[n % len(WORDS)] for part in range(2) for n in range(20)
            ]
            assert second.coverage.gaps == []
            assert [(span.start, span.end) for span in second.coverage.retaken] == [(13.2, 16.7)]
            assert second.coverage.covered == second.coverage.speech
            assert [word.speaker for segment in second.segments for word in segment.words].count("unknown") == 0
            assert await world.told(CoverageGap) == []
            told = [(one.data.version, one.data.word_count) for one in await world.told(MediaCompleted)]
            assert told == [(1, 32), (2, 40)]
            assert len(await world.told(RetakeReady)) == 1
        assert counters.count(metrics.RETAKES, outcome="words") == 1


@pytest.mark.parametrize("outcome", ["nothing", "no-speech", "failed"])
async def test_what_remains_is_in_the_result_an_event_and_a_metric(place: Place, outcome: str) -> None:
    recording = Lacking()
    async with results(place) as world:
        with recorded() as counters:
            projection, asked = await asked_for(world, recording)
            if outcome == "failed":
                code, reason = "out-of-memory", "It took too much memory."
                broken = StageFailed(
                    media_id=asked.media_id, stage="transcribe", part=1, code=code, reason=reason, retake=asked.retake
                )
                await projection.handle(recording.event(broken, 30))
            else:
                # The first detector heard somebody all along, so silence now does not speak against the gap.
                words = recording.heard_again(asked, [], speech=outcome == "nothing")
                fact = answer(asked, words)
                await world.store.put(fact.words_key, words.model_dump_json().encode())
                await projection.handle(recording.event(fact, 30))
            second = await result_of(world, recording.media_id, 2)
            assert [(gap.start, gap.end) for gap in second.coverage.gaps] == [(13.2, 16.7)]
            (gap,) = await world.told(CoverageGap)
            assert (gap.data.version, gap.data.gaps) == (2, [SpeechRegion(start_s=13.2, end_s=16.7)])
            assert gap.data.retaken_s == (0.0 if outcome == "failed" else 3.5)
            assert second.stages["transcribe"].status == "done"
            # The second attempt was the last.
            assert len(await world.told(RetakeReady)) == 1
        assert counters.count(metrics.RETAKES, outcome=outcome) == 1
        assert counters.count(metrics.COVERAGE_GAPS, tenant_class="standard") == 1
        assert counters.count(metrics.COVERAGE_GAP_TIME, tenant_class="standard") == pytest.approx(3.5)


async def test_a_second_attempts_lost_words_leave_the_first_ones(place: Place) -> None:
    recording = Lacking()
    async with results(place) as world:
        projection, asked = await asked_for(world, recording)
        event = recording.event(answer(asked, recording.heard_again(asked, [])), 30)
        with pytest.raises(Exception, match="gone or damaged") as lost:
            await projection.handle(event)
        await projection.give_up(event, lost.value, 3)  # type: ignore[arg-type]
        second = await result_of(world, recording.media_id, 2)
        assert second.text == (await result_of(world, recording.media_id, 1)).text
        assert len(await world.told(CoverageGap)) == 1


@pytest.mark.models
@pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning")
async def test_the_transcriber_hears_the_missing_words_and_what_is_made_up_is_flagged(tmp_path: Path) -> None:
    async with results(Place(tmp_path / "data", None, lambda: None)) as world:
        fault = await planted(world, tmp_path)
        runtime = world.runtime
        transcriber = Runtime(runtime.settings, runtime.log, runtime.store, runtime.clock, "transcriber")
        async with world.projecting():
            await world.append(fault.messages)
            await world.becomes("completed", fault.media_id)
            first = await result_of(world, fault.media_id, 1)
            (gap,) = first.coverage.gaps
            assert fault.missing_s[0] - 1 <= gap.start <= gap.end <= fault.missing_s[1] + 1
            assert first.coverage.words_outside_speech == len(fault.made_up.split())
            (suspect,) = first.coverage.suspect
            assert (suspect.start, suspect.end) == (1.0, 2.9)

            async def upgraded() -> bool:
                return len(await world.told(MediaCompleted)) == 2

            async with transcribing(transcriber):
                await until(upgraded, "the second version", within_s=240)
        second = await result_of(world, fault.media_id, 2)
        assert second.coverage.gaps == []
        found = [word for segment in second.segments for word in segment.words]
        assert all(earlier.end <= later.start for earlier, later in pairwise(found))
        said = fault.words_of(second)
        assert fault.errors(said) <= 2, said
        assert fault.errors(fault.words_of(first)) >= 8
        assert await world.told(CoverageGap) == []


class transcribing:
    """The transcriber, with its real child and weights."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __aenter__(self) -> None:
        assert TRANSCRIBER.work is not None
        self._task = asyncio.ensure_future(TRANSCRIBER.work(self._runtime))

    async def __aexit__(self, *_: object) -> None:
        self._runtime.stopping.set()
        await self._task
