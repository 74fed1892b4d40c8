"""What an endpoint's refusals mean here: whose fault they are, and when to try again. Pure.

| answer | here |
|---|---|
| 401 | Fatal: no request will be taken |
| 403, 404, or 400 about the model or the form of the answer | Fatal for the default model, else Invalid |
| 413 | Fatal: parts are to be cut smaller |
| 429 | Limited, for as long as Retry-After says; an account that is used up for ten minutes |
| 503, no connection | Unavailable: no recording's fault |
| 408, 409, 425, other 5xx, a cut or late answer, one that is none | Transient: may be the recording |
| every other 4xx | Invalid |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from polyvox.errors import Fatal, Invalid, Limited, PolyvoxError, Transient, Unavailable

USED_UP_S = 600.0
USED_UP = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
TRANSIENT = (408, 409, 425)
FORM = ("model", "response_format", "timestamp_granularities", "timestamp_granularities[]", "include", "include[]")
"""Fields that say how we ask, not what about."""
SAID_MAX_CHARS = 300
UNREACHED = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Causes, by name since the openai package changed its HTTP library: nothing of the request was taken."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is told of a request when it fails. ``secret`` is the key, which no message may hold."""

    model: str
    is_default: bool
    base_url: str
    secret: str


def refusal(error: APIError, asked: Asked, now: datetime) -> PolyvoxError:
    """The error of ours that an error of the openai package stands for."""
    if isinstance(error, APITimeoutError | APIConnectionError):
        cause = type(error.__cause__).__name__
        trouble = f"{asked.base_url} does not answer: {hidden(str(error.__cause__ or error), asked.secret)} ({cause})"
        return Unavailable(trouble) if cause in UNREACHED else Transient(trouble)
    said = hidden(_said(error), asked.secret)
    if not isinstance(error, APIStatusError):
        return Transient(f"{asked.base_url} answered what cannot be read: {said}")
    status = error.status_code
    told = f"{asked.base_url} answered {status}: {said}"
    if status == 401:
        return Fatal(f"{told}. Correct POLYVOX_OPENAI_API_KEY")
    if status in (403, 404) or (status == 400 and error.param in FORM):
        if asked.is_default:
            return Fatal(
                f"{told}. Correct POLYVOX_OPENAI_MODEL ({asked.model}), POLYVOX_OPENAI_BASE_URL, or what "
                "POLYVOX_OPENAI_MODELS says that the model can do"
            )
        return Invalid(f"The model {asked.model!r} cannot be used: {said}", code="unknown-model")
    if status == 413:
        return Fatal(f"{told}. Lower POLYVOX_OPENAI_MAX_BYTES to what the endpoint takes")
    if status == 429:
        if error.code in USED_UP or error.type in USED_UP:
            return Limited(told, max(USED_UP_S, retry_after_s(error.response.headers, now) or 0.0))
        return Limited(told, retry_after_s(error.response.headers, now) or 0.0)
    if status == 503:
        wait_s = retry_after_s(error.response.headers, now)
        return Unavailable(told) if wait_s is None else Limited(told, wait_s)
    if status >= 500 or status in TRANSIENT:
        return Transient(told)
    return Invalid(f"The service that writes the words refused the recording: {said}", code="refused")


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """What a response asks to wait, as seconds, milliseconds or a date; None: it asks nothing."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        given = headers.get(name)
        if given is None:
            continue
        try:
            wait_s = float(given) * unit_s
        except ValueError:
            wait_s = _until(given, now)
        if math.isfinite(wait_s):
            return max(wait_s, 0.0)
    return None


def hidden(text: str, secret: str) -> str:
    """``text``, cut to a sentence's length, without the key that some servers repeat in what they say."""
    return (text.replace(secret, "…") if secret else text)[:SAID_MAX_CHARS]


def _until(given: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(given)
    except ValueError:
        return math.nan
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()


def _said(error: APIError) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(message := body.get("message") or body.get("detail"), str):
        return message
    return error.message
