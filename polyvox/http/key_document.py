"""What the OpenAPI document says of keys: how they are sent, and which routes need them with which scopes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from polyvox.access.scopes import Permission
from polyvox.http import openai_errors
from polyvox.http.door import TICKET
from polyvox.http.guard import permissions
from polyvox.http.problems import documented

OF_KEYS: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "pvx_…"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
TICKETS: dict[str, Any] = {"ticket": {"type": "apiKey", "in": "query", "name": TICKET}}
SCOPES = "x-polyvox-scopes"
EITHER: list[dict[str, list[str]]] = [{name: []} for name in OF_KEYS]
BUCKET_SCHEME = "bucketEvents"
"""What one route asks for that has a token of its own, whether there are keys or not."""


def with_keys(document: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """``document`` with what ``routes`` declare."""
    document.setdefault("components", {})["securitySchemes"] = OF_KEYS | TICKETS | _of_tokens(document)
    for route, permission in permissions(routes):
        operations = document.get("paths", {}).get(getattr(route, "path_format", None), {})
        for method in getattr(route, "methods", None) or ():
            operation = operations.get(method.lower())
            if operation is not None and permission is not None and not permission.is_open:
                _describe(operation, permission, in_openai_shape=openai_errors.are_spoken_at(route.path_format))  # type: ignore[attr-defined]
    return document


def without_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a server that has no keys, and so asks for none."""
    paths = {
        path: {
            method: {name: said for name, said in operation.items() if name != "security" or SCOPES not in operation}
            for method, operation in operations.items()
        }
        for path, operations in document.get("paths", {}).items()
    }
    components = {**document["components"], "securitySchemes": _of_tokens(document)}
    return {**document, "paths": paths, "components": components}


def _of_tokens(document: dict[str, Any]) -> dict[str, Any]:
    operations = (one for some in document.get("paths", {}).values() for one in some.values())
    is_asked = any({BUCKET_SCHEME: []} in one.get("security", ()) for one in operations)
    return {BUCKET_SCHEME: {"type": "http", "scheme": "bearer"}} if is_asked else {}


def _describe(operation: dict[str, Any], permission: Permission, *, in_openai_shape: bool) -> None:
    operation["security"] = [*EITHER, {"ticket": []}] if permission.takes_tickets else EITHER
    operation[SCOPES] = sorted(permission.scopes)
    if not in_openai_shape:
        for status, response in documented(401, 403).items():
            operation.setdefault("responses", {}).setdefault(str(status), response)
