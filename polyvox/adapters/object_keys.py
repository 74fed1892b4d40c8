"""Which keys objects have. Pure."""

from __future__ import annotations

from polyvox.errors import Invalid

KEY_MAX_BYTES = 1024
"""What S3 allows."""
SEGMENT_MAX_BYTES = 255


def key_bytes(key: str) -> bytes:
    """Raises Invalid for a key that no store takes."""
    try:
        raw = key.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"the object key {key!r} is not valid text", code="bad-key") from error
    if not 0 < len(raw) <= KEY_MAX_BYTES:
        raise Invalid(f"an object key has 1 to {KEY_MAX_BYTES} bytes, this one {len(raw)}", code="bad-key")
    return raw


def is_portable(key: str) -> bool:
    """Whether every store takes ``key``: servers that keep objects as files refuse some, or take one for another."""
    return not any(ord(char) < 32 or ord(char) == 127 or char == "\\" for char in key) and all(
        segment.strip() not in ("", ".", "..") and len(segment.encode()) <= SEGMENT_MAX_BYTES
        for segment in key.split("/")
    )
