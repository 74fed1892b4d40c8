"""The client for ordinary code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack
from uuid import uuid4

import httpx
import httpx_sse

from polyvox.client import calls
from polyvox.client.bulk import How, Uploaded, upload_all
from polyvox.client.calls import Recording, TranscriptFormat
from polyvox.client.corrections import Corrections
from polyvox.client.files import Progress, ProgressFile
from polyvox.client.following import growing, states
from polyvox.client.found import Hit, hit, page_params
from polyvox.client.parts import PARTS_ABOVE_BYTES, is_older_server
from polyvox.client.speakers import Speakers
from polyvox.client.sync_parts import PartsUpload
from polyvox.client.webhooks import Webhooks
from polyvox.contracts import Lane, Options, Transcript
from polyvox.errors import NotFound, Transient

_CHUNK_BYTES = 256 * 1024


class Client:
    """Talks to one Polyvox server over HTTP.

    Every method raises ``NotFound``, ``Invalid`` or ``Transient`` from ``polyvox.errors``.
    Calls that meet transient trouble are repeated ``retries`` times before it is raised.
    Files of more than ``parts_above_bytes`` are sent in parts, several at a time, None: never.
    ``api_key`` goes to the server and to nobody else.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8484",
        *,
        api_key: str | None = None,
        retries: int = calls.RETRIES,
        parts_above_bytes: int | None = PARTS_ABOVE_BYTES,
        http: httpx.Client | None = None,
    ) -> None:
        self._retries = retries
        self._parts_above_bytes = parts_above_bytes
        self._http = http or httpx.Client(
            base_url=calls.address(base_url),
            headers=calls.credentials(api_key),
            timeout=calls.TIMEOUT,
            limits=calls.LIMITS,
        )
        self.corrections = Corrections(self._send)
        self.speakers = Speakers(self._send)
        self.webhooks = Webhooks(self._send, self._once)

    @property
    def base_url(self) -> str:
        """Of the server."""
        return str(self._http.base_url)

    def check(self) -> None:
        """Raises at once Transient when no server answers, Invalid when it is not Polyvox."""
        try:
            calls.json_of(self._once("GET", "/v1/media", params={"limit": 1}), "items")
        except NotFound as error:
            raise calls.not_polyvox() from error

    def upload(
        self,
        path: str | Path,
        options: Options | None = None,
        *,
        idempotency_key: str | None = None,
        lane: Lane = "interactive",
        progress: Progress | None = None,
        resume: str | Path | None = None,
    ) -> str:
        """Send one file; returns its media id once the server has it safe.

        What nobody waits for belongs into the ``lane`` "bulk": all interactive work goes before it.

        ``resume`` names a small file in which an upload in parts is remembered until it is completed:
        the same call with the same file, after whatever ended this one, sends only what is missing.

        Raises:
            OSError: the file cannot be read.
        """
        path = Path(path)
        if self._parts_above_bytes is not None and path.stat().st_size > self._parts_above_bytes:
            in_parts = PartsUpload(self._send, self._once, retries=self._retries)
            try:
                return in_parts.run(
                    path,
                    options or Options(),
                    server=self.base_url,
                    key=idempotency_key or uuid4().hex,
                    lane=lane,
                    resume=Path(resume) if resume else None,
                    progress=progress,
                )
            except NotFound as error:
                if not is_older_server(error):
                    raise
        request = calls.upload(path, options, idempotency_key, lane)
        response = self._persist(lambda: self._send_file("/v1/media", path, progress, **request))
        return str(calls.json_of(response, "media_id")["media_id"])

    def upload_all(
        self, paths: Iterable[str | Path], options: Options | None = None, **how: Unpack[How]
    ) -> Iterator[Uploaded]:
        """Send many files, several at a time; what became of each, as they end. Errors are in there, not raised.

        With a ``journal``, a file that remembers what is done, the same call goes on after whatever ended this one.
        """
        return upload_all(self.upload, paths, options, self.base_url, how)

    def get(self, media_id: str) -> Recording:
        """Where a recording stands."""
        return calls.recording(calls.json_of(self._send("GET", f"/v1/media/{media_id}")))

    def list(self, **filters: str | int) -> Iterator[Recording]:
        """All recordings, newest first; ``filters`` as in ``GET /v1/media``."""
        cursor: str | None = None
        while True:
            params = {**filters, **({"cursor": cursor} if cursor else {})}
            page = calls.json_of(self._send("GET", "/v1/media", params=params), "items")
            yield from (calls.recording(item) for item in page["items"])
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def search(self, q: str, **filters: str | int) -> Iterator[Hit]:
        """What was said that has all words of ``q``; ``filters`` as in ``GET /v1/search``, ``limit`` is of a page."""
        cursor: str | None = None
        while True:
            page = calls.json_of(self._send("GET", "/v1/search", params=page_params(q, filters, cursor)), "items")
            yield from (hit(item) for item in page["items"])
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def events(self, media_id: str) -> Iterator[Recording]:
        """Each change of a recording as it happens, over server-sent events, to the final one.

        Ends before that when the server stops; ``wait`` goes on then.
        """
        try:
            with httpx_sse.connect_sse(self._http, "GET", f"/v1/media/{media_id}/events") as source:
                if not source.response.is_success:
                    source.response.read()
                calls.checked(source.response)
                for event in source.iter_sse():
                    if event.data:
                        yield calls.recording(event.json())
        except httpx.RequestError as error:
            raise calls.unreachable(self._http.base_url, error) from error

    def stream(self, media_id: str) -> Iterator[Transcript]:
        """The transcript each time there is more of it, the finished one last; survives what ``wait`` does.

        Raises:
            Invalid: there will be none, and why.
        """

        def fetch(headers: dict[str, str]) -> httpx.Response:
            request = {"params": {"format": "json"}, "headers": headers}
            return self._send("GET", f"/v1/media/{media_id}/transcript", **request)

        return growing(states(lambda: self.events(media_id)), fetch)

    def wait(
        self,
        media_id: str,
        *,
        timeout_s: float | None = None,
        patience_s: float = calls.PATIENCE_S,
        poll_s: float = 0.5,
        progress: Callable[[Recording], None] | None = None,
    ) -> Recording:
        """Wait until a recording is completed, failed or deleted; survives lost connections and restarts.

        Raises:
            TimeoutError: it took longer than ``timeout_s``.
            Transient: the server was away for longer than ``patience_s``.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        lost_s: float | None = None
        while True:
            try:
                state = calls.recording(calls.json_of(self._once("GET", f"/v1/media/{media_id}")))
            except Transient:
                lost_s = time.monotonic() if lost_s is None else lost_s
                if time.monotonic() - lost_s >= patience_s:
                    raise
            else:
                lost_s = None
                if progress:
                    progress(state)
                if state.is_final:
                    return state
            if deadline_s is not None and time.monotonic() > deadline_s:
                raise TimeoutError(f"{media_id} did not finish within {timeout_s:g} s")
            time.sleep(poll_s)

    def transcript(self, media_id: str) -> Transcript:
        """The transcript, or what there is of it so far (``status`` says which)."""
        return calls.transcript(self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": "json"}))

    def export(self, media_id: str, format: TranscriptFormat, **style: float | bool) -> str:
        """The transcript as a document; ``style`` are the route's parameters for it, such as ``max_line_length``."""
        return self._send("GET", f"/v1/media/{media_id}/transcript", params={"format": format, **style}).text

    def trace(self, media_id: str) -> dict[str, Any]:
        """What a recording's time went to: the answer of ``GET /v1/media/{id}/trace``."""
        return calls.json_of(self._send("GET", f"/v1/media/{media_id}/trace"), "spans")

    def retention(self, **params: str | float) -> dict[str, Any]:
        """What goes when because of its age, and what went: the answer of ``GET /v1/retention``."""
        return calls.json_of(self._send("GET", "/v1/retention", params=params), "items")

    def delete(self, media_id: str) -> None:
        """Remove a recording and everything made from it."""
        self._send("DELETE", f"/v1/media/{media_id}")

    def detect_language(self, path: str | Path) -> dict[str, Any]:
        """Which language is spoken, with the five most probable ones."""
        path = Path(path)
        return calls.json_of(self._send_file("/v1/detect-language", path, None, params={"filename": path.name}))

    def replay(self, order: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Order a stage to run again: the body and the answer of ``POST /v1/replays``."""
        request = {"json": dict(order), "params": {"dry_run": dry_run}}
        # Sent once: an order that was taken but not answered would be given twice.
        return calls.json_of(self._once("POST", "/v1/replays", **request))

    def replay_state(self, replay_id: str) -> dict[str, Any]:
        """How a replay fares: the answer of ``GET /v1/replays/{id}``."""
        return calls.json_of(self._send("GET", f"/v1/replays/{replay_id}"), "recordings")

    def is_ready(self) -> bool:
        """Whether the server answers and can do its work."""
        try:
            return self._http.get("/ready").is_success
        except httpx.RequestError:
            return False

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send_file(
        self, url: str, path: Path, progress: Progress | None, *, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """Send a file as the whole body."""
        with ProgressFile(path, progress) as file:
            chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
            own = calls.body_headers(file.size_bytes)
            return self._once("POST", url, content=chunks, headers={**own, **(headers or {})}, **request)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._persist(lambda: self._once(method, path, **request))

    def _persist(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """Make a call that does no harm when it is repeated, until it is answered or retries are used up."""
        for failures in range(1, self._retries + 1):
            try:
                return call()
            except Transient as error:
                time.sleep(calls.pause_s(failures, error))
        return call()

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return calls.checked(self._http.request(method, path, **request))
        except httpx.RequestError as error:
            raise calls.unreachable(self._http.base_url, error) from error
