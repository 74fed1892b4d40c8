"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import httpx_sse

from polyvox.client import calls
from polyvox.client.calls import Progress, Recording, TranscriptFormat
from polyvox.contracts import Options, Transcript
from polyvox.errors import Transient

_CHUNK_BYTES = 256 * 1024


class AsyncClient:
    """Talks to one Polyvox server over HTTP, for asyncio.

    Every method raises ``NotFound``, ``Invalid`` or ``Transient`` from ``polyvox.errors``.
    """

    def __init__(self, base_url: str = "http://127.0.0.1:8484", *, http: httpx.AsyncClient | None = None) -> None:
        self._http = http or httpx.AsyncClient(base_url=base_url, timeout=calls.TIMEOUT)

    async def upload(
        self,
        path: str | Path,
        options: Options | None = None,
        *,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Send one file; returns its media id once the server has it safe."""
        path = Path(path)
        file = calls.ProgressFile(path, progress)

        async def body() -> AsyncIterator[bytes]:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk

        # httpx reads multipart files synchronously, so the file is sent as a raw body and
        # the options travel in the query string.
        try:
            response = await self._send(
                "POST",
                "/v1/media",
                params={**calls.form_fields(options or Options()), "filename": path.name},
                content=body(),
                headers={
                    "Content-Type": "application/octet-stream",
                    **({"Idempotency-Key": idempotency_key} if idempotency_key else {}),
                },
            )
        finally:
            file.close()
        return str(calls.json_of(response)["media_id"])

    async def get(self, media_id: str) -> Recording:
        """Where a recording stands."""
        return calls.recording(calls.json_of(await self._send("GET", f"/v1/media/{media_id}")))

    async def list(self, **filters: str | int) -> AsyncIterator[Recording]:
        """All recordings, newest first; ``filters`` as in ``GET /v1/media``."""
        cursor: str | None = None
        while True:
            params = {**filters, **({"cursor": cursor} if cursor else {})}
            page = calls.json_of(await self._send("GET", "/v1/media", params=params))
            for item in page["items"]:
                yield calls.recording(item)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def events(self, media_id: str) -> AsyncIterator[Recording]:
        """Each change of a recording as it happens, over server-sent events, to the final one."""
        try:
            async with httpx_sse.aconnect_sse(self._http, "GET", f"/v1/media/{media_id}/events") as source:
                if not source.response.is_success:
                    await source.response.aread()
                calls.checked(source.response)
                async for event in source.aiter_sse():
                    if event.data:
                        yield calls.recording(event.json())
        except httpx.TransportError as error:
            raise calls.unreachable(self._http.base_url, error) from error

    async def wait(
        self,
        media_id: str,
        *,
        timeout_s: float | None = None,
        progress: Callable[[Recording], None] | None = None,
    ) -> Recording:
        """Wait until a recording is completed, failed or deleted; survives a dropped connection.

        Raises:
            TimeoutError: it took longer than ``timeout_s``.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    async for state in self.events(media_id):
                        if progress:
                            progress(state)
                        if state.is_final:
                            return state
                except Transient:
                    if timeout_s is None:
                        raise
                await asyncio.sleep(0.5)

    async def transcript(self, media_id: str) -> Transcript:
        """The transcript, or what there is of it so far (``status`` says which)."""
        response = await self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": "json"})
        return calls.transcript(response)

    async def export(self, media_id: str, format: TranscriptFormat) -> str:
        """The transcript as a document."""
        return (await self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": format})).text

    async def delete(self, media_id: str) -> None:
        """Remove a recording and everything made from it."""
        await self._send("DELETE", f"/v1/media/{media_id}")

    async def detect_language(self, path: str | Path) -> dict[str, Any]:
        """Which language is spoken, with the five most probable ones."""
        path = Path(path)
        data = await asyncio.to_thread(path.read_bytes)
        return calls.json_of(await self._send("POST", "/v1/detect-language", files={"file": (path.name, data)}))

    async def is_ready(self) -> bool:
        try:
            return (await self._http.get("/ready")).is_success
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return calls.checked(await self._http.request(method, path, **arguments))
        except httpx.TransportError as error:
            raise calls.unreachable(self._http.base_url, error) from error
