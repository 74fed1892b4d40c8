"""What the OpenAPI document says of keys: how they are sent, and which routes need them with which scopes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from polyvox.access.scopes import Permission
from polyvox.http import openai_errors
from polyvox.http.guard import permissions
from polyvox.http.problems import documented

SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "pvx_…"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def with_keys(document: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """``document`` with what ``routes`` declare."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for route, permission in permissions(routes):
        operations = document.get("paths", {}).get(getattr(route, "path_format", None), {})
        for method in getattr(route, "methods", None) or ():
            operation = operations.get(method.lower())
            if operation is not None and permission is not None and not permission.is_open:
                _describe(operation, permission, in_openai_shape=openai_errors.are_spoken_at(route.path_format))  # type: ignore[attr-defined]
    return document


def _describe(operation: dict[str, Any], permission: Permission, *, in_openai_shape: bool) -> None:
    # Either of the two; without keys neither is needed, which the third says.
    operation["security"] = [{"bearer": []}, {"header": []}, {}]
    operation["x-polyvox-scopes"] = sorted(permission.scopes)
    if not in_openai_shape:
        for status, response in documented(401, 403).items():
            operation.setdefault("responses", {}).setdefault(str(status), response)
