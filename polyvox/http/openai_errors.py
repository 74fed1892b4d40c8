"""Refusals in the shape that OpenAI's clients read, on the routes that speak as OpenAI does. Pure.

``{"error": {"message", "type", "param", "code"}}`` (OpenAI API reference, "Error codes"). The statuses are theirs
too: what is wrong with a request is a 400 there, whichever kind of wrong it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyvox.http.problems import Problem

PREFIXES = ("/v1/audio/", "/v1/models")
_TEXT_OR_NULL = {"type": ["string", "null"]}
DOCUMENTED: dict[str, Any] = {
    "description": "What is wrong, in OpenAI's shape.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": _TEXT_OR_NULL,
                            "code": _TEXT_OR_NULL,
                        },
                    }
                },
            }
        }
    },
}
"""The OpenAPI response."""
STATUSES = {406: 400, 410: 404, 415: 400, 422: 400}


def are_spoken_at(path: str) -> bool:
    """Whether clients of this path expect OpenAI's shape."""
    return path.startswith(PREFIXES)


def status_of(problem: Problem) -> int:
    """The HTTP status that OpenAI's clients expect."""
    return STATUSES.get(problem.status, problem.status)


def document(problem: Problem) -> dict[str, Any]:
    """The body. ``param`` is the problem's member ``option``, where one option is to blame."""
    return {
        "error": {
            "message": problem.detail,
            "type": _type(status_of(problem)),
            "param": problem.members.get("option"),
            "code": problem.code.replace("-", "_"),
        }
    }


def _type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return {403: "permission_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
