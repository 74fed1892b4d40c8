"""What keys are for, and what routes need. A route that says nothing of it is closed to everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args

Scope = Literal["upload", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
EVERY_SCOPE: Final[frozenset[Scope]] = frozenset(SCOPES)
"""What admin stands for."""

Action = Literal["uploaded", "read", "changed", "deleted"]
"""What the audit trail calls a request."""

BODY_BYTES_MAX = 8 << 20
"""Of a request that brings no recording."""

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "__polyvox_permission__"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a route needs: all of ``scopes``; of nobody in particular if ``is_open``.

    ``body_bytes_max`` None: the route bounds its bodies itself, as those do that take recordings.
    ``action`` None: by the request's method. ``takes_tickets``: a ticket (polyvox/access/ticket.py) stands for a key.
    """

    scopes: frozenset[Scope] = frozenset()
    is_open: bool = False
    action: Action | None = None
    body_bytes_max: int | None = BODY_BYTES_MAX
    takes_tickets: bool = False


def needs(
    *scopes: Scope, action: Action | None = None, takes_recordings: bool = False, takes_tickets: bool = False
) -> Callable[[F], F]:
    """Declares what an endpoint needs: a key with all of ``scopes``; without any, whichever key."""
    body_bytes_max = None if takes_recordings else BODY_BYTES_MAX
    return _declares(
        Permission(frozenset(scopes), action=action, body_bytes_max=body_bytes_max, takes_tickets=takes_tickets)
    )


def open_to_all(endpoint: F) -> F:
    """Declares that an endpoint needs no key, or checks by itself who calls."""
    return _declares(Permission(is_open=True))(endpoint)


def declared(endpoint: object) -> Permission | None:
    """What an endpoint declares; None: nothing."""
    permission = getattr(endpoint, _ATTRIBUTE, None)
    return permission if isinstance(permission, Permission) else None


def _declares(permission: Permission) -> Callable[[F], F]:
    def declare(endpoint: F) -> F:
        setattr(endpoint, _ATTRIBUTE, permission)
        return endpoint

    return declare
