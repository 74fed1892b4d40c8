"""With a key one sees and changes only what is of its tenant, whichever route one asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.guarded import Guarded, guarded
from tests.support.results import is_problem
from tests.support.uploads import wav

BODY_TYPE = "application/offset+octet-stream"
TUS = {"Tus-Resumable": "1.0.0"}
BODIES: dict[str, Any] = {
    "/v1/uploads/{upload_id}/urls": {"json": {"numbers": [1]}},
    "/v1/webhooks/{webhook_id}/replay": {"json": {"since": "2026-01-01T00:00:00Z"}},
    "/v1/tus/{upload_id}": {
        "headers": {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    },
}


@dataclass
class Two:
    """``ids`` are what acme has, by the names of parameters; ``others`` has the key of another tenant."""

    api: Guarded
    acme: httpx.AsyncClient
    others: httpx.AsyncClient
    ids: dict[str, str]


class Ids(dict[str, str]):
    """Whatever else a path names is below one of these."""

    def __missing__(self, name: str) -> str:
        return "1"


async def begun(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/uploads", json={"size_bytes": len(wav())})
    return str(answer.json()["upload_id"])


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with guarded(tmp_path, webhooks_private=True) as api:
        acme, others = await api.client("acme", "admin"), await api.client("other", "admin")
        media_id = await api.recording(acme, metadata='{"project": "secret"}')
        webhook = (await acme.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/acme"})).json()
        replay = (await acme.post("/v1/replays", json={"stage": "diarize"})).json()
        ids = {
            "media_id": media_id,
            "upload_id": await begun(acme),
            "webhook_id": webhook["webhook_id"],
            "replay_id": replay["replay_id"],
            "key_id": (await api.key("acme", "read"))[0].key_id,
        }
        yield Two(api, acme, others, ids)


async def test_no_route_answers_or_changes_what_is_another_tenant_s(two: Two) -> None:
    document = two.api.app.openapi()
    tus = await two.acme.post("/v1/tus", headers={**TUS, "Upload-Length": str(len(wav()))})
    by_path: dict[str, dict[str, str]] = {"/v1/tus/{upload_id}": {"upload_id": tus.headers["Location"].split("/")[-1]}}
    asked = 0
    for path, operations in document["paths"].items():
        values = Ids({**two.ids, **by_path.get(path, {})})
        if not any(f"{{{name}}}" in path for name in two.ids):
            continue
        filled = path.format_map(values)
        for method in operations:
            request: dict[str, Any] = BODIES.get(path, {"headers": TUS} if "tus" in path else {})
            if method in ("patch", "put", "post") and not request and "requestBody" in operations[method]:
                request = {"json": example(document, operations[method])}
            answer = await two.others.request(method, filled, **request)
            assert answer.status_code == 404, (method, filled, answer.text)
            asked += 1
    assert asked >= 20
    # And all of it is as it was.
    assert (await two.acme.get(f"/v1/media/{two.ids['media_id']}")).json()["status"] == "completed"
    assert (await two.acme.get(f"/v1/uploads/{two.ids['upload_id']}")).json()["status"] == "open"
    assert (await two.acme.get(f"/v1/webhooks/{two.ids['webhook_id']}")).json()["disabled_at"] is None
    looked = await two.acme.head(by_path["/v1/tus/{upload_id}"]["upload_id"].join(("/v1/tus/", "")), headers=TUS)
    assert looked.headers["Upload-Offset"] == "0"


def example(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """A body that is valid, as far as schemas with required members go."""
    schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
    return of_schema(document, schema)


def of_schema(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return of_schema(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for either in ("anyOf", "oneOf", "allOf"):
        if either in schema:
            return of_schema(document, schema[either][0])
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {})
            return {name: of_schema(document, members[name]) for name in schema.get("required", [])}
        case "array":
            return [of_schema(document, schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return schema.get("enum", ["text"])[0]


async def test_lists_and_searches_hold_only_what_is_of_the_key_s_tenant(two: Two) -> None:
    own = await two.api.recording(two.others)
    everybody = await two.api.client(None, "admin")
    for client, expected in (
        (two.acme, {two.ids["media_id"]}),
        (two.others, {own}),
        (everybody, {two.ids["media_id"], own}),
    ):
        listed = (await client.get("/v1/media")).json()["items"]
        assert {item["media_id"] for item in listed} == expected
        found = (await client.get("/v1/search", params={"q": "speaker"})).json()["items"]
        assert {hit["media_id"] for hit in found} == expected
    assert (await two.others.get("/v1/webhooks")).json()["items"] == []
    assert (await two.others.get("/v1/replays")).json()["items"] == []
    assert len((await everybody.get("/v1/webhooks")).json()["items"]) == 1
    assert len((await everybody.get("/v1/replays")).json()["items"]) == 1


async def test_what_a_tenant_s_key_orders_is_about_that_tenant_alone(two: Two) -> None:
    body = {"stage": "diarize", "where": {"media_ids": [two.ids["media_id"]]}}
    assert (await two.others.post("/v1/replays?dry_run=true", json=body)).json()["matching"] == 0
    assert (await two.acme.post("/v1/replays?dry_run=true", json=body)).json()["matching"] == 1
    body = {"stage": "diarize", "where": {"tenant": "acme"}}
    is_problem(await two.others.post("/v1/replays", json=body), 403, "other-tenant")
    hook = {"url": "http://127.0.0.1:9/x"}
    is_problem(await two.others.post("/v1/webhooks", json={**hook, "tenant": "acme"}), 403, "other-tenant")
    assert (await two.others.post("/v1/webhooks", json=hook)).json()["tenant"] == "other"


async def test_a_tenant_s_admin_makes_and_revokes_keys_of_that_tenant_alone(two: Two) -> None:
    wish = {"name": "device", "scopes": ["upload"]}
    is_problem(await two.others.post("/v1/keys", json={**wish, "tenant": "acme"}), 403, "other-tenant")
    made = (await two.others.post("/v1/keys", json=wish)).json()
    assert (made["tenant"], made["scopes"]) == ("other", ["upload"])
    device = await two.api.nobody({"Authorization": f"Bearer {made['key']}"})
    assert (await device.post("/v1/media", content=wav())).status_code == 202
    assert {key["tenant"] for key in (await two.others.get("/v1/keys")).json()["items"]} == {"other"}
    assert made["key"] not in (await two.others.get("/v1/keys")).text
    assert (await two.others.delete(f"/v1/keys/{made['key_id']}")).json()["revoked_at"]
    is_problem(await device.post("/v1/media", content=wav()), 401, "revoked-api-key")
    is_problem(await two.others.get(f"/v1/keys/{made['key_id']}"), 410, "key-revoked")
    assert [key["revoked_at"] is None for key in (await two.others.get("/v1/keys")).json()["items"]] == [True, False]
    assert (await two.acme.get(f"/v1/keys/{two.ids['key_id']}")).json()["revoked_at"] is None


async def test_an_idempotency_key_is_the_tenant_s_own(two: Two) -> None:
    headers = {"Idempotency-Key": "monday"}
    answers = [await client.post("/v1/media", content=wav(), headers=headers) for client in (two.acme, two.others)]
    assert len({answer.json()["media_id"] for answer in answers}) == 2


async def test_a_gateway_names_the_tenant_with_a_key_for_all(tmp_path: Path) -> None:
    async with guarded(tmp_path, trust_tenant_header="X-Tenant") as api:
        gateway, acme = await api.client(None, "admin"), await api.client("acme", "admin")
        media_id = await api.recording(acme)
        path = f"/v1/media/{media_id}"
        for tenant, status in (("acme", 200), ("other", 404), ("", 400), ("x" * 201, 400)):
            assert (await gateway.get(path, headers={"X-Tenant": tenant})).status_code == status
        assert (await gateway.get(path)).status_code == 200
        is_problem(await acme.get(path, headers={"X-Tenant": "other"}), 403, "other-tenant")
        assert (await acme.get(path, headers={"X-Tenant": "acme"})).status_code == 200


async def test_a_gateway_without_keys_shows_each_tenant_its_own(tmp_path: Path) -> None:
    async with guarded(tmp_path, trust_tenant_header="X-Tenant") as api:
        acme, other, unnamed = (
            await api.nobody({"X-Tenant": "acme"}),
            await api.nobody({"X-Tenant": "b"}),
            await api.nobody(),
        )
        media_id = await api.recording(acme)
        statuses = [(await one.get(f"/v1/media/{media_id}/transcript")).status_code for one in (acme, other, unnamed)]
        assert statuses == [200, 404, 404]
        assert (await unnamed.get("/v1/media")).json()["items"] == []
