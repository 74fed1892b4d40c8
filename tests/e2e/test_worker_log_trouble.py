"""What a worker does when the log itself is in trouble for a while, on the real embedded log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, StageFailed
from polyvox.errors import (
    Invalid,
    PolyvoxError,
    Unavailable,
)
from polyvox.publish import Publisher
from polyvox.topics import dead_letter_topic
from tests.support.scripted import Scripted
from tests.support.troubled_log import TroubledLog
from tests.support.worker_bench import STAGE, Bench, ids, until


async def test_a_log_that_takes_no_commits_for_a_while_is_survived(bench: Bench) -> None:
    log = TroubledLog(bench.log)
    log.faults.fail("commit")
    handler = Scripted()
    await bench.publish(ids(20))
    running = bench.start(handler, log=log)
    await until(lambda: len(handler.done) == 20)
    assert await bench.lag() == 20
    log.faults.heal()
    await until(bench.no_lag)
    await running.stop()
    assert set(handler.attempts.values()) == {1}


async def test_a_log_that_takes_no_dead_letters_for_a_while_loses_none(bench: Bench) -> None:
    log = TroubledLog(bench.log)
    log.faults.fail("append", matching=dead_letter_topic(STAGE))
    told: list[str] = []

    async def tell(envelope: Envelope[Any], failure: PolyvoxError, made: int) -> None:
        told.append(envelope.id)

    handler = Scripted(recording_0000=[Invalid("no")])
    await bench.publish(ids(5))
    bench.start(handler, log=log, on_give_up=tell)
    await until(lambda: len(handler.done) == 4)
    assert await bench.lag() == 5
    log.faults.heal()
    await until(bench.no_lag)
    assert len(await bench.dead_letters()) == 1
    assert len(told) == 1
    assert handler.attempts["recording-0000"] == 1


async def test_an_outage_of_the_log_fails_no_message(bench: Bench) -> None:
    log = TroubledLog(bench.log)
    log.faults.fail("append", error=Unavailable("disk full"))
    publisher = Publisher(log, SystemClock(), "/tests")
    attempts = 0

    async def handler(envelope: Envelope[Any]) -> None:
        nonlocal attempts
        attempts += 1
        await publisher.publish(StageFailed(media_id=envelope.data.media_id, stage="diarize", code="x", reason="x"))

    await bench.publish(ids(12))
    bench.start(handler, log=log, attempts=2)
    await until(lambda: attempts > 100)
    log.faults.heal()
    await until(bench.no_lag)
    assert not await bench.dead_letters()
    assert len(await bench.records(StageFailed.TOPIC)) == 12


@pytest.mark.parametrize("operation", ["subscribe", "getmany"])
async def test_a_log_that_cannot_be_read_for_a_while_is_survived(bench: Bench, operation: str) -> None:
    log = TroubledLog(bench.log)
    log.faults.fail(operation)
    handler = Scripted()
    await bench.publish(ids(3))
    running = bench.start(handler, log=log)
    await asyncio.sleep(0.1)
    assert not running.task.done()
    log.faults.heal()
    await until(bench.no_lag)
    assert sorted(handler.done) == ids(3)
