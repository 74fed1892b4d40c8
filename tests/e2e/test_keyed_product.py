"""The whole product with keys: every way in and out that a client takes, on a folder and on S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from polyvox import bootstrap
from polyvox.access.keyring import Keyring, Wish
from polyvox.access.scopes import Scope
from polyvox.client import AsyncClient
from polyvox.clock import SystemClock
from polyvox.errors import Invalid, NotFound
from polyvox.settings import Settings
from tests.support.buckets import s3_settings
from tests.support.instant_product import instant_product
from tests.support.stack import speech


@pytest.fixture(params=["folder", "minio"])
def store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of the store."""
    return {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))


@pytest.fixture
async def url(store: dict[str, Any], tmp_path: Path) -> AsyncIterator[str]:
    async with instant_product(tmp_path / "data", **store) as address:
        yield address


async def test_clients_do_everything_with_their_key_and_nothing_of_another_tenant_s(
    url: str, store: dict[str, Any], tmp_path: Path
) -> None:
    found = bootstrap.open_store(Settings(data_dir=tmp_path / "data", **store))
    keyring = Keyring(found, SystemClock())

    async def key(tenant: str, *scopes: Scope) -> str:
        return (await keyring.add(Wish(tenant, tenant, frozenset(scopes))))[1]

    acme, other = await key("acme", "upload", "read"), await key("other", "admin")
    await found.close()
    recording = speech(tmp_path / "call.flac", 4.0)
    # Below any size: every upload goes in parts, past the server where the store takes them.
    async with (
        AsyncClient(url, api_key=acme, parts_above_bytes=1) as client,
        AsyncClient(url, api_key=other) as stranger,
        AsyncClient(url) as nobody,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=acme, max_retries=0) as sdk,
    ):
        media_id = await client.upload(recording)
        assert (await client.wait(media_id, timeout_s=60)).status == "completed"
        assert (await client.transcript(media_id)).segments
        answer = await sdk.audio.transcriptions.create(file=recording, model="whisper-1", timeout=60)
        assert answer.text
        assert len([one async for one in client.list()]) == 2
        assert [one async for one in stranger.list()] == []
        with pytest.raises(NotFound):
            await stranger.transcript(media_id)
        with pytest.raises(NotFound):
            await stranger.delete(media_id)
        with pytest.raises(Invalid, match="asks for a key"):
            await nobody.get(media_id)
        await client.delete(media_id)
        assert (await client.get(media_id)).status == "deleted"
