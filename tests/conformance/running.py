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
KEY, KEY_ID, TOKEN = "CONFORMANCE_KEY", "CONFORMANCE_KEY_ID", "CONFORMANCE_TOKEN"
"""Where schemathesis finds the key that it calls with, and the token for notifications of buckets."""
BUCKET_EVENTS_TOKEN = "told-by-the-bucket"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``said`` is what schemathesis printed."""

    is_clean: bool
    said: str


async def examine(data_dir: Path, arguments: Sequence[str], *, keys: bool = True, shown: bool = False) -> Outcome:
    """Run schemathesis with its default checks over every route.

    Args:
        data_dir: an empty folder for the product.
        arguments: more for ``schemathesis run``, such as ``--max-examples 10``.
        keys: whether the server has any; without, it serves this machine and asks nobody.
        shown: print as it goes instead of keeping what is said.
    """
    async with instant_product(data_dir, bucket_events_token=BUCKET_EVENTS_TOKEN) as url:
        key = await _admin_key(url) if keys else {"key": "", "key_id": ""}
        await _upload(url, key["key"] or None, data_dir)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", _config(data_dir, keys=keys)),
            *("run", f"{url}/openapi.json", *arguments),
            cwd=data_dir,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                KEY: key["key"],
                KEY_ID: key["key_id"],
                TOKEN: BUCKET_EVENTS_TOKEN,
            },
            stdout=None if shown else asyncio.subprocess.PIPE,
            stderr=None if shown else asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    return Outcome(process.returncode == 0, (said or b"").decode(errors="replace"))


def _config(data_dir: Path, *, keys: bool) -> Path:
    """What schemathesis goes by; it may name only keys that the document speaks of."""
    told = (HERE / "schemathesis.toml").read_text(encoding="utf-8")
    config = data_dir / "schemathesis.toml"
    config.write_text(told + (HERE / "keys.toml").read_text(encoding="utf-8") if keys else told, encoding="utf-8")
    return config


async def _admin_key(url: str) -> dict[str, Any]:
    """The first key: from now on every request needs one, which is what schemathesis is to see."""
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/keys", json={"name": "conformance", "scopes": ["admin"]})
    key: dict[str, Any] = answer.raise_for_status().json()
    return key


async def _upload(url: str, key: str | None, folder: Path) -> None:
    """Something to be found, read, corrected and deleted."""
    async with AsyncClient(url, api_key=key) as client:
        for seconds in (4.0, 6.0):
            await client.wait(await client.upload(speech(folder / f"{seconds:g}.flac", seconds)))
