"""Children are forked off a prepared process, which may die like any other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from polyvox.child.child import Child
from polyvox.child.nursery import Nursery
from polyvox.errors import ChildCrashed, OutOfMemory
from polyvox.host import loop_factory
from polyvox.metrics import CHILD_RESTARTS
from tests.support import mortal
from tests.support.polling import until
from tests.support.recorded_metrics import RecordedMetrics

ROOT = Path(__file__).resolve().parents[2]
TARGET = "tests.support.child_targets:Target"


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    made = Nursery(["json"], env={"ONLY": "this"}, name="model")
    yield made
    await made.close()


def parent_of(child: Child) -> psutil.Process:
    assert child.pid is not None
    parent = psutil.Process(child.pid).parent()
    assert parent is not None
    return parent


async def test_children_are_forked_from_one_process_and_know_nothing_of_this_one(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "s3")
    first, second = (Child(TARGET, {}, name="model", nursery=nursery) for _ in range(2))
    await asyncio.gather(first.start(), second.start())
    assert parent_of(first) == parent_of(second) != psutil.Process()
    assert await first.call("environment", "ONLY", timeout_s=60) == "this"
    assert await first.call("environment", "A_SECRET", timeout_s=60) is None
    assert await first.call("greet", "you", timeout_s=60) == "hello you 1"
    assert await second.call("greet", "you", timeout_s=60) == "hello you 1"
    await first.close()
    await second.close()


async def test_children_go_with_the_nursery_and_the_next_call_gets_another(nursery: Nursery) -> None:
    child = Child(TARGET, {}, name="model", nursery=nursery)
    await child.start()
    pid, parent = child.pid, parent_of(child)
    assert pid is not None
    waiting = asyncio.create_task(child.call("sleep", 60.0, timeout_s=90))
    await asyncio.sleep(0)
    os.kill(parent.pid, signal.SIGKILL)
    with pytest.raises(ChildCrashed):
        await waiting
    await until(lambda: not psutil.pid_exists(pid), what="the child to go with its nursery")
    assert await child.call("greet", "again", timeout_s=60) == "hello again 1"
    assert parent_of(child) != parent
    await child.close()


async def test_children_that_die_before_they_can_say_a_word_are_told_of_at_once() -> None:
    nursery = Nursery([f"{mortal.__name__}:doom"], env={"PYTHONPATH": str(ROOT)}, name="model")
    metrics = RecordedMetrics()
    child = Child(TARGET, {}, name="model", nursery=nursery, metrics=metrics)
    for _ in range(2):
        with pytest.raises(OutOfMemory):
            await child.start()
    assert metrics.count(CHILD_RESTARTS, child="model", cause="OutOfMemory") == 2
    await nursery.close()


async def test_children_killed_at_any_moment_of_their_birth_are_told_of_at_once(nursery: Nursery) -> None:
    child = Child(TARGET, {}, name="model", nursery=nursery)
    await child.start()
    parent = parent_of(child)
    await child.close()
    done = threading.Event()

    def kill_whoever_shows() -> None:
        while not done.is_set():
            for born in parent.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    born.kill()

    killing = asyncio.create_task(asyncio.to_thread(kill_whoever_shows))
    try:
        for _ in range(30):
            with pytest.raises(OutOfMemory):
                await child.start()
    finally:
        done.set()
        await killing
    assert await child.call("greet", "you", timeout_s=60) == "hello you 1"
    assert parent_of(child) == parent
    await child.close()


async def test_closing_leaves_no_process_and_no_zombie(nursery: Nursery) -> None:
    child = Child(TARGET, {}, name="model", nursery=nursery)
    await child.start()
    parent, pid = parent_of(child), child.pid
    assert pid is not None
    await child.close()
    await until(lambda: not parent.children(), what="the child to be reaped")
    await nursery.close()
    assert not parent.is_running()
    assert not psutil.pid_exists(pid)


def test_children_that_end_close_no_files_of_other_threads() -> None:
    """A descriptor that is closed twice is somebody else's the second time."""
    done = threading.Event()

    def open_and_close() -> None:
        while not done.is_set():
            descriptor = os.open(__file__, os.O_RDONLY)
            os.fstat(descriptor)
            os.close(descriptor)

    async def start_and_end(children: int) -> None:
        nursery = Nursery(["json"], env={}, name="model")
        for _ in range(children):
            child = Child(TARGET, {}, name="model", nursery=nursery)
            await child.start()
            await child.close()
        await nursery.close()

    with ThreadPoolExecutor(2) as threads, asyncio.Runner(loop_factory=loop_factory()) as runner:
        others = [threads.submit(open_and_close) for _ in range(2)]
        try:
            runner.run(start_and_end(25))
        finally:
            done.set()
        for other in others:
            other.result()
