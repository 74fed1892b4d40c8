"""What a worker does with what fails, on the real embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, StageFailed, wrap
from polyvox.dead_letters import Selection
from polyvox.errors import (
    ChildCrashed,
    CircuitOpen,
    Invalid,
    Limited,
    OutOfMemory,
    PolyvoxError,
    Transient,
    WeightsMissing,
)
from polyvox.metrics import MESSAGES_DEAD_LETTERED, MESSAGES_FAILED, MESSAGES_RETRIED
from polyvox.publish import Publisher
from polyvox.retry import code_of, reason_of
from tests.support.scripted import Scripted
from tests.support.turned_clock import TurnedClock
from tests.support.worker_bench import STAGE, TOPIC, Bench, ids, until


def always(error: Callable[[], BaseException]) -> Callable[[Envelope[Any]], Any]:
    async def handler(envelope: Envelope[Any]) -> None:
        raise error()

    return handler


@pytest.mark.parametrize(
    ("error", "attempts", "code"),
    [
        (Invalid("There is no sound in it.", code="no-audio"), 1, "no-audio"),
        (Transient("the device is busy"), 3, "internal-error"),
        (KeyError("bug"), 3, "internal-error"),
        (OutOfMemory("killed"), 2, "out-of-memory"),
        (ChildCrashed("SIGSEGV"), 2, "crashed"),
    ],
)
async def test_what_fails_for_good_is_told_dead_lettered_and_then_committed(
    bench: Bench, error: BaseException, attempts: int, code: str
) -> None:
    handler = Scripted(recording_0001=[error] * 10)
    publisher = Publisher(bench.log, SystemClock(), "/tests")
    behind_when_told: list[int] = []

    async def tell(envelope: Envelope[Any], failure: PolyvoxError, made: int) -> None:
        behind_when_told.append(await bench.lag())
        await publisher.publish(
            StageFailed(
                media_id=envelope.data.media_id,
                stage="transcribe",
                code=code_of(failure),
                reason=reason_of(failure),
                attempts=made,
            )
        )

    await bench.publish(ids(3))
    bench.start(handler, attempts=3, on_give_up=tell)
    await until(bench.no_lag)
    assert sorted(handler.done) == ["recording-0000", "recording-0002"]
    assert handler.attempts["recording-0001"] == attempts
    assert behind_when_told[0] >= 2
    (told,) = await bench.events(StageFailed.TOPIC)
    assert (told.data.code, told.data.attempts) == (code, attempts)
    (letter,) = await bench.dead_letters()
    assert (letter.key, letter.code, letter.attempts) == ("recording-0001", code, attempts)
    assert (letter.topic, letter.partition, letter.offset) == (TOPIC, 0, 1)
    assert letter.value == (await bench.records(TOPIC))[1].value
    assert bench.metrics.count(MESSAGES_DEAD_LETTERED, worker=STAGE, code=code) == 1
    assert bench.metrics.count(MESSAGES_RETRIED, worker=STAGE) == attempts - 1


async def test_a_delay_holds_the_watermark_and_its_key_but_no_work_slot(bench: Bench) -> None:
    clock = TurnedClock()
    handler = Scripted(recording_0000=[Transient("once")])
    await bench.publish([*ids(3), "recording-0000"])
    bench.start(handler, clock=clock, concurrency=1, retry_base_s=100.0, retry_max_s=100.0)
    await until(lambda: handler.done == ["recording-0001", "recording-0002"])
    assert handler.attempts["recording-0000"] == 1
    assert await bench.lag() == 4
    (delay_s,) = clock.sleeping
    assert 0 <= delay_s <= 100.0
    clock.turn(delay_s)
    await until(bench.no_lag)
    assert handler.done[2:] == ["recording-0000", "recording-0000"]
    assert bench.metrics.count(MESSAGES_FAILED, worker=STAGE, error="Transient") == 1


async def test_what_asks_to_be_left_alone_is_for_so_long_and_loses_no_attempt(bench: Bench) -> None:
    clock = TurnedClock()
    handler = Scripted(recording_0000=[Limited("busy", 600.0)] * 5)
    await bench.publish(ids(1))
    bench.start(handler, clock=clock, attempts=2)
    for tried in range(1, 6):
        await until(lambda tried=tried: handler.attempts["recording-0000"] == tried and len(clock.sleeping) == 1)
        assert 600.0 <= clock.sleeping[0] <= 601.0
        clock.turn(clock.sleeping[0])
    await until(lambda: handler.done == ids(1))


async def test_a_poison_message_goes_to_the_dead_letters_with_its_cause_and_the_others_go_on(bench: Bench) -> None:
    handler = Scripted()
    told: list[str] = []

    async def tell(envelope: Envelope[Any], failure: PolyvoxError, made: int) -> None:
        told.append(envelope.id)

    await bench.publish(["recording-a"])
    await bench.publish_raw("recording-b", b"\xff not json")
    await bench.publish_raw("recording-c", b'{"type": "polyvox.from-the-future.v9"}')
    await bench.publish(["recording-d"])
    bench.start(handler, on_give_up=tell)
    await until(bench.no_lag)
    assert handler.done == ["recording-a", "recording-d"]
    letters = await bench.dead_letters()
    assert [(letter.key, letter.code, letter.attempts) for letter in letters] == [
        ("recording-b", "not-json", 1),
        ("recording-c", "unknown-type", 1),
    ]
    assert letters[0].value == b"\xff not json"
    assert not told


async def test_each_dead_letter_is_replayed_once(bench: Bench) -> None:
    handler = Scripted(recording_0000=[Invalid("no")], recording_0001=[Invalid("no")])
    await bench.publish(ids(3), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    bench.start(handler)
    await until(bench.no_lag)
    original = (await bench.records(TOPIC))[0]

    assert await bench.replay(Selection(media_id="recording-0000")) == 1
    assert [letter.key for letter in await bench.dead_letters() if not letter.replayed] == ["recording-0001"]
    assert await bench.replay() == 1
    assert await bench.replay() == 0
    await until(bench.no_lag)
    assert sorted(handler.done) == ids(3)
    assert [letter.replayed for letter in await bench.dead_letters()] == [True, True]
    replayed = next(record for record in await bench.records(TOPIC) if record.offset == 3)
    assert (replayed.key, replayed.value) == (original.key, original.value)
    assert set(original.headers) < set(replayed.headers)


async def test_a_replayed_message_that_fails_again_is_a_new_dead_letter(bench: Bench) -> None:
    bench.start(always(lambda: Invalid("never")))
    await bench.publish(ids(1))
    for failures in range(1, 4):
        await until(bench.no_lag)
        assert len(await bench.dead_letters()) == failures
        assert await bench.replay() == 1
        await until(bench.no_lag)


async def test_a_worker_on_which_everything_fails_stops_and_leaves_the_topic(bench: Bench) -> None:
    await bench.publish(ids(50))
    with pytest.raises(CircuitOpen, match="10 of the last 10 messages failed for good"):
        await bench.start(always(lambda: Transient("broken model")), attempts=2).task
    assert len(await bench.dead_letters()) == 9
    # More than 41 where letters lie behind a message that has an attempt left.
    assert await bench.lag() >= 41


async def test_a_model_that_crashes_on_everything_stops_the_worker(bench: Bench) -> None:
    await bench.publish(ids(50))
    with pytest.raises(CircuitOpen, match="leaves the rest on the log"):
        await bench.start(always(lambda: OutOfMemory("no memory")), concurrency=4).task
    assert len(await bench.dead_letters()) == 9


@pytest.mark.parametrize("fault", [Invalid("This is a text file."), WeightsMissing("large-v3")])
async def test_what_users_send_and_ask_for_does_not_stop_a_worker(bench: Bench, fault: PolyvoxError) -> None:
    await bench.publish(ids(50))
    running = bench.start(always(lambda: fault), concurrency=4, attempts=2)
    await until(bench.no_lag)
    assert len(await bench.dead_letters()) == 50
    await running.stop()


async def test_a_stage_that_cannot_tell_holds_up_nobody(bench: Bench) -> None:
    async def tell(envelope: Envelope[Any], failure: PolyvoxError, made: int) -> None:
        raise TypeError("a bug in telling")

    handler = Scripted(recording_0000=[Invalid("no")])
    await bench.publish(ids(2))
    bench.start(handler, on_give_up=tell)
    await until(bench.no_lag)
    assert handler.done == ["recording-0001"]
    assert len(await bench.dead_letters()) == 1


async def test_a_cancellation_from_within_is_a_failed_attempt(bench: Bench) -> None:
    handler = Scripted(recording_0000=[asyncio.CancelledError()])
    await bench.publish(ids(1))
    bench.start(handler)
    await until(bench.no_lag)
    assert handler.done == ["recording-0000"]
    assert handler.attempts["recording-0000"] == 2


def test_events_are_the_same_when_they_are_published_again() -> None:
    fact = StageFailed(media_id="recording-a", stage="diarize", code="x", reason="x")
    clock = TurnedClock()
    first = wrap(fact, source="/a", time=clock.now())
    clock.turn(60)
    assert wrap(fact, source="/a", time=clock.now()).id == first.id
