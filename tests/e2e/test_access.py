"""Keys on a real server: who is let in, for what, and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from fastapi import APIRouter

from polyvox.access.scopes import SCOPES, Permission
from polyvox.errors import Fatal
from polyvox.http import create_app
from polyvox.http.guard import permissions
from polyvox.http.opening import check_reachable
from polyvox.settings import Settings
from tests.support.guarded import Guarded, app_of, guarded
from tests.support.results import is_problem
from tests.support.server import serve
from tests.support.uploads import wav


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path) as running:
        yield running


def operations(api: Guarded) -> list[tuple[str, str, Permission]]:
    """Method, path and permission of every route."""
    found = []
    for route, permission in permissions(api.app.router.routes):
        assert permission is not None, route
        for method in sorted(getattr(route, "methods", None) or ()):
            path = route.path.replace("{", "").replace("}", "-1234")  # type: ignore[attr-defined]
            found.append((method, path, permission))
    return found


async def test_without_any_key_programs_of_this_machine_may_do_everything(api: Guarded) -> None:
    nobody = await api.nobody({"Authorization": "Bearer unused"})
    assert (await nobody.post("/v1/media", content=wav())).status_code == 202
    assert (await nobody.get("/v1/replays")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "rebound.example:8484"}, 403),
        ({"X-Forwarded-For": "192.0.2.7"}, 403),
        ({"Origin": "https://app.example"}, 200),
        ({"Host": "localhost:8484", "Origin": "http://localhost:8484"}, 200),
    ],
)
async def test_without_any_key_pages_of_others_and_other_machines_are_not_served(
    headers: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with guarded(tmp_path, cors_origins="https://app.example") as api:
        answer = await (await api.nobody(headers)).get("/v1/media")
        assert answer.status_code == status
        if status == 403:
            is_problem(answer, 403, "not-local")


async def test_from_the_first_key_on_every_route_asks_for_one_but_those_that_say_so(api: Guarded) -> None:
    await api.key("acme", "read")
    nobody = await api.nobody()
    seen_open = set()
    for method, path, permission in operations(api):
        answer = await nobody.request(method, path)
        if permission.is_open:
            seen_open.add(path)
            assert answer.headers.get("WWW-Authenticate") is None or path == "/v1/bucket-events"
        else:
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="polyvox"'
    assert {"/health", "/ready", "/metrics", "/openapi.json", "/docs"} <= seen_open
    assert seen_open <= {
        *("/health", "/ready", "/metrics", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/v1/tus"),
    }


async def test_a_key_is_good_for_its_scopes_and_no_others(api: Guarded) -> None:
    clients = {scope: await api.client("acme", scope) for scope in SCOPES}
    both = await api.client("acme", "upload", "read")
    for method, path, permission in operations(api):
        if permission.is_open:
            continue
        for scope, client in clients.items():
            answer = await client.request(method, path)
            allowed = scope == "admin" or permission.scopes <= {scope}
            is_refused = answer.status_code == 403 and "scope" in answer.text
            assert is_refused is not allowed, (method, path, scope, answer.text)
        answer = await both.request(method, path)
        assert (answer.status_code == 403) is ("admin" in permission.scopes), (method, path, answer.text)


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_keys_that_are_none_wrong_revoked_or_expired_are_refused(api: Guarded, header: str) -> None:
    key, text = await api.key("acme", "read")
    revoked, revoked_text = await api.key("acme", "read")
    await api.keyring.revoke(revoked.key_id)
    _, expired_text = await api.key("acme", "read", expires_at=key.created_at)
    nobody, way = await api.nobody(), "Bearer " if header == "Authorization" else ""

    async def send(value: str) -> httpx.Response:
        return await nobody.get("/v1/media", headers={header: f"{way}{value}"})

    assert (await send(text)).status_code == 200
    wrong_end = text[:-1] + ("0" if text[-1] != "0" else "1")
    for wrong in ("pvx_", "sk-1234", "pvx_" + "0" * 16 + "_" + "0" * 64, wrong_end, text.upper(), text + "0"):
        is_problem(await send(wrong), 401, "invalid-api-key")
    is_problem(await send(revoked_text), 401, "revoked-api-key")
    is_problem(await send(expired_text), 401, "expired-api-key")


async def test_a_route_that_declares_nothing_is_closed_even_to_admins(api: Guarded) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> str:
        return "all secrets"

    admin = await api.client(None, "admin")
    async with serve(create_app([router], title="Test", door=api.door)) as url:
        is_problem(await admin.get(f"{url}/forgotten"), 403, "closed")


async def test_the_openai_sdk_sends_its_key_and_understands_the_refusal(api: Guarded) -> None:
    _, text = await api.key("acme", "read")
    async with openai.AsyncOpenAI(base_url=f"{api.url}/v1", api_key=text, max_retries=0) as good:
        assert [model.id for model in (await good.models.list()).data]
        with pytest.raises(openai.PermissionDeniedError, match="needs a key with the scope upload"):
            await good.audio.transcriptions.create(file=("a.wav", wav()), model="whisper-1")
    async with openai.AsyncOpenAI(base_url=f"{api.url}/v1", api_key="sk-none", max_retries=0) as bad:
        with pytest.raises(openai.AuthenticationError) as refused:
            await bad.models.list()
    assert refused.value.code == "invalid_api_key"


async def test_a_body_without_a_recording_is_bounded(api: Guarded) -> None:
    admin = await api.client(None, "admin")
    huge = b'{"url": "' + b"x" * (9 << 20) + b'"}'
    headers = {"Content-Type": "application/json"}
    is_problem(await admin.post("/v1/webhooks", content=huge, headers=headers), 413, "too-large")

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(huge), 1 << 20):
            yield huge[start : start + (1 << 20)]

    assert (await admin.post("/v1/webhooks", content=in_pieces(), headers=headers)).status_code == 413


async def test_recordings_are_never_served_to_a_network_without_a_key(api: Guarded) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "polyvox.example"):
        with pytest.raises(Fatal, match="polyvox keys create"):
            await check_reachable(Settings(host=host), api.door.known)
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        await check_reachable(Settings(host=host), api.door.known)
    key, _ = await api.key(None, "admin")
    await check_reachable(Settings(host="0.0.0.0"), api.door.known)
    await api.keyring.revoke(key.key_id)
    # What was shut does not open again.
    is_problem(await (await api.nobody()).get("/v1/media"), 401, "no-api-key")


async def test_the_api_s_description_asks_for_keys_as_soon_as_there_are_any(api: Guarded) -> None:
    nobody = await api.nobody()
    document = (await nobody.get("/openapi.json")).json()
    assert "security" not in document["paths"]["/v1/media"]["get"]
    assert document["paths"]["/v1/media"]["get"]["x-polyvox-scopes"] == ["read"]
    assert document["components"]["securitySchemes"] == {}
    await api.key(None, "admin")
    document = (await nobody.get("/openapi.json")).json()
    assert document["paths"]["/v1/media"]["get"]["security"] == [{"bearer": []}, {"header": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "ticket"}


async def test_the_api_s_description_says_which_scopes_its_routes_need(api: Guarded) -> None:
    document = app_of(api.results.runtime, api.door).openapi()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "ticket"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            is_open = path in ("/health", "/ready", "/metrics") or (path, method) == ("/v1/tus", "options")
            assert ("security" in operation) is not is_open, (method, path)
