"""A whole Polyvox whose engines return at once, and schemathesis beside it in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from polyvox.client import AsyncClient
from tests.support.instant_product import instant_product
from tests.support.stack import speech

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY, KEY_ID = "CONFORMANCE_KEY", "CONFORMANCE_KEY_ID"
"""Where schemathesis finds the key that it calls with."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``said`` is what schemathesis printed."""

    is_clean: bool
    said: str


async def examine(data_dir: Path, arguments: Sequence[str], *, shown: bool = False) -> Outcome:
    """Run schemathesis with its default checks over every route.

    Args:
        data_dir: an empty folder for the product.
        arguments: more for ``schemathesis run``, such as ``--max-examples 10``.
        shown: print as it goes instead of keeping what is said.
    """
    async with instant_product(data_dir) as url:
        key = await _admin_key(url)
        await _upload(url, key["key"], data_dir)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml"),
            *("run", f"{url}/openapi.json", *arguments),
            cwd=data_dir,
            env={**os.environ, "PYTHONPATH": str(ROOT), KEY: key["key"], KEY_ID: key["key_id"]},
            stdout=None if shown else asyncio.subprocess.PIPE,
            stderr=None if shown else asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    return Outcome(process.returncode == 0, (said or b"").decode(errors="replace"))


async def _admin_key(url: str) -> dict[str, Any]:
    """The first key: from now on every request needs one, which is what schemathesis is to see."""
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/keys", json={"name": "conformance", "scopes": ["admin"]})
    key: dict[str, Any] = answer.raise_for_status().json()
    return key


async def _upload(url: str, key: str, folder: Path) -> None:
    """Something to be found, read, corrected and deleted."""
    async with AsyncClient(url, api_key=key) as client:
        for seconds in (4.0, 6.0):
            await client.wait(await client.upload(speech(folder / f"{seconds:g}.flac", seconds)))
