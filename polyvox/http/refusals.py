"""Every way in which a request is refused for who sent it, saying what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from polyvox.http.problems import Problem

REASONS = ("no-key", "bad-key", "revoked", "expired", "scope", "tenant", "not-local", "undeclared", "too-large")
"""What metrics call them."""

_HOW = "Send it as 'Authorization: Bearer KEY' or in X-API-Key"


class Refused(Problem):
    """``reason`` is one of ``REASONS``."""

    def __init__(self, reason: str, problem: Problem) -> None:
        super().__init__(
            problem.status,
            problem.code,
            problem.title,
            problem.detail,
            headers=problem.headers,
            members=problem.members,
        )
        self.reason = reason


def no_key() -> Refused:
    return Refused("no-key", _unauthorized("no-api-key", "A key is missing", f"This server asks for a key. {_HOW}."))


def bad_key() -> Refused:
    detail = f"There is no such key here. {_HOW}, whole and as it was given out."
    return Refused("bad-key", _unauthorized("invalid-api-key", "The key is not valid", detail, error="invalid_token"))


def bad_ticket() -> Refused:
    detail = "The ticket is not for this, or its minute is over: get another with your key, POST …/events/ticket."
    return Refused("bad-key", _unauthorized("invalid-ticket", "The ticket is not valid", detail, error="invalid_token"))


def revoked() -> Refused:
    detail = "This key was revoked. Ask whoever runs the server for another."
    return Refused("revoked", _unauthorized("revoked-api-key", "The key was revoked", detail, error="invalid_token"))


def expired() -> Refused:
    detail = "This key's time is over. Ask whoever runs the server for another."
    return Refused("expired", _unauthorized("expired-api-key", "The key has expired", detail, error="invalid_token"))


def scope_missing(missing: Iterable[str]) -> Refused:
    wanted = " and ".join(sorted(missing))
    return Refused(
        "scope",
        Problem(
            403,
            "scope-missing",
            "The key is not for this",
            f"This needs a key with the scope {wanted}. Use another key, or have one made with it.",
            headers={"WWW-Authenticate": f'Bearer realm="polyvox", error="insufficient_scope", scope="{wanted}"'},
            members={"missing_scopes": sorted(missing)},
        ),
    )


def other_tenant() -> Refused:
    return Refused(
        "tenant",
        Problem(
            403,
            "other-tenant",
            "The key is of another tenant",
            "The request names another tenant than the one that its key belongs to. "
            "Leave the tenant out, or use a key of that tenant, or one for all.",
        ),
    )


def not_local(why: str) -> Refused:
    return Refused(
        "not-local",
        Problem(
            403,
            "not-local",
            "Only this machine is served",
            f"Without keys this server serves programs on its own machine alone, and {why}. "
            "Make a key with `polyvox keys create` and send it with every request; "
            "pages of other origins belong in POLYVOX_CORS_ORIGINS.",
        ),
    )


def undeclared() -> Refused:
    return Refused(
        "undeclared",
        Problem(403, "closed", "This route is closed", "Nobody said who may use this route, so nobody may: report it."),
    )


def body_too_large(limit_bytes: int) -> Refused:
    return Refused(
        "too-large",
        Problem(
            413,
            "too-large",
            "The request is too large",
            f"The body of this request may have at most {limit_bytes} bytes.",
            members={"max_body_bytes": limit_bytes},
        ),
    )


def _unauthorized(code: str, title: str, detail: str, *, error: str | None = None) -> Problem:
    challenge = 'Bearer realm="polyvox"' + (f', error="{error}"' if error else "")
    return Problem(401, code, title, detail, headers={"WWW-Authenticate": challenge})
