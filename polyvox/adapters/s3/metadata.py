"""Any text in headers that carry ASCII: RFC 2047, as AWS itself writes what it cannot send otherwise. Pure."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")
"""Printable, and nothing that a header or its signature takes for less: no outer, no double spaces."""
_WORD = re.compile(r"=\?(utf-8)\?([bq])\?([^?]*)\?=", re.IGNORECASE)


def to_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Names in lower case, since headers have no other; values that need it as one encoded word."""
    return {name.lower(): _encoded(value) for name, value in metadata.items()}


def of_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): _decoded(value) for name, value in headers.items()}


def _encoded(value: str) -> str:
    if _PLAIN.fullmatch(value) and not _WORD.search(value):
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def _decoded(value: str) -> str:
    def text(word: re.Match[str]) -> str:
        raw = word[3].encode()
        if word[2].lower() == "b":
            return base64.b64decode(raw, validate=True).decode()
        return quopri.decodestring(raw, header=True).decode()

    try:
        # White space between two encoded words only separates them.
        return _WORD.sub(text, re.sub(r"(\?=)\s+(=\?utf-8\?)", r"\1\2", value, flags=re.IGNORECASE))
    except (binascii.Error, UnicodeDecodeError):
        # Somebody else's value that only looks like it.
        return value
