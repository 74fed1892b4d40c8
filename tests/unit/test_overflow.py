"""Which parts go elsewhere when too much waits here, and what a part is known by then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from polyvox import metrics, topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.contracts import LaneBacklog, Options, PartReady, PartTranscribed, PartWords, TenantBacklog, wrap
from polyvox.errors import Fatal, Invalid, Limited, PolyvoxError, Transient
from polyvox.publish import Publisher
from tests.support.audio_slices import stored_slice
from tests.support.polling import until
from tests.support.reading import told
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.turned_clock import TurnedClock
from transcriber.engines.base import EngineWord, TranscribeOptions, Transcription
from transcriber.handler import Handler
from transcriber.overflow import TROUBLE_S, Overflow

HERE, ELSEWHERE = ("ctranslate2", "base"), ("openai", "whisper-1")


def waiting(tenant: str, audio_s: float, bulk_s: float = 0.0) -> TenantBacklog:
    return TenantBacklog(
        tenant=tenant,
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        interactive=LaneBacklog(recordings=1, audio_s=audio_s),
        bulk=LaneBacklog(recordings=1, audio_s=bulk_s),
    )


@dataclass
class Bench:
    """A handler whose engines write down who they are, and wait while ``busy``."""

    log: EmbeddedLog
    store: FolderStore
    clock: TurnedClock
    counters: RecordedMetrics
    overflow: Overflow
    handler: Handler = field(init=False)
    asked: list[tuple[str, str]] = field(default_factory=list)
    failure: PolyvoxError | None = None
    busy: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        async def transcribe(_flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
            self.asked.append((engine, options.model))
            if engine == "openai" and self.failure is not None:
                raise self.failure
            await self.busy.wait()
            return Transcription(
                [EngineWord(0.0, 0.5, f" {engine}", 1.0, 0)], "en", [], [], estimated=engine == "openai"
            )

        async def provide(_model: str) -> None:
            """There are weights."""

        self.handler = Handler(
            self.store,
            Publisher(self.log, self.clock, "/tests"),
            self.clock,
            transcribe=transcribe,
            provide=provide,
            engine="ctranslate2",
            model="base",
            remote_model="whisper-1",
            overflow=self.overflow,
        )

    async def begin(self, name: str, **options: object) -> asyncio.Task[None]:
        """Hand over a part; returns when an engine has it, or it is done."""
        part = PartReady(
            media_id=f"recording-{name}",
            part=0,
            part_count=1,
            start_s=0.0,
            end_s=1.0,
            audio=await stored_slice(self.store, f"recording-{name}"),
            options=Options.model_validate(options),
        )
        before = len(self.asked)
        work = asyncio.create_task(self.handler.handle(wrap(part, source="/tests", time=self.clock.now())))
        await until(lambda: len(self.asked) > before or work.done())
        return work

    async def said(self) -> list[PartTranscribed]:
        return [event.data for event in await told(self.log, PartTranscribed)]


@asynccontextmanager
async def bench(tmp_path: Path, *, here: int = 1) -> AsyncIterator[Bench]:
    clock, counters = TurnedClock(), RecordedMetrics()
    log, store = EmbeddedLog(tmp_path / "log", clock=clock), FolderStore(tmp_path / "objects")
    await log.ensure_topics(topics.configs())
    overflow = Overflow(clock, counters, above_s=3600.0, here=here, elsewhere=4)
    yield Bench(log, store, clock, counters, overflow)
    await store.close()
    await log.close()


async def test_above_the_bound_parts_go_elsewhere_that_do_not_fit_here_until_well_below_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as there:
        places: list[int] = []
        there.overflow.on_change(places.append)
        there.overflow.heard(waiting("acme", 2000.0))
        begun = [await there.begin("a")]
        assert there.overflow.places == 1
        there.overflow.heard(waiting("other", 1000.0, bulk_s=1000.0))
        assert there.overflow.places == places[-1] == 5
        begun += [await there.begin("b"), await there.begin("c")]
        there.overflow.heard(waiting("other", 1000.0))
        begun.append(await there.begin("d"))
        assert there.asked == [HERE, ELSEWHERE, ELSEWHERE, ELSEWHERE]
        there.overflow.heard(waiting("other", 0.0))
        assert there.overflow.places == places[-1] == 1 + 3, "those that are there may end"
        begun.append(await there.begin("e"))
        there.busy.set()
        await asyncio.gather(*begun)
        assert there.asked[4] == HERE
        assert there.overflow.places == places[-1] == 1
        assert there.counters.values(metrics.OVERFLOWING)[-1] == 0.0
        assert max(there.counters.values(metrics.OVERFLOWING)) == 1.0


async def test_words_name_who_wrote_them_and_are_not_written_again_by_the_other(tmp_path: Path) -> None:
    async with bench(tmp_path, here=1) as there:
        there.busy.set()
        there.overflow.heard(waiting("acme", 5000.0))
        with there.overflow.here():
            await (await there.begin("a"))
        there.overflow.heard(waiting("acme", 0.0))
        await (await there.begin("a"))
        first, again = await there.said()
        assert there.asked == [ELSEWHERE]
        assert (first.engine, first.model) == (again.engine, again.model) == ELSEWHERE
        assert first.words_key == again.words_key
        words = PartWords.model_validate_json(await there.store.get(first.words_key))
        assert (words.engine, words.model, words.estimated) == (*ELSEWHERE, True)
        await (await there.begin("b"))
        assert there.asked[1:] == [HERE]
        assert len({said.options_hash for said in await there.said()}) == 2


@pytest.mark.parametrize("options", [{"engine": "ctranslate2"}, {"model": "tiny.en"}])
async def test_who_names_an_engine_or_a_model_gets_it(tmp_path: Path, options: dict[str, str]) -> None:
    async with bench(tmp_path) as there:
        there.busy.set()
        there.overflow.heard(waiting("acme", 5000.0))
        with there.overflow.here():
            await (await there.begin("a", **options))
        assert [engine for engine, _ in there.asked] == ["ctranslate2"]


@pytest.mark.parametrize(
    ("failure", "back_s"),
    [(Transient("cut off"), TROUBLE_S), (Limited("busy", 300.0), 300.0), (Fatal("wrong key"), None)],
)
async def test_what_fails_elsewhere_is_done_here_and_nothing_goes_there_for_a_while(
    tmp_path: Path, failure: PolyvoxError, back_s: float | None
) -> None:
    async with bench(tmp_path) as there:
        there.busy.set()
        there.failure = failure
        there.overflow.heard(waiting("acme", 5000.0))
        with there.overflow.here():
            await (await there.begin("a"))
            await (await there.begin("b"))
        assert there.asked == [ELSEWHERE, HERE, HERE]
        assert {said.engine for said in await there.said()} == {"ctranslate2"}
        there.clock.turn(back_s or 1e6)
        assert there.overflow.is_on is (back_s is not None)


async def test_bad_input_elsewhere_is_bad_input(tmp_path: Path) -> None:
    async with bench(tmp_path) as there:
        there.failure = Invalid("The audio could not be decoded.", code="refused")
        there.overflow.heard(waiting("acme", 5000.0))
        with there.overflow.here(), pytest.raises(Invalid):
            await (await there.begin("a"))
        assert there.asked == [ELSEWHERE]
