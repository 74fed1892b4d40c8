"""Putting transcripts right, for both clients: `client.corrections`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx

from polyvox.client import calls
from polyvox.contracts import Transcript


def _path(media_id: str) -> str:
    return f"/v1/media/{media_id}/transcript"


def _request(
    etag: str, segments: Mapping[int, str] | None, speakers: Mapping[str, str | None] | None, author: str | None
) -> dict[str, Any]:
    texts = [{"id": id, "text": text} for id, text in (segments or {}).items()]
    body = {"segments": texts, "speakers": dict(speakers or {}), "author": author}
    return {"json": body, "headers": {"If-Match": etag}}


def _params(cursor: str | None) -> dict[str, str | int]:
    return {"limit": 200, **({"cursor": cursor} if cursor else {})}


def _looked_at(response: httpx.Response) -> tuple[Transcript, str]:
    return calls.transcript(response), response.headers.get("ETag", "")


class Corrections:
    """Answers are those of `/v1/media/{id}/transcript/corrections`. Every call raises as those of the client do."""

    def __init__(self, send: Callable[..., httpx.Response]) -> None:
        self._send = send

    def look(self, media_id: str) -> tuple[Transcript, str]:
        """The transcript, and the ETag that says which version it is."""
        return _looked_at(self._send("GET", _path(media_id), params={"format": "json"}))

    def make(
        self,
        media_id: str,
        etag: str,
        *,
        segments: Mapping[int, str] | None = None,
        speakers: Mapping[str, str | None] | None = None,
        author: str | None = None,
    ) -> dict[str, Any]:
        """Put right texts of segments, by id ("" removes one), and names of speakers, by id or label.

        Raises:
            Invalid: with the code ``overtaken`` somebody else was faster; nothing was changed.
        """
        answer = self._send("PATCH", _path(media_id), **_request(etag, segments, speakers, author))
        return calls.json_of(answer, "correction_id", "state")

    def all(self, media_id: str) -> Iterator[dict[str, Any]]:
        """The history, newest first."""
        cursor: str | None = None
        while True:
            page = calls.json_of(self._send("GET", f"{_path(media_id)}/corrections", params=_params(cursor)), "items")
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def take_back(self, media_id: str, correction_id: str) -> dict[str, Any]:
        answer = self._send("DELETE", f"{_path(media_id)}/corrections/{correction_id}")
        return calls.json_of(answer, "correction_id", "state")


class AsyncCorrections:
    """As ``Corrections``."""

    def __init__(self, send: Callable[..., Awaitable[httpx.Response]]) -> None:
        self._send = send

    async def look(self, media_id: str) -> tuple[Transcript, str]:
        return _looked_at(await self._send("GET", _path(media_id), params={"format": "json"}))

    async def make(
        self,
        media_id: str,
        etag: str,
        *,
        segments: Mapping[int, str] | None = None,
        speakers: Mapping[str, str | None] | None = None,
        author: str | None = None,
    ) -> dict[str, Any]:
        answer = await self._send("PATCH", _path(media_id), **_request(etag, segments, speakers, author))
        return calls.json_of(answer, "correction_id", "state")

    async def all(self, media_id: str) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            answer = await self._send("GET", f"{_path(media_id)}/corrections", params=_params(cursor))
            page = calls.json_of(answer, "items")
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def take_back(self, media_id: str, correction_id: str) -> dict[str, Any]:
        answer = await self._send("DELETE", f"{_path(media_id)}/corrections/{correction_id}")
        return calls.json_of(answer, "correction_id", "state")
