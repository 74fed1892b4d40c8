"""A handler that does what a script says, and a fixture: what a worker needs, on the real embedded log."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polyvox.contracts import Envelope
from tests.support.worker_bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await Bench.make(tmp_path / "log")
    yield bench
    await bench.close()


class Scripted:
    """A handler that raises what the script says: per media id a list of errors, one an attempt."""

    def __init__(self, **errors: list[BaseException]) -> None:
        self.errors = {media_id.replace("_", "-"): list(raised) for media_id, raised in errors.items()}
        self.attempts: Counter[str] = Counter()
        self.done: list[str] = []

    async def __call__(self, envelope: Envelope[Any]) -> None:
        media_id = envelope.data.media_id
        self.attempts[media_id] += 1
        if left := self.errors.get(media_id):
            raise left.pop(0)
        self.done.append(media_id)
