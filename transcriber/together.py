"""Requests that come while the model works are answered together in its next turn. Knows nothing of models."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from polyvox.errors import ChildCrashed, OutOfMemory, PolyvoxError

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(slots=True, eq=False)
class _Asked(Generic[Q, A]):
    request: Q
    size_bytes: int
    answer: asyncio.Future[A]
    group: _Group[Q, A] | None = None


@dataclass(slots=True, eq=False)
class _Group(Generic[Q, A]):
    members: list[_Asked[Q, A]]
    work: asyncio.Task[list[A | PolyvoxError]] = field(init=False)

    def abandoned(self) -> bool:
        return all(asked.answer.done() for asked in self.members)


class Together(Generic[Q, A]):
    """Gathers requests for ``call``, which answers several, each with its answer or its error.

    Args:
        turns: how many calls may run at the same time.
        most: how many requests a call takes.
        most_bytes: how large they may be together; one alone may be larger, so that what is long delays nobody else.
        wait_s: how long a first request waits for others.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Q]], Awaitable[list[A | PolyvoxError]]],
        *,
        turns: int,
        most: int,
        most_bytes: int,
        wait_s: float,
    ) -> None:
        self._call = call
        self._turns = turns
        self._most = most
        self._most_bytes = most_bytes
        self._wait_s = wait_s
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._taking: set[asyncio.Task[None]] = set()
        """One task for each turn that is taken, as long as anything waits."""

    async def ask(self, request: Q, *, size_bytes: int) -> A:
        """The answer to ``request``. When all of a call's requests are cancelled, so is the call.

        Raises:
            PolyvoxError: what the call gave for this request, or raised.
        """
        asked: _Asked[Q, A] = _Asked(request, size_bytes, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if len(self._taking) < self._turns:
            taking = asyncio.create_task(self._take_turns())
            self._taking.add(taking)
        try:
            return await asked.answer
        finally:
            asked.answer.cancel()
            if asked.group is not None and asked.group.abandoned():
                asked.group.work.cancel()

    async def _take_turns(self) -> None:
        taking = asyncio.current_task()
        assert taking is not None
        try:
            await self._work_off()
        finally:
            # At once, not in a callback: what is asked next must see that nobody takes turns any more.
            self._taking.discard(taking)

    async def _work_off(self) -> None:
        while self._waiting:
            if len(self._waiting) < self._most:
                await asyncio.sleep(self._wait_s)
            members = self._next_group()
            if members:
                await self._serve(members)

    def _next_group(self) -> list[_Asked[Q, A]]:
        members: list[_Asked[Q, A]] = []
        size_bytes = 0
        while self._waiting and len(members) < self._most:
            if members and size_bytes + self._waiting[0].size_bytes > self._most_bytes:
                break
            asked = self._waiting.popleft()
            if not asked.answer.done():
                members.append(asked)
                size_bytes += asked.size_bytes
        return members

    async def _serve(self, members: list[_Asked[Q, A]]) -> None:
        group = _Group(members)
        group.work = asyncio.ensure_future(self._answers([asked.request for asked in members]))
        for asked in members:
            asked.group = group
        await asyncio.wait([group.work])
        if group.work.cancelled():
            for asked in members:
                asked.answer.cancel()
            return
        error = group.work.exception()
        if isinstance(error, ChildCrashed | OutOfMemory) and len(members) > 1:
            # One of them is too much for the model: each alone, so that only that one fails.
            for asked in members:
                if not asked.answer.done():
                    await self._serve([asked])
            return
        answers = [error] * len(members) if error is not None else group.work.result()
        for asked, answer in zip(members, answers, strict=True):
            if asked.answer.done():
                continue
            if isinstance(answer, BaseException):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)

    async def _answers(self, requests: Sequence[Q]) -> list[A | PolyvoxError]:
        return await self._call(requests)
