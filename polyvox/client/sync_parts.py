"""Uploading a file in parts, several at a time, in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from polyvox.client import calls, parts
from polyvox.client.files import Progress
from polyvox.client.parts import Plan, Resume, Sent, Source
from polyvox.contracts import Lane, Options
from polyvox.errors import NotFound, Transient

Send = Callable[..., httpx.Response]
"""A request to the server, repeated while it is in trouble."""


class PartsUpload:
    """``send`` talks to the server, ``put`` sends a part there once; other hosts are talked to without credentials."""

    def __init__(self, send: Send, put: Send, *, retries: int) -> None:
        self._send = send
        self._put = put
        self._retries = retries
        self._turn = threading.Lock()

    def run(
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
        plan = self._resumed(memory) or self._begun(source, options, key, lane)
        memory.keep(plan.upload_id)
        if not plan.is_completed:
            sent = Sent(plan, progress)
            self._send_parts(plan, source, sent)
            source.check_unchanged()
            self._send("POST", f"{plan.path}/complete", json=sent.completion())
        memory.forget()
        return plan.media_id

    def _resumed(self, memory: Resume) -> Plan | None:
        upload_id = memory.upload_id()
        if upload_id is None:
            return None
        try:
            return Plan.of(calls.json_of(self._send("GET", f"/v1/uploads/{upload_id}")))
        except NotFound:
            return None

    def _begun(self, source: Source, options: Options, key: str, lane: Lane) -> Plan:
        body = parts.beginning(source, options, lane)
        return Plan.of(calls.json_of(self._send("POST", "/v1/uploads", json=body, headers={"Idempotency-Key": key})))

    def _send_parts(self, plan: Plan, source: Source, sent: Sent) -> None:
        with (
            httpx.Client(timeout=calls.TIMEOUT) as elsewhere,
            ThreadPoolExecutor(parts.PARALLEL, thread_name_prefix="polyvox-upload") as threads,
        ):
            try:
                for batch in parts.batches(plan.missing()):
                    urls = self._urls(plan, batch)
                    jobs = [
                        threads.submit(self._one, plan, source, number, urls[number], sent, elsewhere)
                        for number in batch
                    ]
                    for job in jobs:
                        job.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, plan: Plan, source: Source, number: int, url: str, sent: Sent, elsewhere: httpx.Client) -> None:
        for failures in range(1, self._retries + 2):
            try:
                etag = self._put_once(url, plan.read(source, number), elsewhere)
            except Transient as error:
                if failures > self._retries:
                    raise
                time.sleep(calls.pause_s(failures, error))
                url = self._urls(plan, [number])[number]
            else:
                with self._turn:
                    sent.add(number, etag)
                return

    def _put_once(self, url: str, data: bytes, elsewhere: httpx.Client) -> str | None:
        if url.startswith("/"):
            return parts.etag_of(self._put("PUT", url, content=data))
        try:
            return parts.etag_of(parts.part_checked(elsewhere.put(url, content=data)))
        except httpx.RequestError as error:
            raise calls.unreachable(httpx.URL(url).copy_with(query=None), error) from error

    def _urls(self, plan: Plan, numbers: list[int]) -> dict[int, str]:
        asked: dict[str, Any] = {"numbers": numbers}
        return parts.places(calls.json_of(self._send("POST", f"{plan.path}/urls", json=asked)))
