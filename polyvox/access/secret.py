"""The text of a key: ``pvx_``, 16 hexadecimal digits by which it is found, ``_``, and 64 that are secret. Pure.

The secret is 256 bits of chance, so one round of SHA-256 hides it: what slow hashes are for is words that people
choose. Everything is hexadecimal, so that ``openssl rand -hex`` makes keys too, and one pattern finds them all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple

PREFIX = "pvx_"
PATTERN = re.compile(r"pvx_[0-9a-f]{16}_[0-9a-f]{64}")
"""For programs that look for secrets where none should be."""
_IN_TEXT = re.compile(r"(pv[xt]_[0-9a-f]{16}_)(?:[0-9]{1,12}_)?[0-9a-f]{64}")
"""Keys, and tickets that stand for them (ticket.py)."""
_PATTERN_BYTES = re.compile(PATTERN.pattern.encode())


class Presented(NamedTuple):
    """A key that somebody holds out: where to look it up, and the SHA-256 of all of it."""

    key_id: str
    sha256: bytes


def new_key() -> str:
    return f"{PREFIX}{secrets.token_hex(8)}_{secrets.token_hex(32)}"


def presented(text: bytes) -> Presented | None:
    """None: it has not the form of a key."""
    if _PATTERN_BYTES.fullmatch(text) is None:
        return None
    return Presented(text[4:20].decode(), hashlib.sha256(text).digest())


def without_secrets(text: str) -> str:
    """``text`` with what is secret of keys and tickets in it blotted out."""
    return _IN_TEXT.sub(r"\1…", text) if "pv" in text else text
