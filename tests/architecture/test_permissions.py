"""Every route says who may use it, and what is open is what docs/security.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"get", "post", "put", "patch", "delete", "options", "head", "api_route", "websocket"}
ROUTES = [
    path
    for package in ("polyvox", "ingest", "transcriber", "diarizer", "results_api")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "APIRouter(" in path.read_text()
]
OPEN = {
    *("/health", "/ready", "/metrics"),
    # What a tus server can do; and what comes with a token of its own.
    *("/v1/tus", "/v1/bucket-events"),
}


def endpoints(path: Path) -> list[tuple[str, list[str]]]:
    """Functions that are routes, each with the names of all their decorators."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
            names = [_name(decorator) for decorator in node.decorator_list]
            if METHODS & set(names):
                found.append((node.name, names))
    return found


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_there_are_routes_to_look_at() -> None:
    assert sum(len(endpoints(path)) for path in ROUTES) >= 40


@pytest.mark.parametrize("path", ROUTES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_route_declares_what_it_needs(path: Path) -> None:
    for name, decorators in endpoints(path):
        declares = [one for one in decorators if one in ("needs", "open_to_all")]
        assert len(declares) == 1, f"{name}: say @needs(…) or @open_to_all below the route (polyvox/access/scopes.py)"
        assert decorators[-1] in ("needs", "open_to_all"), f"{name}: the route must see what is declared"


def test_what_is_open_is_written_down() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    opened = [(path, name) for path in ROUTES for name, names in endpoints(path) if "open_to_all" in names]
    assert len(opened) == len(OPEN)
    for route in OPEN:
        assert f"`{route}`" in page or f"`OPTIONS {route}`" in page, route
