"""Members of the embedded log's groups: listeners that fail, loops that stall, those with nothing to do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.errors import Fenced
from polyvox.ports import TopicConfig, TopicPartition
from tests.support.consuming import Listener, collect
from tests.support.embedded import ONLY, TOPIC, append
from tests.support.polling import until

SESSION_S = 2.4
"""Of members whose loop stands still: long enough for a busy machine to take a second more than a test asks for."""


async def test_a_topic_that_comes_later_is_dealt_to_those_who_wait_for_it(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", ["later"], member="m", session_timeout_s=1e9)
    await log.ensure_topics([TopicConfig("later", 2)])
    await until(lambda: len(consumer.assignment()) == 2)


async def test_a_listener_that_fails_frees_its_partitions_and_tells_its_consumer(log: EmbeddedLog) -> None:
    class Broken(Exception):
        pass

    async def fail(assigned: object) -> None:
        raise Broken

    await append(log, 1)
    broken = await log.subscribe("g", [TOPIC], member="a", listener=Listener(when_assigned=fail))
    with pytest.raises(Broken):
        await broken.getmany(timeout_ms=10_000)
    other = await log.subscribe("g", [TOPIC], member="b")
    assert await collect(other, 1)
    with pytest.raises(Broken):
        await broken.commit({ONLY: 1})
    await broken.stop()


async def test_a_listener_may_stop_its_own_consumer(log: EmbeddedLog) -> None:
    async def stop(revoked: object) -> None:
        await first.stop()

    await append(log, 1)
    first = await log.subscribe("g", [TOPIC], member="a", listener=Listener(when_revoked=stop))
    await until(first.assignment)
    second = await log.subscribe("g", [TOPIC], member="b")
    assert await collect(second, 1)
    async with asyncio.timeout(60):
        await first.stop()


@contextmanager
def running_member(folder: Path, listener: Listener) -> Iterator[tuple[asyncio.AbstractEventLoop, EmbeddedLog]]:
    """A member ``threaded`` of group ``g`` on an event loop of its own, in a thread."""
    loop, log = asyncio.new_event_loop(), EmbeddedLog(folder)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    subscribing = log.subscribe("g", [TOPIC], member="threaded", session_timeout_s=SESSION_S, listener=listener)
    asyncio.run_coroutine_threadsafe(subscribing, loop).result()
    try:
        yield loop, log
    finally:
        asyncio.run_coroutine_threadsafe(log.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def test_a_loop_may_stall_for_less_than_a_session_but_not_for_longer(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics([TopicConfig(TOPIC, 2)])
    listener = Listener()
    with running_member(tmp_path / "log", listener) as (loop, _):
        await until(lambda: listener.heard("assigned"))
        other = await log.subscribe("g", [TOPIC], member="other", session_timeout_s=SESSION_S)
        await until(lambda: len(other.assignment()) == 1)
        heard = len(listener.calls)
        stalled = threading.Event()

        def stall(seconds: float) -> None:
            stalled.set()
            time.sleep(seconds)

        loop.call_soon_threadsafe(stall, 1.0)
        await until(stalled.is_set)
        ended = threading.Event()
        loop.call_soon_threadsafe(ended.set)
        await until(ended.is_set)
        assert len(other.assignment()) == 1
        assert len(listener.calls) == heard
        loop.call_soon_threadsafe(stall, 3 * SESSION_S)
        await until(lambda: len(other.assignment()) == 2, deadline_s=3 * SESSION_S - 0.1)
        # Back on its feet it joins again.
        await until(lambda: len(other.assignment()) == 1)
        await until(lambda: [kind for kind, _ in listener.calls[heard:]][-2:] == ["revoked", "assigned"])
    await log.close()


async def test_an_idle_consumer_costs_next_to_nothing(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    await until(consumer.assignment)
    start_s = time.process_time()
    await consumer.getmany(timeout_ms=1500)
    assert time.process_time() - start_s < 0.1 * 1.5


async def test_seeking_what_one_does_not_own_is_fenced(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m")
    with pytest.raises(Fenced):
        consumer.seek(TopicPartition("elsewhere", 0), 0)
    consumer.pause(TopicPartition("elsewhere", 0))
    consumer.resume(TopicPartition("elsewhere", 0))
