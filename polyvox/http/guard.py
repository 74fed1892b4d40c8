"""Stands before every route: lets in who may use it, and nobody to a route that declares nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyvox.access import caller as callers
from polyvox.access.scopes import Permission, declared
from polyvox.http import refusals
from polyvox.http.door import Door
from polyvox.http.refusals import Refused
from polyvox.metrics import ACCESS_REFUSED, Metrics


class Guard:
    """``counters`` gives where to count, at each request: the process's sink is chosen after its routes are made."""

    def __init__(self, door: Door, *, counters: Callable[[], Metrics]) -> None:
        self._door = door
        self._counters = counters

    def stand_before(self, routes: Sequence[BaseRoute]) -> None:
        """From now on nothing reaches these routes, or those of routers among them, but by way of this guard."""
        for route, permission in permissions(routes):
            route.handle = self._before(route.handle, permission)  # type: ignore[assignment, method-assign]

    def _before(self, handle: ASGIApp, permission: Permission | None) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self._pass(handle, permission, scope, receive, send)
            except Refused as refusal:
                self._counters().add(ACCESS_REFUSED, reason=refusal.reason)
                raise

        return guarded

    async def _pass(
        self, handle: ASGIApp, permission: Permission | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if permission is None:
            raise refusals.undeclared()
        if permission.is_open:
            await handle(scope, receive, send)
            return
        caller = await self._door.caller(scope)
        if not permission.scopes <= caller.scopes:
            raise refusals.scope_missing(permission.scopes - caller.scopes)
        if permission.body_bytes_max is not None:
            receive = bounded(scope, receive, permission.body_bytes_max)
        token = callers.enter(caller)
        try:
            await handle(scope, receive, send)
        finally:
            callers.leave(token)


def permissions(routes: Sequence[BaseRoute]) -> Iterator[tuple[BaseRoute, Permission | None]]:
    """Every route, those of included routers as well, with what it declares."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from permissions(included.routes)
        else:
            yield route, declared(getattr(route, "endpoint", None) or getattr(route, "app", None))


def bounded(scope: Scope, receive: Receive, limit_bytes: int) -> Receive:
    """``receive`` of a body of at most that many bytes.

    Raises:
        Refused: 413, its length is announced and too much. Without a length ``receive`` raises HTTPException 413.
    """
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise refusals.body_too_large(limit_bytes)
    left = limit_bytes

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            # What reads JSON lets this kind of error through, and makes a 400 of every other.
            raise HTTPException(413, f"The body of this request may have at most {limit_bytes} bytes.")
        return message

    return counted
