"""Events of a recording by a ticket, for browsers: their EventSource can send no key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.guarded import Guarded, guarded
from tests.support.results import is_problem


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path) as running:
        yield running


async def test_a_ticket_opens_the_events_of_one_recording_and_nothing_else(api: Guarded) -> None:
    admin, nobody = await api.client("acme", "admin"), await api.nobody()
    media_id, another = await api.recording(admin), await api.recording(admin)
    given = (await admin.post(f"/v1/media/{media_id}/events/ticket")).json()
    href = given["href"]
    assert href == f"/v1/media/{media_id}/events?ticket={given['ticket']}"
    async with nobody.stream("GET", href) as stream:
        assert stream.status_code == 200
        said = "".join([text async for text in stream.aiter_text()])
    assert "event: completed" in said
    for elsewhere in (href.replace(media_id, another), href.replace("/events", ""), href.replace("/events", "/audio")):
        assert (await nobody.get(elsewhere)).status_code == 401
    assert (await nobody.delete(f"/v1/media/{media_id}?ticket={given['ticket']}")).status_code == 401
    is_problem(await nobody.get(f"{href[:-1]}x"), 401, "invalid-ticket")


async def test_a_ticket_ends_with_its_key_and_opens_nothing_that_its_key_does_not(api: Guarded) -> None:
    admin = await api.client("acme", "admin")
    media_id = await api.recording(admin)
    route = f"/v1/media/{media_id}/events/ticket"
    assert (await (await api.client("other", "admin")).post(route)).status_code == 404
    is_problem(await (await api.client("acme", "upload")).post(route), 403, "scope-missing")
    is_problem(await (await api.nobody()).post(route), 401, "no-api-key")
    key, text = await api.key("acme", "read")
    reader = await api.nobody({"X-API-Key": text})
    href = (await reader.post(route)).json()["href"]
    await api.keyring.revoke(key.key_id)
    api.door.known.forget()
    is_problem(await (await api.nobody()).get(href), 401, "revoked-api-key")


async def test_without_keys_no_ticket_is_needed(api: Guarded) -> None:
    nobody = await api.nobody()
    media_id = await api.recording(nobody)
    given = (await nobody.post(f"/v1/media/{media_id}/events/ticket")).json()
    assert given == {"href": f"/v1/media/{media_id}/events", "ticket": None, "expires_at": None}
    assert (await nobody.get(given["href"])).status_code == 200
