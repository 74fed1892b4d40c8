"""Ends a command in order when it is interrupted, with the exit status that shells expect."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(Exception):
    """A signal ended the command; ``status`` is the exit status, 130 after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.status = 128 + number


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main``; a signal cancels it, and a further one cancels what it does to clean up.

    Raises:
        Interrupted: after a signal, once ``main`` has ended.
    """
    return asyncio.run(_guarded(main))


async def _guarded(main: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    with contextlib.ExitStack() as handlers:
        for number in SIGNALS:
            loop.add_signal_handler(number, stop, number)
            handlers.callback(loop.remove_signal_handler, number)
        try:
            return await task
        except asyncio.CancelledError:
            if not received:
                raise
    raise Interrupted(received[0])
