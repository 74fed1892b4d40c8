"""Says who sends a request: by its key, or without any keys by being on this machine.

As soon as a key was ever made, every request needs one. Before that only programs of this machine are served, and no
web pages of others: a page anywhere can have its visitor's browser send requests to 127.0.0.1, and a name that its
owner points there makes it read the answers. A browser says in ``Origin`` and ``Host`` who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Self
from urllib.parse import parse_qs, urlsplit

from starlette.types import Scope

from polyvox.access.caller import Caller
from polyvox.access.key import ApiKey
from polyvox.access.known import KnownKeys
from polyvox.access.secret import presented
from polyvox.access.ticket import read_ticket
from polyvox.http import refusals
from polyvox.http.gateway import checked_tenant, without_key
from polyvox.http.limits import Limits
from polyvox.ports import Clock

_BEARER = b"bearer "
TICKET = "ticket"
"""The parameter that has one, in the query."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What the headers of a request say of its sender."""

    key: bytes | None = None
    tenant: str | None = None
    host: str = ""
    origin: str | None = None

    @classmethod
    def by(cls, headers: Iterable[tuple[bytes, bytes]], gateway: bytes | None) -> Self:
        key = bearer = tenant = origin = None
        host = ""
        for name, value in headers:
            if name == b"x-api-key":
                key = value.strip()
            elif name == b"authorization":
                # Where a gateway has other uses for this header, the key comes in the other.
                bearer = value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else None
            elif name == gateway:
                tenant = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
        return cls(key or bearer or None, tenant, host, origin)


class Door:
    """``gateway`` is the header in which a gateway names tenants; ``origins`` are those of pages that are let in."""

    def __init__(
        self, known: KnownKeys, clock: Clock, limits: Limits, *, gateway: str | None, origins: Sequence[str]
    ) -> None:
        self.known = known
        self.limits = limits
        self._clock = clock
        self._gateway = gateway
        self._gateway_name = gateway.lower().encode() if gateway else None
        self._origins = frozenset(origins)

    async def caller(self, scope: Scope, *, takes_tickets: bool = False) -> Caller:
        """Who sends this. ``takes_tickets``: where there is no key, a ticket for the recording in the path will do.

        Raises:
            Refused: 401, nobody that is known; 403, nobody on this machine; 403, a key of another tenant.
            Limited: 429, too many keys that are none came from there.
            Problem: 400, a gateway names no tenant that can be.
            Transient: keys cannot be looked up.
        """
        said = _Said.by(scope["headers"], self._gateway_name)
        if not await self.known.are_there_any():
            self._check_local(scope, said)
            return without_key(said.tenant, self._gateway)
        if said.key is not None:
            return self._of_key(await self._key(said.key, scope), said.tenant)
        if takes_tickets and (texts := parse_qs(scope["query_string"].decode("latin-1")).get(TICKET)):
            return await self._of_ticket(texts[0], scope, said.tenant)
        raise refusals.no_key()

    async def _key(self, text: bytes, scope: Scope) -> ApiKey:
        shown = presented(text)
        if shown is None:
            raise refusals.bad_key()
        key = await self._called(shown.key_id, scope)
        if key is None or not key.matches(shown.sha256):
            raise refusals.bad_key()
        return self._good(key)

    async def _of_ticket(self, text: str, scope: Scope, named: str | None) -> Caller:
        ticket = read_ticket(text)
        key = await self._called(ticket.key_id, scope) if ticket else None
        if ticket is None or key is None:
            raise refusals.bad_ticket()
        caller = self._of_key(self._good(key), named)
        media_id = scope["path_params"]["media_id"]
        if not ticket.matches(key, media_id=media_id, tenant=caller.tenant, now=self._clock.now()):
            raise refusals.bad_ticket()
        return replace(caller, scopes=caller.scopes & {"read"})

    async def _called(self, key_id: str, scope: Scope) -> ApiKey | None:
        """The key that is called so, if there is one."""
        key = self.known.at_hand(key_id)
        if key is None:
            address = address_of(scope)
            if not self.known.was_there(key_id):
                self.limits.check_address(address)
            key = await self.known.get(key_id)
            if key is None:
                self.limits.note_bad_key(address)
        return key

    def _good(self, key: ApiKey) -> ApiKey:
        if key.revoked_at is not None:
            raise refusals.revoked()
        if not key.is_good(self._clock.now()):
            raise refusals.expired()
        return key

    def _of_key(self, key: ApiKey, named: str | None) -> Caller:
        tenant = key.tenant
        if named is not None and self._gateway is not None:
            if tenant is None:
                tenant = checked_tenant(named, self._gateway)
            elif named != tenant:
                raise refusals.other_tenant()
        return Caller(tenant, key.key_id, key.grants, key.requests_per_minute)

    def _check_local(self, scope: Scope, said: _Said) -> None:
        client = scope.get("client")
        if client is None or not is_loopback(client[0]):
            raise refusals.not_local("this request comes from another, perhaps by way of a proxy")
        if not is_loopback(urlsplit(f"//{said.host}").hostname or ""):
            raise refusals.not_local(f"this request asks for a server called {said.host[:100]!r}")
        if said.origin is None or "*" in self._origins or said.origin in self._origins:
            return
        if urlsplit(said.origin).netloc != said.host:
            raise refusals.not_local(f"this request comes from a page of {said.origin[:100]!r}")


def address_of(scope: Scope) -> str:
    """Where a request came from, as far as proxies that are trusted say."""
    client = scope.get("client")
    return client[0] if client else ""


def is_loopback(host: str) -> bool:
    """Whether this address, or name, is this machine's to itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
