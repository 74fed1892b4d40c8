"""Uploads and results behind one real server in the test's own process; no models."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ingest.upload import routes
from ingest.upload.intake import Intake
from polyvox import bootstrap
from polyvox.contracts import MediaUploaded, Options
from polyvox.http import create_app
from polyvox.service import Runtime
from polyvox.settings import Settings
from results_api.database.database import Database
from results_api.http.service import API
from results_api.projection.service import PROJECTION
from tests.support.faulty import FaultyLog, FaultyStore
from tests.support.results import Results
from tests.support.server import serve
from tests.support.stages import Recording


@dataclass
class WholeApi:
    """``log`` and ``store`` fail on demand for uploads; ``results`` has the real ones."""

    url: str
    results: Results
    log: FaultyLog
    store: FaultyStore

    async def uploads(self) -> list[MediaUploaded]:
        return [envelope.data for envelope in await self.results.told(MediaUploaded)]

    async def complete(self, media_id: str) -> None:
        """Tell what the stages tell when all goes well."""
        recording = Recording(media_id=media_id, options=Options())
        await recording.store_all(self.results.store)
        await self.results.append(recording.messages(recording.facts[1:]))


@contextlib.asynccontextmanager
async def whole_api(data_dir: Path, *, max_upload_bytes: int = 8 << 20) -> AsyncIterator[WholeApi]:
    settings = Settings(data_dir=data_dir, max_upload_bytes=max_upload_bytes)
    async with bootstrap.runtime(settings, member="projection") as runtime:
        await PROJECTION.prepare(runtime)  # type: ignore[misc]
        store, log = FaultyStore(runtime.store), FaultyLog(runtime.log)
        troubled = Runtime(settings, log, store, runtime.clock, "test", runtime.stopping)  # type: ignore[arg-type]
        database = Database(settings.database_url)
        results = Results(runtime, database)
        app = create_app([routes.router(Intake(troubled, grace_s=0.3)), API.http(runtime)], title="Test")  # type: ignore[misc]
        try:
            async with results.projecting(), serve(app) as url:
                yield WholeApi(url, results, log, store)
        finally:
            runtime.stopping.set()
            await database.close()
