"""Children that nobody needs give their memory back, and come again when they are needed."""

from __future__ import annotations

import asyncio

import psutil

from polyvox.child.child import Child
from polyvox.child.pool import ChildPool
from tests.support.polling import until

TARGET = "tests.support.child_targets:Target"


async def test_a_child_that_nobody_needs_is_ended_and_the_next_call_starts_another() -> None:
    child = Child(TARGET, {}, name="model")
    pool = ChildPool([child], idle_s=0.05)
    try:
        first = await pool.call("pid", timeout_s=60)
        await until(lambda: child.pid is None)
        await until(lambda: not psutil.pid_exists(first))
        assert await pool.call("pid", timeout_s=60) != first
    finally:
        await pool.close()


async def test_a_child_that_is_asked_again_in_time_stays_and_so_does_one_without_such_a_bound() -> None:
    asked, kept = Child(TARGET, {}, name="model"), Child(TARGET, {}, name="model")
    pools = ChildPool([asked], idle_s=60.0), ChildPool([kept])
    try:
        first = await asyncio.gather(*(pool.call("pid", timeout_s=60) for pool in pools))
        assert await asyncio.gather(*(pool.call("pid", timeout_s=60) for pool in pools)) == first
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))
    assert asked.pid is None


async def test_calls_that_come_while_children_end_are_answered() -> None:
    pool = ChildPool([Child(TARGET, {}, name="model")], idle_s=1e-6)
    try:
        answers = [await pool.call("greet", "you", timeout_s=60) for _ in range(3)]
    finally:
        await pool.close()
    assert [answer.split()[0] for answer in answers] == ["hello"] * 3
