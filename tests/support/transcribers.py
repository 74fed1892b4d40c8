"""The transcriber service in this process, on the embedded log and store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyvox import topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.clock import SystemClock
from polyvox.contracts import Options, PartReady, PartTranscribed, PartWords
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.audio_slices import stored_slice
from tests.support.polling import until
from tests.support.reading import told
from transcriber.service import TRANSCRIBER


@dataclass(frozen=True)
class Transcriber:
    runtime: Runtime
    working: asyncio.Future[None]

    async def announce(self, media_id: str, samples: NDArray[np.float32], **options: Any) -> None:
        """Store a recording of one part and hand it over."""
        part = PartReady(
            media_id=media_id,
            part=0,
            part_count=1,
            start_s=0.0,
            end_s=samples.size / SAMPLE_RATE_HZ,
            audio=await stored_slice(self.runtime.store, media_id, samples),
            options=Options.model_validate(options),
        )
        await Publisher(self.runtime.log, self.runtime.clock, "/tests").publish(part)

    async def words(self, media_id: str, *, deadline_s: float = 120.0) -> tuple[PartTranscribed, PartWords]:
        """What was written down, and what was said of it."""

        async def found() -> PartTranscribed | None:
            if self.working.done():
                await self.working
            facts = [event.data for event in await told(self.runtime.log, PartTranscribed)]
            return next((fact for fact in facts if fact.media_id == media_id), None)

        said: PartTranscribed = await until(found, deadline_s=deadline_s, what=f"words of {media_id}")
        return said, PartWords.model_validate_json(await self.runtime.store.get(said.words_key))


@asynccontextmanager
async def transcriber(tmp_path: Path, **settings: Any) -> AsyncIterator[Transcriber]:
    own = Settings(data_dir=tmp_path / "data", **{"retry_base_s": 0.01, "retry_max_s": 0.02, **settings})
    log, store = EmbeddedLog(own.log_path), FolderStore(own.objects_path)
    await log.ensure_topics(topics.configs())
    runtime = Runtime(own, log, store, SystemClock(), "transcriber-0")
    assert TRANSCRIBER.work is not None
    working = asyncio.ensure_future(TRANSCRIBER.work(runtime))
    try:
        yield Transcriber(runtime, working)
    finally:
        runtime.stopping.set()
        await asyncio.gather(working, return_exceptions=True)
        await store.close()
        await log.close()
