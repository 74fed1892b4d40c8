"""Secrets and signatures as in the Standard Webhooks specification, https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, id_: str, timestamp_s: int, body: bytes) -> str:
    """``v1,`` and HMAC-SHA256 over the id, the time and the body, which are joined by dots."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{id_}.{timestamp_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(secret: str, id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that the receiver verifies the body by. ``at``: of this attempt, against replays by others."""
    timestamp_s = int(at.timestamp())
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(secret, id_, timestamp_s, body),
    }
