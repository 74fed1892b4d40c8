"""Tenants that a gateway names, where settings say in which header it does."""

from __future__ import annotations

from fastapi import Request

from polyvox.access.caller import Caller, calling
from polyvox.http.problems import Problem
from polyvox.tenants import DEFAULT_TENANT, TENANT_CHARS, is_name


def checked_tenant(named: str, header: str) -> str:
    """Raises Problem: 400, the gateway names nobody that can be."""
    if not is_name(named):
        raise Problem(
            400,
            "bad-tenant",
            "The tenant is not valid",
            f"The gateway named a tenant in {header} that has not 1 to {TENANT_CHARS} printable ASCII characters; "
            "this is for whoever runs the gateway to put right.",
        )
    return named


def without_key(named: str | None, header: str | None) -> Caller:
    """Who calls without a key: where a gateway says whose requests are, nobody acts for all.

    Raises:
        Problem: 400, it names nobody that can be.
    """
    if header is None:
        return Caller()
    return Caller(tenant=DEFAULT_TENANT if named is None else checked_tenant(named, header))


def caller_of(request: Request, header: str | None) -> Caller:
    """Who sent ``request``: whom the guard let in, or in an application without one whom the gateway names.

    Raises:
        Problem: 400, it names nobody that can be.
    """
    return calling() or without_key(request.headers.get(header) if header else None, header)
