"""Names for recordings: UUIDs of version 7 (RFC 9562), which sort by the time they were made."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime


def new_media_id(now: datetime) -> str:
    """A fresh id whose first 48 bits are ``now`` in milliseconds, and 74 bits of chance."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
