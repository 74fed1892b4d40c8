"""What the sync and the async client share: requests to send, answers to read.

Pure: builds httpx arguments and turns responses into values or errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import httpx

from polyvox.contracts import Options, Transcript
from polyvox.errors import Invalid, NotFound, PolyvoxError, Transient

TranscriptFormat = Literal["json", "text", "srt", "vtt", "rttm"]
FINAL_STATES = frozenset({"completed", "failed", "deleted"})
TIMEOUT = httpx.Timeout(30.0, read=120.0, write=120.0)

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording as ``GET /v1/media/{id}`` describes it; ``document`` is the whole answer."""

    media_id: str
    status: str
    progress: float
    eta_s: float | None
    reason: str | None
    document: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_STATES


class ProgressFile:
    """A file that tells how much of it was read; httpx streams it without holding it."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._total = path.stat().st_size
        self._progress = progress
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sent += len(data)
        if self._progress:
            self._progress(self._sent, self._total)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        position = self._file.seek(offset, whence)
        self._sent = position if whence == 0 else self._sent
        return position

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


def form_fields(options: Options) -> dict[str, str]:
    """The form fields of ``POST /v1/media`` for these options; defaults are left out."""
    fields: dict[str, str] = {}
    for name, value in options.model_dump(exclude_defaults=True).items():
        if name == "metadata":
            fields[name] = json.dumps(value)
        elif isinstance(value, bool):
            fields[name] = "true" if value else "false"
        elif value is not None:
            fields[name] = str(value)
    return fields


def recording(document: Mapping[str, Any]) -> Recording:
    failure = document.get("failure")
    reason = failure.get("reason") if isinstance(failure, Mapping) else None
    return Recording(
        media_id=str(document["media_id"]),
        status=str(document["status"]),
        progress=float(document.get("progress") or 0.0),
        eta_s=document.get("eta_s"),
        reason=reason,
        document=document,
    )


def transcript(response: httpx.Response) -> Transcript:
    return Transcript.model_validate(response.json())


def json_of(response: httpx.Response) -> dict[str, Any]:
    return cast("dict[str, Any]", response.json())


def checked(response: httpx.Response) -> httpx.Response:
    """Pass a 2xx response on; turn a problem document into an error.

    Raises:
        NotFound: 404 or 410.
        Transient: 429 or 5xx; the same call may succeed later.
        Invalid: any other 4xx; its reason says what to do.
    """
    if response.is_success:
        return response
    reason, code = _problem(response)
    if response.status_code in (404, 410):
        raise NotFound(reason, code=code)
    if response.status_code == 429 or response.status_code >= 500:
        raise Transient(reason)
    raise Invalid(reason, code=code)


def unreachable(base_url: httpx.URL | str, error: httpx.TransportError) -> PolyvoxError:
    return Transient(f"no answer from {base_url} ({error or type(error).__name__}): is the server running?")


def _problem(response: httpx.Response) -> tuple[str, str]:
    code = str(response.status_code)
    try:
        body = response.json()
    except ValueError:
        return f"the server answered {code} {response.reason_phrase}", code
    if not isinstance(body, dict):
        return f"the server answered {code}", code
    text = body.get("detail") or body.get("title") or f"the server answered {code}"
    return str(text), str(body.get("code") or body.get("type") or code)
