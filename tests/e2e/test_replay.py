"""Replays over REST and the command line: orders in, one new version of each result out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn, Run
from diarizer.handler import Diarizer
from diarizer.notes import Notes
from polyvox import topics
from polyvox.contracts import Envelope, MediaCompleted, MediaReady, Options, PartReady
from polyvox.errors import Invalid
from polyvox.publish import Publisher
from polyvox.worker import Worker
from tests.support.command import polyvox
from tests.support.databases import Place
from tests.support.results import Results, completed, distinct, running, until
from tests.support.stages import Recording
from transcriber.engines.base import EngineWord, TranscribeOptions, Transcription
from transcriber.handler import Handler

DURATION_S = 20.0


class Speakers:
    """An engine that finds as many speakers as it is asked for, in turns of two seconds."""

    async def diarize(
        self, audio: Path, options: DiarizeOptions, _notes: Notes, _channels: Sequence[tuple[Path, Notes]]
    ) -> Run:
        count = options.num_speakers or 2
        turns = [EngineTurn(float(at), at + 2.0, f"S{at // 2 % count + 1}") for at in range(0, int(DURATION_S), 2)]
        return Run(Diarized(turns, turns, {}), DURATION_S, "pyannote", "builtin")


async def words(flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
    """An engine that says its own model's name. It does not know every model."""
    if options.model == "unheard-of":
        raise Invalid("There is no such model.", code="no-model")
    said = [EngineWord(n * 1.0, n + 0.5, f" {options.model}", 0.9, 0) for n in range(9)]
    return Transcription(said, "en", [("en", 1.0)], [(0.0, 10.0)])


async def nothing(model: str) -> None:
    """All weights are here."""


@asynccontextmanager
async def stages(world: Results) -> AsyncIterator[None]:
    """The transcriber and the diarizer with their own handlers, on the log; only the engines are quick."""
    runtime = world.runtime
    publisher = Publisher(runtime.log, runtime.clock, "/tests")
    diarizer = Diarizer(runtime.store, publisher, runtime.clock, Speakers(), pipeline="builtin")
    transcriber = Handler(
        runtime.store, publisher, runtime.clock, transcribe=words, provide=nothing, engine="ctranslate2", model="base"
    )
    workers = [
        Worker(
            runtime.log,
            runtime.clock,
            name=name,
            topics=topics.laned(fact.TOPIC),
            handler=_of_replays(handler.handle),
            on_give_up=handler.give_up,
            member="one",
        )
        for name, fact, handler in (("diarizer", MediaReady, diarizer), ("transcriber", PartReady, transcriber))
    ]
    stopping = asyncio.Event()
    running = [asyncio.create_task(worker.run(stopping)) for worker in workers]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*running)


def _of_replays(handle: Callable[[Envelope[Any]], Awaitable[None]]) -> Callable[[Envelope[Any]], Awaitable[None]]:
    """What came before is on the log as well, and was done by others."""

    async def handled(envelope: Envelope[Any]) -> None:
        if envelope.data.replay is not None:
            await handle(envelope)

    return handled


async def ordered(client: httpx.AsyncClient, **order: Any) -> str:
    response = await client.post("/v1/replays", json=order)
    assert response.status_code == 202, response.text
    return str(response.json()["replay_id"])


async def ended(client: httpx.AsyncClient, replay_id: str) -> dict[str, Any]:
    async def is_over() -> dict[str, Any] | None:
        state: dict[str, Any] = (await client.get(f"/v1/replays/{replay_id}")).json()
        return state if state["asked"] and not state["recordings"]["pending"] else None

    state = await until(is_over, "the replay to end")
    assert state
    return state


async def version(client: httpx.AsyncClient, media_id: str, number: int) -> dict[str, Any]:
    async def is_there() -> bool:
        return bool((await client.get(f"/v1/media/{media_id}")).json()["version"] == number)

    await until(is_there, f"version {number} of {media_id}")
    transcript: dict[str, Any] = (await client.get(f"/v1/media/{media_id}/transcript")).json()
    return transcript


async def versions_told(world: Results, media_id: str) -> list[int]:
    await world.handled()
    told: list[Envelope[MediaCompleted]] = await world.told(MediaCompleted)
    assert len(distinct(told)[media_id]) == len({e.data.version for e in told if e.data.media_id == media_id})
    return sorted({envelope.data.version for envelope in told if envelope.data.media_id == media_id})


async def test_the_diarizer_runs_again_with_another_number_of_speakers(place: Place) -> None:
    recording, other = Recording(), Recording(language="de")
    async with running(place) as (world, client):
        await completed(world, recording, other)
        async with stages(world):
            replay = await ordered(client, stage="diarize", where={"language": "en"}, set={"num_speakers": 3})
            state = await ended(client, replay)
            transcript = await version(client, recording.media_id, 2)
        assert state["recordings"] == {"pending": 0, "done": 1, "failed": 0}
        assert len(transcript["speakers"]) == 3
        assert transcript["versions"]["replay-diarize"] == replay
        document = (await client.get(f"/v1/media/{recording.media_id}")).json()
        assert (document["status"], document["options"]["num_speakers"]) == ("completed", 3)
        assert await versions_told(world, recording.media_id) == [1, 2]
        assert await versions_told(world, other.media_id) == [1]


async def test_speakers_that_failed_come_with_a_replay(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await recording.store_all(world.store)
        failed = recording.failed("diarize", reason="Telling the speakers apart took too long.")
        await world.append(recording.messages([failed, *recording.facts[:-1]]))
        before = await version(client, recording.media_id, 1)
        assert (before["stages"]["diarize"]["status"], before["speakers"]) == ("failed", [])
        async with stages(world):
            await ended(client, await ordered(client, stage="diarize"))
            after = await version(client, recording.media_id, 2)
        assert (after["stages"]["diarize"]["status"], len(after["speakers"])) == ("done", 2)
        assert after["text"] == before["text"]


async def test_the_transcriber_runs_again_over_all_parts_and_makes_one_version(place: Place) -> None:
    recording = Recording(parts=3)
    async with running(place) as (world, client):
        await completed(world, recording)
        async with stages(world):
            await ended(client, await ordered(client, stage="transcribe", set={"model": "small"}))
            transcript = await version(client, recording.media_id, 2)
        assert {word["word"].strip() for segment in transcript["segments"] for word in segment["words"]} == {"small"}
        assert transcript["stages"]["transcribe"]["model"] == "small"
        assert len(transcript["speakers"]) == 2
        assert await versions_told(world, recording.media_id) == [1, 2]


async def test_a_replay_that_fails_is_reported_and_the_result_stays(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        before = (await client.get(f"/v1/media/{recording.media_id}/transcript")).json()
        async with stages(world):
            state = await ended(client, await ordered(client, stage="transcribe", set={"model": "unheard-of"}))
        assert state["recordings"]["failed"] == 1
        assert state["failed"] == [{"media_id": recording.media_id, "reason": "There is no such model."}]
        assert (await client.get(f"/v1/media/{recording.media_id}")).json()["status"] == "completed"
        assert (await client.get(f"/v1/media/{recording.media_id}/transcript")).json() == before
        assert await versions_told(world, recording.media_id) == [1]


async def test_the_same_options_make_no_new_version_unless_it_is_forced(place: Place) -> None:
    recording = Recording(parts=1)
    async with running(place) as (world, client):
        await completed(world, recording)
        async with stages(world):
            await ended(client, await ordered(client, stage="transcribe"))
            await version(client, recording.media_id, 2)
            # The words of version 2 lie under the hash of these very options.
            await ended(client, await ordered(client, stage="transcribe"))
            assert await versions_told(world, recording.media_id) == [1, 2]
            await ended(client, await ordered(client, stage="transcribe", force=True))
            await version(client, recording.media_id, 3)


async def test_an_order_that_was_not_finished_is_finished_by_who_comes_next(place: Place) -> None:
    recordings = [Recording(parts=1) for _ in range(5)]
    async with running(place) as (world, client):
        await completed(world, *recordings)
        replay = await ordered(client, stage="merge")
        await ended(client, replay)
        # As if whoever asked had died after the first page, unheard.
        from sqlalchemy import update

        from results_api.database.tables import replays

        async with world.database.engine.begin() as connection:
            await connection.execute(update(replays).values(asked=False, cursor=None, claimed_until_us=0))
        state = await ended(client, replay)
        assert state["recordings"] == {"pending": 0, "done": 5, "failed": 0}
        for recording in recordings:
            await version(client, recording.media_id, 2)
            assert await versions_told(world, recording.media_id) == [1, 2]


async def test_only_what_matches_is_replayed(place: Place) -> None:
    alpha = Recording(options=Options(metadata={"project": "alpha"}))
    beta = Recording(options=Options(metadata={"project": "beta"}))
    async with running(place) as (world, client):
        await completed(world, alpha, beta)

        async def matching(**where: Any) -> set[str]:
            response = await client.post("/v1/replays?dry_run=true", json={"stage": "diarize", "where": where})
            assert response.status_code == 200, response.text
            return set(response.json()["first"])

        both = {alpha.media_id, beta.media_id}
        assert await matching(metadata={"project": "alpha"}) == {alpha.media_id}
        assert await matching(media_ids=[beta.media_id, "no-such-recording"]) == {beta.media_id}
        assert await matching(since="2026-03-01T00:00:00Z", until="2026-03-02T00:00:00Z") == both
        assert await matching(since="2026-03-02T00:00:00Z") == set()
        assert await matching(engine="pyannote", model="builtin") == both
        assert await matching(engine="another") == set()
        assert await matching(tenant="somebody-else") == set()
        assert (await client.get("/v1/replays")).json() == {"items": []}


async def test_orders_that_mean_nothing_are_refused(place: Place) -> None:
    async with running(place) as (_, client):
        for body in (
            {},
            {"stage": "upload"},
            {"stage": "diarize", "set": {"colour": 1}},
            {"stage": "diarize", "where": {"colour": 1}},
            {"stage": "diarize", "where": {"since": "2026-03-01T00:00:00"}},
            {"stage": "diarize", "limit": 0},
        ):
            assert (await client.post("/v1/replays", json=body)).status_code == 422
        assert (await client.get("/v1/replays/nothing")).status_code == 404


async def test_the_command_line_orders_waits_and_says_how_it_ended(place: Place, tmp_path: Path) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        server = ["--server", str(client.base_url)]

        async def run(*args: str) -> Any:
            return await asyncio.to_thread(polyvox, "replay", *args, *server, cwd=tmp_path)

        async with stages(world):
            dry = await run("--stage", "diarizer", "--since", "2026-01-01", "--dry-run")
            assert "1 recordings match" in dry.out
            done = await run("--stage", "diarizer", "--where", "language=en", "--set", "num_speakers=3", "--wait")
            assert (done.status, done.out.splitlines()[-1]) == (0, "1 done, 0 failed, 0 pending")
            failed = await run("--stage", "transcriber", "--set", "model=unheard-of", "--wait", recording.media_id)
            assert failed.status == 1
            assert "There is no such model." in failed.err
        wrong = await run("--stage", "diarizer", "--where", "colour=red")
        assert wrong.status == 2
        assert "there are: status, language" in wrong.err
