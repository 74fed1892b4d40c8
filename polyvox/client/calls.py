"""What the sync and the async client share: requests to send, answers to read.

Pure: builds httpx arguments and turns responses into values or errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import httpx
from pydantic import ValidationError

from polyvox.contracts import Lane, Options, Transcript
from polyvox.errors import Invalid, NotFound, PolyvoxError, Transient

TranscriptFormat = Literal["json", "text", "srt", "vtt", "rttm", "csv", "tsv", "markdown", "textgrid", "eaf"]
FINAL_STATES = frozenset({"completed", "failed", "deleted"})
TIMEOUT = httpx.Timeout(30.0, read=120.0, write=120.0)
# Each recording that is waited for holds a connection, and there may be thousands of them.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)
RETRIES = 3
RETRY_BASE_S = 0.5
RETRY_MAX_S = 30.0
RETRY_AFTER_MAX_S = 600.0
"""How long a server may ask to be left alone; what it asks for beyond that is not waited for at once."""
PATIENCE_S = 60.0
"""How long a server may be away while a recording is waited for: a restart takes less."""


KEY_HINT = "A client takes it as api_key, commands from POLYVOX_API_KEY."


class Busy(Transient):
    """The server answered that it cannot do this now. ``retry_after_s`` is what it asks for, if anything."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


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


def address(base_url: str) -> httpx.URL:
    """A server's address; ``http://`` where no scheme is given.

    Raises:
        Invalid: it is none.
    """
    try:
        url = httpx.URL(base_url if "://" in base_url else f"http://{base_url}")
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid(
            f"{base_url!r} is not the address of a server; give one like http://127.0.0.1:8484", code="bad-address"
        )
    return url


def credentials(api_key: str | None) -> dict[str, str]:
    """The headers by which a server knows who calls.

    Raises:
        Invalid: no header can hold that.
    """
    if api_key is None:
        return {}
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise Invalid("the key is none: it looks like pvx_… and stands in one line", code="bad-key")
    return {"Authorization": f"Bearer {key}"}


def upload(path: Path, options: Options | None, idempotency_key: str | None, lane: Lane) -> dict[str, Any]:
    """Arguments of the request that uploads ``path``, but for its body.

    Without a key one is made up, so that repeating the request makes no second recording.
    """
    return {
        "params": {**form_fields(options or Options()), **lane_field(lane), "filename": path.name},
        "headers": {"Idempotency-Key": idempotency_key or uuid4().hex},
    }


def lane_field(lane: Lane) -> dict[str, str]:
    """What says that an upload may wait; the default is left out."""
    return {} if lane == "interactive" else {"lane": lane}


def form_fields(options: Options) -> dict[str, str]:
    """The form fields of ``POST /v1/media`` for these options; defaults are left out."""
    fields: dict[str, str] = {}
    for name, value in options.model_dump(exclude_defaults=True).items():
        if name == "metadata":
            fields[name] = json.dumps(value)
        elif isinstance(value, bool):
            fields[name] = "true" if value else "false"
        elif isinstance(value, list):
            fields[name] = ",".join(value)
        elif value is not None:
            fields[name] = str(value)
    return fields


def body_headers(size_bytes: int) -> dict[str, str]:
    """Headers of a file that is sent as the whole body: with its length, a server refuses it before it comes."""
    return {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}


def pause_s(failures: int, error: Transient) -> float:
    """Seconds before a call that failed so often in a row is repeated."""
    asked_s = error.retry_after_s if isinstance(error, Busy) else None
    if asked_s is not None:
        return min(RETRY_AFTER_MAX_S, asked_s)
    return min(RETRY_MAX_S, RETRY_BASE_S * 2.0 ** (failures - 1))


def recording(document: Mapping[str, Any]) -> Recording:
    """Raises Invalid: it does not describe a recording."""
    failure = document.get("failure")
    try:
        return Recording(
            media_id=str(document["media_id"]),
            status=str(document["status"]),
            progress=float(document.get("progress") or 0.0),
            eta_s=document.get("eta_s"),
            reason=failure.get("reason") if isinstance(failure, Mapping) else None,
            document=document,
        )
    except (KeyError, TypeError, ValueError):
        raise not_polyvox() from None


def transcript(response: httpx.Response) -> Transcript:
    """Raises Invalid: it is no transcript."""
    try:
        return Transcript.model_validate_json(response.content)
    except ValidationError:
        raise not_polyvox() from None


def json_of(response: httpx.Response, *members: str) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        Invalid: it is none, or lacks one of ``members``: another kind of server answered.
    """
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.keys() >= set(members):
        raise not_polyvox() from None
    return document


def not_polyvox() -> Invalid:
    return Invalid("what answered is not a Polyvox server: check the address", code="not-polyvox")


def checked(response: httpx.Response) -> httpx.Response:
    """Pass a 2xx response on, and a 304 to who asked for news; turn a problem document into an error.

    Raises:
        NotFound: 404 or 410.
        Busy: 408, 429 or 5xx; the same call may succeed later.
        Invalid: anything else; its reason says what to do.
    """
    if response.is_success or response.status_code == 304:
        return response
    reason, code = _problem(response)
    if response.status_code == 401:
        reason = f"{reason} {KEY_HINT}"
    if response.status_code in (404, 410):
        raise NotFound(reason, code=code)
    if response.status_code in (408, 429) or response.status_code >= 500:
        after = response.headers.get("Retry-After", "")
        raise Busy(reason, float(after) if after.isdecimal() else None)
    raise Invalid(reason, code=code)


def unreachable(base_url: httpx.URL | str, error: httpx.RequestError) -> PolyvoxError:
    """What a request that got no answer means."""
    if isinstance(error, httpx.LocalProtocolError):
        return Invalid(f"the request cannot be sent ({error}): did the file change meanwhile?", code="cannot-send")
    where = str(base_url).rstrip("/")
    return Transient(f"no answer from {where} ({error or type(error).__name__}): is the server running?")


def _problem(response: httpx.Response) -> tuple[str, str]:
    code = str(response.status_code)
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return f"the server answered {code} {response.reason_phrase}".rstrip(), code
    text = body.get("detail") or body.get("title") or f"the server answered {code}"
    return str(text), str(body.get("code") or body.get("type") or code)
