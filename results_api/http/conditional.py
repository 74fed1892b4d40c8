"""Answers that a client may have already (RFC 9110, section 13)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request, Response


def http_date(time: datetime) -> str:
    return format_datetime(time.astimezone(UTC).replace(microsecond=0), usegmt=True)


def not_modified(request: Request, etag: str, modified_at: datetime | None = None) -> bool:
    """Whether the client's copy is still good."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        # Weak comparison, as the standard asks for here.
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or etag.removeprefix("W/") in known
    since = request.headers.get("if-modified-since")
    if since is None or modified_at is None:
        return False
    try:
        return modified_at.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def answer(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    etag: str,
    modified_at: datetime | None = None,
    vary: str | None = None,
) -> Response:
    """200 with ``body``, or 304 where the client has it."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if modified_at is not None:
        headers["Last-Modified"] = http_date(modified_at)
    if vary is not None:
        headers["Vary"] = vary
    if not_modified(request, etag, modified_at):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
