"""Enrolled people, for both clients: `client.speakers`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from polyvox.client import calls

_PATH = "/v1/speakers"


def _wanted(name: str, media_id: str, speaker: str | None, consent: str) -> dict[str, str]:
    wanted = {"name": name, "media_id": media_id, "consent": consent}
    return wanted if speaker is None else {**wanted, "speaker": speaker}


class Speakers:
    """Answers are those of `/v1/speakers`. Every call raises as those of the client do."""

    def __init__(self, send: Callable[..., httpx.Response]) -> None:
        self._send = send

    def enrol(self, name: str, media_id: str, speaker: str | None = None, *, consent: str) -> dict[str, Any]:
        """Recognise the voice of ``speaker`` of a finished recording from now on. Again, it changes nothing."""
        body = _wanted(name, media_id, speaker, consent)
        return calls.json_of(self._send("POST", _PATH, json=body), "person", "voices")

    def all(self) -> list[dict[str, Any]]:
        return list(calls.json_of(self._send("GET", _PATH), "items")["items"])

    def forget(self, person: str) -> None:
        """With all voices; results that name them get another version without the name."""
        self._send("DELETE", f"{_PATH}/{person}")


class AsyncSpeakers:
    """As ``Speakers``."""

    def __init__(self, send: Callable[..., Awaitable[httpx.Response]]) -> None:
        self._send = send

    async def enrol(self, name: str, media_id: str, speaker: str | None = None, *, consent: str) -> dict[str, Any]:
        body = _wanted(name, media_id, speaker, consent)
        return calls.json_of(await self._send("POST", _PATH, json=body), "person", "voices")

    async def all(self) -> list[dict[str, Any]]:
        return list(calls.json_of(await self._send("GET", _PATH), "items")["items"])

    async def forget(self, person: str) -> None:
        await self._send("DELETE", f"{_PATH}/{person}")
