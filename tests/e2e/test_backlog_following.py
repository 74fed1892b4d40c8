"""Ingest learns from the log how much waits, however often it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.admission import Admission, Limits
from ingest.backlog import Follower
from polyvox import topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.clock import SystemClock
from polyvox.contracts import LaneBacklog, TenantBacklog
from polyvox.ports import Message
from polyvox.publish import Publisher


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics(topics.configs())
    yield log
    await log.close()


async def told(log: EmbeddedLog, tenant: str, audio_s: float) -> None:
    clock = SystemClock()
    bulk = LaneBacklog(recordings=1, audio_s=audio_s, counted_to=clock.now())
    await Publisher(log, clock, "/tests").publish(TenantBacklog(tenant=tenant, as_of=clock.now(), bulk=bulk))


async def test_the_newest_message_of_each_tenant_counts(log: EmbeddedLog) -> None:
    admission = Admission(SystemClock(), Limits(100.0, 10))
    follower = Follower(log, admission)
    await follower.catch_up()
    await told(log, "a", 50.0)
    await told(log, "b", 500.0)
    await told(log, "a", 150.0)
    # What nobody can read is passed over.
    await log.append([Message(TenantBacklog.TOPIC, "c", b"{}")])
    await follower.catch_up()
    assert admission.room("a", "bulk") is not None
    assert admission.room("b", "bulk") is not None
    await told(log, "b", 50.0)
    await follower.catch_up()
    assert admission.room("b", "bulk") is None
    fresh = Admission(SystemClock(), Limits(100.0, 10))
    await Follower(log, fresh).catch_up()
    assert fresh.room("a", "bulk") is not None
    assert fresh.room("b", "bulk") is None
