"""Who sent the request in hand. It is in a context variable, so that no route can forget to ask."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass

from polyvox.access.scopes import EVERY_SCOPE, Scope
from polyvox.tenants import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Caller:
    """``tenant`` None: acts for all. ``key_id`` None: without a key, on the machine itself."""

    tenant: str | None = None
    key_id: str | None = None
    scopes: frozenset[Scope] = EVERY_SCOPE
    requests_per_minute: int | None = None

    @property
    def uploads_for(self) -> str:
        return self.tenant or DEFAULT_TENANT

    def sees(self, tenant: str | None) -> bool:
        """Whether what is of ``tenant`` (None: of all, or of nobody known) is there for this caller."""
        return self.tenant is None or self.tenant == tenant


_calling: ContextVar[Caller | None] = ContextVar("polyvox_caller", default=None)


def calling() -> Caller | None:
    """Whom the request in hand is from; None where there is no request, as in what a process does by itself."""
    return _calling.get()


def sees(tenant: str | None) -> bool:
    """Whether what is of ``tenant`` is there for whoever calls; for the process itself everything is."""
    caller = _calling.get()
    return caller is None or caller.sees(tenant)


def enter(caller: Caller) -> Token[Caller | None]:
    """For the guard alone: from here on ``caller`` calls, until ``leave``."""
    return _calling.set(caller)


def leave(token: Token[Caller | None]) -> None:
    _calling.reset(token)
