"""Recordings that are uploaded while a fault lasts, and what their owners were told."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from polyvox.client import calls
from polyvox.errors import Invalid, Transient
from tests.chaos.faults.world import PREFIX, WATCHED, World
from tests.support.buckets import client_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

Way = Literal["key", "once", "bucket"]
WAYS: tuple[Way, ...] = ("key", "key", "bucket", "key", "once", "key", "bucket", "key")
PAUSE_S = 0.3
GIVE_UP_S = 420.0
TIMEOUT_S = 30.0


@dataclass
class Sent:
    """One recording, and what was acknowledged of it.

    ``way``: "key" is sent with an idempotency key until it is acknowledged, "once" without a key and never again,
    "bucket" is put into the watched bucket until the store has taken it. ``media_ids`` are those of acknowledgements.
    """

    name: str
    way: Way
    media_ids: set[str] = field(default_factory=set)
    dropped: bool = False
    refused: str | None = None

    @property
    def acknowledged(self) -> bool:
        return self.dropped or bool(self.media_ids)


class Load:
    """``count`` recordings at a steady rate, of which the last ``held`` wait for ``let_go``.

    ``name`` begins the file names, by which recordings are known again.
    """

    def __init__(self, world: World, name: str, count: int, *, held: int, rate_hz: float) -> None:
        self.sent = [Sent(f"{name}-{number:05d}.flac", WAYS[number % len(WAYS)]) for number in range(count)]
        self._world = world
        self._held = held
        self._rate_hz = rate_hz
        self._free = asyncio.Event()
        self._body = world.recording.read_bytes()

    @property
    def acknowledged(self) -> int:
        return sum(sent.acknowledged for sent in self.sent)

    def let_go(self) -> None:
        """Send the rest."""
        self._free.set()

    async def run(self) -> None:
        """Returns when every recording is acknowledged, refused or given up."""
        limits = httpx.Limits(max_connections=64)
        with closing(client_of(self._world.store)) as s3:
            async with (
                httpx.AsyncClient(base_url=self._world.url, timeout=TIMEOUT_S, limits=limits) as http,
                asyncio.TaskGroup() as group,
            ):
                for number, sent in enumerate(self.sent):
                    if number == len(self.sent) - self._held:
                        await self._free.wait()
                    group.create_task(self._send(http, s3, sent), name=sent.name)
                    await asyncio.sleep(1 / self._rate_hz)

    async def _send(self, http: httpx.AsyncClient, s3: S3Client, sent: Sent) -> None:
        give_up_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up_s:
            try:
                if sent.way == "bucket":
                    await asyncio.to_thread(s3.put_object, Bucket=WATCHED, Key=PREFIX + sent.name, Body=self._body)
                    sent.dropped = True
                else:
                    sent.media_ids.add(await self._upload(http, sent))
                return
            except Invalid as error:
                sent.refused = error.reason
                return
            except (Transient, httpx.TransportError, BotoCoreError, ClientError):
                if sent.way == "once":
                    return
                await asyncio.sleep(PAUSE_S)

    async def _upload(self, http: httpx.AsyncClient, sent: Sent) -> str:
        headers = {"Content-Type": "application/octet-stream"}
        if sent.way == "key":
            headers["Idempotency-Key"] = sent.name
        answer = await http.post("/v1/media", params={"filename": sent.name}, headers=headers, content=self._body)
        return str(calls.json_of(calls.checked(answer), "media_id")["media_id"])
