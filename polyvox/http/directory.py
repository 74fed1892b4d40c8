"""Finds the route of a request by one look at its path.

The framework asks one route after the other, through every router they were put into, and each router twice: for an
application of a hundred routes that takes longer than most answers do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_GROUP = re.compile(r"\(\?P<\w+>")


class Directory:
    """Stands in for the search of ``router`` once all of its routes are there.

    Whatever it does not find (what is no route, another method, a path with a slash too many), the router finds or
    refuses as it always does, and so it does all behind a proxy that takes a part of the path away.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._otherwise: ASGIApp = router.middleware_stack
        routes = list(_flat(router.routes))
        methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
        self._shelves = {method: _Shelf([one for one in routes if _takes(one, method)]) for method in methods}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.find(scope) if scope["type"] == "http" and not scope.get("root_path") else None
        if route is None:
            await self._otherwise(scope, receive, send)
            return
        match, found = route.matches(scope)
        if match is not Match.FULL:
            await self._otherwise(scope, receive, send)
            return
        scope.setdefault("router", self._router)
        scope.update(found)
        await route.handle(scope, receive, send)

    def find(self, scope: Scope) -> Route | None:
        """The route that a request is for, if it is one that nothing but path and method decide on."""
        shelf = self._shelves.get(scope["method"])
        return shelf.find(scope["path"]) if shelf is not None else None


class _Shelf:
    """The routes for one method. The first that a path fits is its route, as in the router."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        # Only of a Route is known that nothing but its path and its method decide.
        known = (route if isinstance(route, Route) else None for route in routes)
        self._routes = {f"r{number}": route for number, route in enumerate(known)}
        patterns = (_GROUP.sub("(?:", route.path_regex.pattern) for route in routes)  # type: ignore[attr-defined]
        self._any = re.compile("|".join(f"(?P<{name}>{one})" for name, one in zip(self._routes, patterns, strict=True)))

    def find(self, path: str) -> Route | None:
        found = self._any.match(path)
        return self._routes[found.lastgroup] if found and found.lastgroup else None


def _takes(route: BaseRoute, method: str) -> bool:
    methods = getattr(route, "methods", None)
    return methods is None or method in methods


def _flat(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Those of included routers as well, in the order in which they are asked."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
            continue
        how = route.include_context  # type: ignore[attr-defined]
        if how.prefix or how.dependencies:
            raise ValueError("a router that is included with a prefix or dependencies of its own is not looked into")
        yield from _flat(included.routes)
