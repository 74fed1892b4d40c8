"""A route is found by one look, and it is the route that the framework would find."""

from __future__ import annotations

import itertools
import re

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from polyvox.http.directory import Directory
from tests.support.guarded import guarded

PATHS = (
    "/",
    "/v1",
    "/v1/things",
    "/v1/things/",
    "/v1/things/7",
    "/v1/things/all",
    "/v1/things/7/parts/1",
    "/files/a/b",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW")


def application() -> FastAPI:
    inner, outer = APIRouter(), APIRouter()

    def says(router: APIRouter | FastAPI, method: str, path: str) -> None:
        @router.api_route(path, methods=[method])
        async def answer() -> str:
            return f"{method} {path}"

    says(inner, "GET", "/v1/things/all")
    says(inner, "GET", "/v1/things/{thing}")
    says(inner, "DELETE", "/v1/things/{thing}")
    says(outer, "GET", "/v1/things")
    outer.include_router(inner)
    says(outer, "POST", "/v1/things")
    says(outer, "GET", "/v1/things/{thing}/parts/{part:int}")
    says(outer, "PUT", "/{path:path}")
    app = FastAPI()
    app.include_router(outer)
    says(app, "GET", "/files/{path:path}")
    return app


async def test_every_request_is_answered_as_the_framework_answers_it() -> None:
    plain, quick = application(), application()
    quick.router.middleware_stack = Directory(quick.router)
    for method, path in itertools.product(METHODS, PATHS):
        answers = []
        for app in (plain, quick):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                answer = await client.request(method, path)
            answers.append((answer.status_code, answer.content, answer.headers))
        assert answers[0] == answers[1], (method, path)


async def test_what_lies_behind_a_prefix_of_a_proxy_is_found() -> None:
    app = application()
    app.router.middleware_stack = Directory(app.router)
    transport = httpx.ASGITransport(app, root_path="/polyvox")
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/polyvox/v1/things/7")).json() == "GET /v1/things/{thing}"


@pytest.mark.parametrize("how", [{"prefix": "/v2"}, {"dependencies": [Depends(lambda: None)]}])
def test_what_an_inclusion_adds_to_its_routes_is_not_passed_over(how: dict[str, object]) -> None:
    app = FastAPI()
    app.include_router(application().router, **how)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prefix"):
        Directory(app.router)


async def test_every_route_of_the_product_is_found_by_its_own_path(tmp_path: object) -> None:
    async with guarded(tmp_path) as api:  # type: ignore[arg-type]
        directory = api.app.router.middleware_stack
        assert isinstance(directory, Directory)
        described = api.app.openapi()["paths"]
        for path, operations in described.items():
            for method in operations:
                scope = {"type": "http", "method": method.upper(), "path": re.sub(r"\{\w+\}", "some-name-1", path)}
                found = directory.find(scope)
                assert found is not None, (method, path)
                assert re.sub(r":\w+\}", "}", found.path) == path
