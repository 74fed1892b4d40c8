"""Refusals over HTTP: RFC 9457 problem documents that say what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from polyvox.errors import AlreadyExists, Invalid, NotFound, PolyvoxError, Transient
from polyvox.http import openai_errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class ProblemDocument(BaseModel):
    """An RFC 9457 problem. Some problems carry more members, for example ``errors`` or ``checks``."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="URN that names the kind of problem.", examples=["urn:polyvox:problem:too-large"])
    title: str = Field(description="The kind of problem in a few words; the same for each of its kind.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and what to do next.")
    code: str = Field(description="Short stable name of the kind, for programs.", examples=["too-large"])


class Problem(Exception):
    """Raised to answer a request with a problem document.

    Args:
        status: HTTP status.
        code: short stable identifier for programs, for example ``too-large``.
        title: the kind of problem; the same for every problem of one code.
        detail: what is wrong this time, and what to do next.
        headers: response headers to add.
        members: extension members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:polyvox:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }

    def response(self, path: str = "") -> JSONResponse:
        """The answer to a request for ``path``: some are asked by clients that expect another shape."""
        # Set here too, because the answer to an unplanned failure passes by our middleware.
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", **self.headers}
        if openai_errors.are_spoken_at(path):
            return JSONResponse(openai_errors.document(self), openai_errors.status_of(self), headers=headers)
        return JSONResponse(self.document(), self.status, headers=headers, media_type=MEDIA_TYPE)


def from_error(error: PolyvoxError) -> Problem:
    """The problem that an error of ours becomes when nobody caught it closer to its cause."""
    match error:
        case NotFound():
            return Problem(404, error.code if error.code != "invalid" else "not-found", "Not found", error.reason)
        case AlreadyExists():
            return Problem(409, error.code if error.code != "invalid" else "conflict", "Already exists", error.reason)
        case Invalid():
            return Problem(400, error.code, "The request cannot be carried out", error.reason)
        case Transient():
            return unavailable("A part of the service that this request needs is in trouble.")
    return internal()


def unavailable(why: str) -> Problem:
    """503: ``why`` is a sentence; that it is worth trying again is added."""
    return Problem(
        503,
        "unavailable",
        "Temporarily unavailable",
        f"{why} Nothing was changed by halves; send the same request again in a few seconds.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def internal() -> Problem:
    return Problem(
        500,
        "internal",
        "Internal error",
        "The server failed in a way that nobody planned for; its log says more. "
        "Try again, and report it if it happens again.",
    )


def _allowed(request: Request) -> str:
    """Every method that the path takes. Starlette names those of the first route on it only."""
    taken = [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        # GET is answered without a body for HEAD: see HeadLikeGet.
        if _is_routed(request, method if method != "HEAD" else "GET")
    ]
    return ", ".join(taken)


def _is_routed(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    routes = _told_of(request.app.router.routes)
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


def _told_of(routes: Iterable[Any]) -> Iterator[Any]:
    """Those that the OpenAPI document has, of included routers as well."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _told_of(included.routes)
        elif getattr(route, "include_in_schema", True):
            yield route


def _from_http(request: Request, error: HTTPException) -> Problem:
    headers = error.headers
    phrase = HTTPStatus(error.status_code).phrase
    path = request.url.path
    if error.status_code == 404 and error.detail == phrase:
        detail = f"There is nothing at {path}. /docs lists what there is."
    elif error.status_code == 405:
        allowed = _allowed(request)
        headers = {**(headers or {}), "Allow": allowed}
        detail = f"{path} does not take {request.method}. It takes {allowed}."
    else:
        detail = str(error.detail)
    code = phrase.lower().replace(" ", "-").replace("'", "")
    return Problem(error.status_code, code, phrase, detail, headers=headers)


def _from_validation(errors: Sequence[Any]) -> Problem:
    listed = [
        {"in": str(error["loc"][0]), "name": ".".join(map(str, error["loc"][1:])), "reason": str(error["msg"])}
        for error in errors
    ]
    said = "; ".join(f"{error['name'] or error['in']}: {error['reason']}" for error in listed)
    return Problem(
        422,
        "invalid-request",
        "The request is not valid",
        f"Correct this and send it again: {said}.",
        members={"errors": jsonable_encoder(listed)},
    )


def install(app: FastAPI) -> None:
    """Make every refusal and failure of ``app`` a problem document, and document it in OpenAPI."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        return error.response(request.url.path)

    @app.exception_handler(PolyvoxError)
    async def ours(request: Request, error: PolyvoxError) -> JSONResponse:
        return from_error(error).response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return _from_validation(error.errors()).response(request.url.path)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return _from_http(request, error).response(request.url.path)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _error: ClientDisconnect) -> JSONResponse:
        # Nobody reads this answer; it keeps a client that leaves from being logged as our failure.
        return Problem(400, "disconnected", "The connection was lost", "Send the whole request again.").response(
            request.url.path
        )

    @app.exception_handler(Exception)
    async def unplanned(request: Request, _error: Exception) -> JSONResponse:
        return internal().response(request.url.path)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``responses=`` of a route that can answer with problems of these statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
