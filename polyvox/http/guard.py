"""Stands before every route: lets in who may use it, and nobody to a route that declares nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyvox.access import caller as callers
from polyvox.access.caller import Caller
from polyvox.access.scopes import Permission, declared
from polyvox.audit.recorder import Recorder
from polyvox.http import refusals
from polyvox.http.auditing import Auditing, told_of
from polyvox.http.door import Door
from polyvox.http.limits import Limited
from polyvox.http.problems import Problem
from polyvox.http.refusals import Refused
from polyvox.metrics import ACCESS_LIMITED, ACCESS_REFUSED, Metrics

WITHOUT_BODY = ("GET", "HEAD")
"""Nothing reads what such a request brings."""


class Guard:
    """``counters`` gives where to count, at each request: the process's sink is chosen after its routes are made.

    ``recorder`` is told of every request to a route that is not open to all.
    """

    def __init__(self, door: Door, *, counters: Callable[[], Metrics], recorder: Recorder | None = None) -> None:
        self._door = door
        self._counters = counters
        self._recorder = recorder

    def stand_before(self, routes: Sequence[BaseRoute]) -> None:
        """From now on nothing reaches these routes, or those of routers among them, but by way of this guard."""
        for route, permission in permissions(routes):
            route.handle = self._before(route.handle, permission)  # type: ignore[assignment, method-assign]

    def _before(self, handle: ASGIApp, permission: Permission | None) -> ASGIApp:
        if permission is not None and permission.is_open:
            return handle

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            auditing = Auditing(self._recorder, scope, permission) if self._recorder else None
            caller: Caller | None = None
            try:
                if permission is None:
                    raise refusals.undeclared()
                caller = await self._door.caller(scope, takes_tickets=permission.takes_tickets)
                standing = self._door.limits.count(caller)
                if not permission.scopes <= caller.scopes:
                    raise refusals.scope_missing(permission.scopes - caller.scopes)
                if permission.body_bytes_max is not None and scope["method"] not in WITHOUT_BODY:
                    receive = bounded(scope, receive, permission.body_bytes_max)
            except Problem as refusal:
                self._count(refusal)
                if auditing is not None and told_of(caller):
                    auditing.refused(caller, refusal.status)
                raise
            if auditing is not None and told_of(caller):
                send = auditing.answering(caller, send)
            token = callers.enter(caller)
            try:
                await handle(scope, receive, with_headers(send, standing) if standing else send)
            finally:
                callers.leave(token)

        return guarded

    def _count(self, refusal: Problem) -> None:
        match refusal:
            case Refused():
                self._counters().add(ACCESS_REFUSED, reason=refusal.reason)
            case Limited():
                self._counters().add(ACCESS_LIMITED, by=refusal.by)


def permissions(routes: Sequence[BaseRoute]) -> Iterator[tuple[BaseRoute, Permission | None]]:
    """Every route, those of included routers as well, with what it declares."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from permissions(included.routes)
        else:
            yield route, declared(getattr(route, "endpoint", None) or getattr(route, "app", None))


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """``send`` that adds ``headers`` to the answer."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *raw]}
        await send(message)

    return adding


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
