"""Uploading a file in parts, several at a time, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from polyvox.client import calls, parts
from polyvox.client.files import Progress
from polyvox.client.parts import Plan, Resume, Sent, Source
from polyvox.contracts import Lane, Options
from polyvox.errors import NotFound, Transient

Send = Callable[..., Awaitable[httpx.Response]]
"""A request to the server, repeated while it is in trouble."""


class PartsUpload:
    """``send`` talks to the server, ``put`` sends a part there once; other hosts are talked to without credentials."""

    def __init__(self, send: Send, put: Send, *, retries: int) -> None:
        self._send = send
        self._put = put
        self._retries = retries

    async def run(
        self,
        path: Path,
        options: Options,
        *,
        server: str,
        key: str,
        lane: Lane,
        resume: Path | None,
        progress: Progress | None,
    ) -> str:
        """The media id.

        Raises:
            NotFound: the server knows no uploads in parts.
            Invalid, Transient, OSError: as the client's ``upload``.
        """
        source = Source.of(path)
        memory = Resume(resume, source, options, server)
        plan = await self._resumed(memory) or await self._begun(source, options, key, lane)
        memory.keep(plan.upload_id)
        if not plan.is_completed:
            sent = Sent(plan, progress)
            await self._send_parts(plan, source, sent)
            source.check_unchanged()
            await self._send("POST", f"{plan.path}/complete", json=sent.completion())
        memory.forget()
        return plan.media_id

    async def _resumed(self, memory: Resume) -> Plan | None:
        upload_id = memory.upload_id()
        if upload_id is None:
            return None
        try:
            return Plan.of(calls.json_of(await self._send("GET", f"/v1/uploads/{upload_id}")))
        except NotFound:
            return None

    async def _begun(self, source: Source, options: Options, key: str, lane: Lane) -> Plan:
        body = parts.beginning(source, options, lane)
        answer = await self._send("POST", "/v1/uploads", json=body, headers={"Idempotency-Key": key})
        return Plan.of(calls.json_of(answer))

    async def _send_parts(self, plan: Plan, source: Source, sent: Sent) -> None:
        slots = asyncio.Semaphore(parts.PARALLEL)
        async with httpx.AsyncClient(timeout=calls.TIMEOUT) as elsewhere:
            for batch in parts.batches(plan.missing()):
                urls = await self._urls(plan, batch)
                jobs = [
                    asyncio.create_task(self._one(plan, source, number, urls[number], sent, elsewhere, slots))
                    for number in batch
                ]
                try:
                    await asyncio.gather(*jobs)
                finally:
                    for job in jobs:
                        job.cancel()
                    await asyncio.gather(*jobs, return_exceptions=True)

    async def _one(
        self,
        plan: Plan,
        source: Source,
        number: int,
        url: str,
        sent: Sent,
        elsewhere: httpx.AsyncClient,
        slots: asyncio.Semaphore,
    ) -> None:
        async with slots:
            for failures in range(1, self._retries + 2):
                try:
                    data = await asyncio.to_thread(plan.read, source, number)
                    etag = await self._put_once(url, data, elsewhere)
                except Transient as error:
                    if failures > self._retries:
                        raise
                    await asyncio.sleep(calls.pause_s(failures, error))
                    url = (await self._urls(plan, [number]))[number]
                else:
                    sent.add(number, etag)
                    return

    async def _put_once(self, url: str, data: bytes, elsewhere: httpx.AsyncClient) -> str | None:
        if url.startswith("/"):
            return parts.etag_of(await self._put("PUT", url, content=data))
        try:
            return parts.etag_of(parts.part_checked(await elsewhere.put(url, content=data)))
        except httpx.RequestError as error:
            raise calls.unreachable(httpx.URL(url).copy_with(query=None), error) from error

    async def _urls(self, plan: Plan, numbers: list[int]) -> dict[int, str]:
        asked: dict[str, Any] = {"numbers": numbers}
        return parts.places(calls.json_of(await self._send("POST", f"{plan.path}/urls", json=asked)))
