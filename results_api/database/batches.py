"""Work that is cheaper done together: what comes in while one batch is done makes up the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Batches(Generic[A, B]):
    """Asks for many at once, one batch after the other. Who asks alone does not wait.

    Args:
        answer: one answer for each item, in order; an exception is raised to who asked. What it
            raises itself is raised to all of the batch.
        most: items in a batch.
    """

    def __init__(self, answer: Callable[[list[A]], Awaitable[Sequence[B | Exception]]], *, most: int) -> None:
        self._answer = answer
        self._most = most
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, item: A) -> B:
        """The answer to ``item``. Who is cancelled while its batch is done does not stop the batch."""
        asked: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, asked))
        if self._working is None:
            # It starts in the next round of the loop: all who ask in this round are in the first batch.
            self._working = asyncio.create_task(self._work(), name="batches")
        return await asked

    async def close(self) -> None:
        """Returns when nothing is being done any more."""
        if self._working is not None:
            await self._working

    async def _work(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                if batch := [(item, asked) for item, asked in some if not asked.done()]:
                    await self._do(batch)
        finally:
            self._working = None

    async def _do(self, batch: list[tuple[A, asyncio.Future[B]]]) -> None:
        answers: Sequence[B | Exception]
        try:
            answers = await self._answer([item for item, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, asked), answer in zip(batch, answers, strict=True):
            if asked.done():
                continue
            if isinstance(answer, Exception):
                asked.set_exception(answer)
            else:
                asked.set_result(answer)
