"""A log whose time is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.ports import TopicConfig
from tests.support.embedded import TOPIC
from tests.support.turned_clock import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def log(tmp_path: Path, clock: TurnedClock) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(tmp_path / "log", clock=clock, busy_timeout_s=0.2)
    await log.ensure_topics([TopicConfig(TOPIC, 1, retention_s=100.0)])
    yield log
    await log.close()
