"""Batches: what waits is asked for together, and one failure is not everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from results_api.database.batches import Batches


class Asked:
    """Answers with the double; keeps what it was asked. ``go`` lets it answer."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        await self.go.wait()
        if -1 in items:
            raise ConnectionError("all of it")
        return [ValueError(f"not {item}") if item % 10 == 3 else 2 * item for item in items]


async def test_what_comes_in_meanwhile_makes_up_the_next_batch() -> None:
    asked = Asked()
    asked.go.clear()
    batches: Batches[int, int] = Batches(asked, most=4)
    first = asyncio.create_task(batches.ask(0))
    while not asked.batches:
        await asyncio.sleep(0)
    others = [asyncio.create_task(batches.ask(n)) for n in (10, 11, 12, 14, 15)]
    await asyncio.sleep(0)
    asked.go.set()
    assert await asyncio.gather(first, *others) == [0, 20, 22, 24, 28, 30]
    assert asked.batches == [[0], [10, 11, 12, 14], [15]]
    await batches.close()


async def test_who_asks_in_one_round_of_the_loop_is_in_one_batch() -> None:
    asked = Asked()
    batches: Batches[int, int] = Batches(asked, most=4)
    assert await asyncio.gather(batches.ask(1), batches.ask(2)) == [2, 4]
    assert asked.batches == [[1, 2]]


async def test_an_answer_that_is_an_error_is_raised_to_who_asked() -> None:
    batches: Batches[int, int] = Batches(Asked(), most=4)
    good, bad = await asyncio.gather(batches.ask(2), batches.ask(3), return_exceptions=True)
    assert good == 4
    assert isinstance(bad, ValueError)


async def test_a_batch_that_fails_fails_for_all_of_it_and_for_no_other() -> None:
    batches: Batches[int, int] = Batches(Asked(), most=2)
    answers = await asyncio.gather(*(batches.ask(n) for n in (1, -1, 4)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError, int]


async def test_who_goes_away_while_waiting_is_left_out_and_the_rest_goes_on() -> None:
    asked = Asked()
    asked.go.clear()
    batches: Batches[int, int] = Batches(asked, most=4)
    busy = asyncio.create_task(batches.ask(0))
    while not asked.batches:
        await asyncio.sleep(0)
    gone, stays = asyncio.create_task(batches.ask(1)), asyncio.create_task(batches.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    busy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    asked.go.set()
    assert await stays == 4
    assert asked.batches == [[0], [2]]
