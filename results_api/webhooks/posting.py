"""One request to a receiver, within bounds of time and size, and nowhere it must not go.

No redirect is followed, no proxy of the environment asked, no cookie kept. Each request has a
connection of its own, so each is checked (connecting.py). Of the answer only the status is read:
what comes behind it, however long, is not.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore
import httpx

import polyvox
from results_api.webhooks.connecting import CheckedNetwork, TargetRefused

TIMEOUT_S = 20.0
"""For all of it, from asking the name server to the answer's status."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` None: none came. ``error``: one sentence, without anything that the receiver said."""

    status: int | None
    error: str | None


class Poster:
    """Posts webhooks. ``tls``: whom to trust; the machine's and certifi's authorities without it."""

    def __init__(self, network: CheckedNetwork, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None):
        self._timeout_s = timeout_s
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, network_backend=network, max_connections=None, max_keepalive_connections=0
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for what the receiver or the network does."""
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._status(url, headers, body)
        except TargetRefused:
            return Answer(None, "The host's name leads to an address that webhooks must not reach.")
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(None, f"There was no answer within {self._timeout_s:g} s.")
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
                return Answer(None, "The host has no certificate that is trusted for its name.")
            return Answer(None, "The host cannot be found, or does not take connections.")
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return Answer(None, "The connection was lost, or what came over it was not HTTP.")
        return Answer(status, _error_of(status))

    async def close(self) -> None:
        await self._pool.aclose()

    async def _status(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        parsed = httpx.URL(url)
        target = httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
        sent = {
            "host": parsed.netloc.decode(),
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": f"Polyvox/{polyvox.__version__}",
            **headers,
        }
        async with self._pool.stream("POST", target, headers=list(sent.items()), content=body) as response:
            return int(response.status)


def _error_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return "The receiver answered with a redirect, which is not followed; register where it leads."
    if status == GONE:
        return "The receiver wants no more of this: 410 Gone."
    return f"The receiver answered {status}; only 2xx counts as delivered."
