"""What every response gets: a few security headers, an end that the client sees, no body for HEAD."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Answers are for who asked; those that may be kept say so themselves.
    "Cache-Control": "no-store",
}
NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: nothing in it is run or fetched, whatever a browser takes it for."""
OWN_PAGE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
"""For the page that describes the API: its scripts are this server's, and so is all it talks to."""
PAGES = "/docs"


class SecurityHeaders:
    """Adds headers that keep browsers from guessing types, framing pages, leaking addresses and keeping answers.

    ``hsts_max_age_s``: so long browsers shall come by TLS alone; 0 says nothing of it.
    """

    def __init__(self, app: ASGIApp, *, hsts_max_age_s: int = 0) -> None:
        self.app = app
        self._always = dict(_SECURITY_HEADERS)
        if hsts_max_age_s:
            self._always["Strict-Transport-Security"] = f"max-age={hsts_max_age_s}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        policy = OWN_PAGE if scope["path"].startswith(PAGES) else NOTHING_RUNS

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self.app(scope, receive, with_headers)


class HeadLikeGet:
    """Answers HEAD wherever GET is answered: the same headers, no body (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = False

        async def without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:
                # The server takes the answer for complete now, which ends a stream that would go on.
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app({**scope, "method": "GET"}, receive, without_body)


class LingeringClose:
    """Lets a client read the answer to a request whose body nobody wants to the end.

    Closing a connection with unread data makes the kernel send a reset, which destroys the
    answer on its way. So the whole answer goes out with ``Connection: close``, then what the
    client still sends is thrown away, for a bounded time, and then the connection closes.
    """

    def __init__(self, app: ASGIApp, *, linger_s: float = 30.0, idle_s: float = 5.0) -> None:
        """``linger_s`` bounds the whole wait, ``idle_s`` the wait for the next bytes."""
        self.app = app
        self.linger_s = linger_s
        self.idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        expects_continue = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        asked = ended = lingers = False

        async def watched_receive() -> Message:
            nonlocal asked, ended
            asked = True
            message = await receive()
            ended = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def lingering_send(message: Message) -> None:
            nonlocal lingers
            if message["type"] == "http.response.start" and not ended:
                MutableHeaders(scope=message)["Connection"] = "close"
                # Who waits for "100 Continue" and never gets it sends no body.
                lingers = asked or not expects_continue
            if not lingers or ended or message["type"] != "http.response.body" or message.get("more_body", False):
                await send(message)
                return
            await send({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.linger_s):
                    while not ended:
                        async with asyncio.timeout(self.idle_s):
                            await watched_receive()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app(scope, watched_receive, lingering_send)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
