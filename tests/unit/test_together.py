"""Requests that come together are answered together, and each gets only its own answer or error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from polyvox.errors import ChildCrashed, Invalid, PolyvoxError
from transcriber.together import Together


class Model:
    """Doubles numbers; refuses negative ones; dies of 13."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.begun = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, numbers: Sequence[int]) -> list[int | PolyvoxError]:
        self.calls.append(list(numbers))
        self.begun.set()
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if 13 in numbers:
            raise ChildCrashed("killed by SIGSEGV")
        return [Invalid("negative", code="negative") if number < 0 else 2 * number for number in numbers]


def together(model: Model, most: int = 3) -> Together[int, int]:
    return Together(model, turns=1, most=most, most_bytes=100, wait_s=0.0)


async def all_of(asked: Together[int, int], *numbers: int, size_bytes: int = 1) -> list[int | BaseException]:
    return await asyncio.gather(*(asked.ask(n, size_bytes=size_bytes) for n in numbers), return_exceptions=True)


async def test_what_comes_at_the_same_time_shares_a_call() -> None:
    model = Model()
    assert await all_of(together(model), 1, 2, 3, 4) == [2, 4, 6, 8]
    assert model.calls == [[1, 2, 3], [4]]


async def test_what_comes_during_a_call_shares_the_next() -> None:
    model = Model()
    asked = together(model)
    model.free.clear()
    first = asyncio.create_task(asked.ask(1, size_bytes=1))
    await model.begun.wait()
    others = asyncio.create_task(all_of(asked, 2, 3))
    await asyncio.sleep(0)
    model.free.set()
    assert (await first, await others) == (2, [4, 6])
    assert model.calls == [[1], [2, 3]]


async def test_what_is_large_goes_alone() -> None:
    model = Model()
    assert await all_of(together(model), 1, 2, size_bytes=90) == [2, 4]
    assert model.calls == [[1], [2]]


async def test_only_what_is_wrong_fails() -> None:
    good, bad, fine = await all_of(together(Model()), 1, -1, 2)
    assert (good, fine) == (2, 4)
    assert isinstance(bad, Invalid)


async def test_what_kills_the_model_fails_alone() -> None:
    model = Model()
    one, thirteen, two = await all_of(together(model), 1, 13, 2)
    assert (one, two) == (2, 4)
    assert isinstance(thirteen, ChildCrashed)
    assert model.calls == [[1, 13, 2], [1], [13], [2]]


@pytest.mark.parametrize("leaving", [1, 2])
async def test_a_call_ends_when_nobody_waits_for_it_any_more(leaving: int) -> None:
    model = Model()
    asked = together(model, most=2)
    model.free.clear()
    waiting = [asyncio.create_task(asked.ask(n, size_bytes=1)) for n in (1, 2)]
    await model.begun.wait()
    for task in waiting[:leaving]:
        task.cancel()
    await asyncio.wait(waiting[:leaving])
    await asyncio.sleep(0)
    assert model.cancelled == (leaving == 2)
    model.free.set()
    assert await asyncio.gather(*waiting[leaving:]) == [4] * (2 - leaving)
    assert await asked.ask(5, size_bytes=1) == 10


async def test_a_call_that_is_cancelled_from_within_leaves_nobody_waiting() -> None:
    async def gone(_numbers: Sequence[int]) -> list[int | PolyvoxError]:
        raise asyncio.CancelledError

    asked: Together[int, int] = Together(gone, turns=1, most=2, most_bytes=100, wait_s=0.0)
    async with asyncio.timeout(60):
        found = await asyncio.gather(*(asked.ask(n, size_bytes=1) for n in (1, 2)), return_exceptions=True)
    assert [type(error) for error in found] == [asyncio.CancelledError] * 2
