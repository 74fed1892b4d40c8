"""The client for ordinary code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from polyvox.client import calls
from polyvox.client.calls import Progress, Recording, TranscriptFormat
from polyvox.contracts import Options, Transcript
from polyvox.errors import Transient


class Client:
    """Talks to one Polyvox server over HTTP.

    Every method raises ``NotFound``, ``Invalid`` or ``Transient`` from ``polyvox.errors``.
    """

    def __init__(self, base_url: str = "http://127.0.0.1:8484", *, http: httpx.Client | None = None) -> None:
        self._http = http or httpx.Client(base_url=base_url, timeout=calls.TIMEOUT)

    def upload(
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
        try:
            response = self._send(
                "POST",
                "/v1/media",
                data=calls.form_fields(options or Options()),
                files={"file": (path.name, file)},
                headers={"Idempotency-Key": idempotency_key} if idempotency_key else {},
            )
        finally:
            file.close()
        return str(calls.json_of(response)["media_id"])

    def get(self, media_id: str) -> Recording:
        """Where a recording stands."""
        return calls.recording(calls.json_of(self._send("GET", f"/v1/media/{media_id}")))

    def list(self, **filters: str | int) -> Iterator[Recording]:
        """All recordings, newest first; ``filters`` as in ``GET /v1/media``."""
        cursor: str | None = None
        while True:
            params = {**filters, **({"cursor": cursor} if cursor else {})}
            page = calls.json_of(self._send("GET", "/v1/media", params=params))
            yield from (calls.recording(item) for item in page["items"])
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def wait(
        self,
        media_id: str,
        *,
        timeout_s: float | None = None,
        poll_s: float = 0.5,
        progress: Callable[[Recording], None] | None = None,
    ) -> Recording:
        """Wait until a recording is completed, failed or deleted.

        Raises:
            TimeoutError: it took longer than ``timeout_s``.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                state = self.get(media_id)
            except Transient:
                if deadline is None:
                    raise
                state = None
            if state is not None:
                if progress:
                    progress(state)
                if state.is_final:
                    return state
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{media_id} did not finish within {timeout_s:g} s")
            time.sleep(poll_s)

    def transcript(self, media_id: str) -> Transcript:
        """The transcript, or what there is of it so far (``status`` says which)."""
        return calls.transcript(self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": "json"}))

    def export(self, media_id: str, format: TranscriptFormat) -> str:
        """The transcript as a document."""
        return self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": format}).text

    def delete(self, media_id: str) -> None:
        """Remove a recording and everything made from it."""
        self._send("DELETE", f"/v1/media/{media_id}")

    def detect_language(self, path: str | Path) -> dict[str, Any]:
        """Which language is spoken, with the five most probable ones."""
        path = Path(path)
        with path.open("rb") as file:
            return calls.json_of(self._send("POST", "/v1/detect-language", files={"file": (path.name, file)}))

    def is_ready(self) -> bool:
        try:
            return self._http.get("/ready").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return calls.checked(self._http.request(method, path, **arguments))
        except httpx.TransportError as error:
            raise calls.unreachable(self._http.base_url, error) from error
