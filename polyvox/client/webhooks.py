"""Who is told how recordings end, for both clients: `client.webhooks`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from polyvox.client import calls

_PATH = "/v1/webhooks"


def _wanted(url: str, types: Sequence[str] | None, tenant: str | None, description: str) -> dict[str, Any]:
    given = {"types": list(types) if types else None, "tenant": tenant, "description": description or None}
    return {"url": url, **{name: value for name, value in given.items() if value is not None}}


def _since(since: datetime) -> dict[str, str]:
    return {"since": since.astimezone().isoformat()}


def _params(state: str | None, cursor: str | None) -> Mapping[str, str | int]:
    return {"limit": 200, **({"state": state} if state else {}), **({"cursor": cursor} if cursor else {})}


class Webhooks:
    """Answers are those of `/v1/webhooks`. Every call raises as those of the client do."""

    def __init__(self, send: Callable[..., httpx.Response], once: Callable[..., httpx.Response]) -> None:
        self._send = send
        self._once = once

    def add(
        self, url: str, *, types: Sequence[str] | None = None, tenant: str | None = None, description: str = ""
    ) -> dict[str, Any]:
        """Register ``url``; the answer's ``secret`` is told this once. ``types`` None: of everything."""
        # Sent once: a request that was taken but not answered would register twice.
        answer = self._once("POST", _PATH, json=_wanted(url, types, tenant, description))
        return calls.json_of(answer, "webhook_id", "secret")

    def all(self) -> list[dict[str, Any]]:
        return list(calls.json_of(self._send("GET", _PATH), "items")["items"])

    def remove(self, webhook_id: str) -> None:
        self._send("DELETE", f"{_PATH}/{webhook_id}")

    def enable(self, webhook_id: str) -> dict[str, Any]:
        """Send there again, after its receiver answered 410."""
        return calls.json_of(self._send("POST", f"{_PATH}/{webhook_id}/enable"), "webhook_id")

    def deliveries(self, webhook_id: str, *, state: str | None = None) -> Iterator[dict[str, Any]]:
        """What was sent or will be, newest first."""
        cursor: str | None = None
        while True:
            answer = self._send("GET", f"{_PATH}/{webhook_id}/deliveries", params=_params(state, cursor))
            page = calls.json_of(answer, "items")
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def redeliver(self, webhook_id: str, event_id: str) -> dict[str, Any]:
        """Send one again, whatever became of it."""
        return calls.json_of(self._send("POST", f"{_PATH}/{webhook_id}/deliveries/{event_id}/replay"), "event_id")

    def redeliver_failed(self, webhook_id: str, since: datetime) -> int:
        """Send all again that failed since then; how many that are."""
        answer = self._send("POST", f"{_PATH}/{webhook_id}/replay", json=_since(since))
        return int(calls.json_of(answer, "replayed")["replayed"])


class AsyncWebhooks:
    """As ``Webhooks``."""

    def __init__(
        self, send: Callable[..., Awaitable[httpx.Response]], once: Callable[..., Awaitable[httpx.Response]]
    ) -> None:
        self._send = send
        self._once = once

    async def add(
        self, url: str, *, types: Sequence[str] | None = None, tenant: str | None = None, description: str = ""
    ) -> dict[str, Any]:
        answer = await self._once("POST", _PATH, json=_wanted(url, types, tenant, description))
        return calls.json_of(answer, "webhook_id", "secret")

    async def all(self) -> list[dict[str, Any]]:
        return list(calls.json_of(await self._send("GET", _PATH), "items")["items"])

    async def remove(self, webhook_id: str) -> None:
        await self._send("DELETE", f"{_PATH}/{webhook_id}")

    async def enable(self, webhook_id: str) -> dict[str, Any]:
        return calls.json_of(await self._send("POST", f"{_PATH}/{webhook_id}/enable"), "webhook_id")

    async def deliveries(self, webhook_id: str, *, state: str | None = None) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            answer = await self._send("GET", f"{_PATH}/{webhook_id}/deliveries", params=_params(state, cursor))
            page = calls.json_of(answer, "items")
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def redeliver(self, webhook_id: str, event_id: str) -> dict[str, Any]:
        answer = await self._send("POST", f"{_PATH}/{webhook_id}/deliveries/{event_id}/replay")
        return calls.json_of(answer, "event_id")

    async def redeliver_failed(self, webhook_id: str, since: datetime) -> int:
        answer = await self._send("POST", f"{_PATH}/{webhook_id}/replay", json=_since(since))
        return int(calls.json_of(answer, "replayed")["replayed"])
