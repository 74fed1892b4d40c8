"""Waiting for whatever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any


async def first_of(waits: Collection[asyncio.Task[Any]]) -> None:
    """Wait for one of ``waits`` and cancel the others."""
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
