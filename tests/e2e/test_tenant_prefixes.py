"""What is a tenant's lies under a prefix of its own, whichever way it came; what lay elsewhere before is found."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import instant
from polyvox import bootstrap, keys
from polyvox.access.keyring import Keyring, Wish
from polyvox.access.scopes import Scope
from polyvox.client import AsyncClient
from polyvox.clock import SystemClock
from polyvox.contracts import MediaUploaded
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.ids import new_media_id
from polyvox.ports import ObjectStore
from polyvox.publish import Publisher
from polyvox.settings import Settings
from tests.support.buckets import s3_settings
from tests.support.instant_product import BEHIND, FRONT, running
from tests.support.polling import until
from tests.support.stack import speech

ACME = "tenants/acme/media/"
DROPS = json.dumps([{"prefix": "inbox/", "tenant_folders": True, "settle_s": 0}])


@dataclass
class Shop:
    """A product for several tenants, and its store as somebody sees it who has the bucket."""

    url: str
    settings: Settings
    store: ObjectStore

    async def client(self, tenant: str, **options: Any) -> AsyncClient:
        scopes: frozenset[Scope] = frozenset({"upload", "read"})
        _, key = await Keyring(self.store, SystemClock()).add(Wish(tenant, tenant, scopes))
        return AsyncClient(self.url, api_key=key, **options)

    async def stored(self, prefix: str) -> list[str]:
        return [info.key async for info in self.store.list(prefix)]


@pytest.fixture(params=["folder", "minio"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    options = {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))
    options |= {"watches": DROPS, "sweep_every_s": 0.1, "sweep_at_most_s": 0.1}
    data_dir = tmp_path / "data"
    settings = Settings(data_dir=data_dir, **options)
    async with running([*FRONT, *BEHIND, "bucket-watcher", *instant.SERVICES], data_dir, **options) as url:
        store = bootstrap.open_store(settings)
        yield Shop(url, settings, store)
        await store.close()


async def test_everything_of_a_tenant_lies_under_its_prefix_until_it_is_deleted(shop: Shop, tmp_path: Path) -> None:
    recording = speech(tmp_path / "call.flac", 4.0)
    async with await shop.client("acme") as acme, await shop.client("acme", parts_above_bytes=1) as in_parts:
        ids = {await acme.upload(recording), await in_parts.upload(recording)}
        await shop.store.put("inbox/acme/call.flac", recording.read_bytes())
        await shop.store.put("inbox/call.flac", recording.read_bytes())
        dropped = await until(lambda: others_than(acme, ids))
        ids |= dropped
        for media_id in ids:
            assert (await acme.wait(media_id, timeout_s=60)).status == "completed"
        corrected = sorted(ids)[0]
        await acme.corrections.make(corrected, "*", speakers={"S1": "Ada"})
        for media_id in ids:
            names = {key.removeprefix(f"{ACME}{media_id}/") for key in await shop.stored(f"{ACME}{media_id}/")}
            assert {"audio.flac", "peaks.json", "result-v1.json"} < names
            assert ("original" in names) is (media_id not in dropped)
            assert any(name.startswith("parts/00000/words-") for name in names)
            assert any(name.startswith("diarization-") for name in names)
            assert any(name.startswith("corrections/") for name in names) is (media_id == corrected)
            # By its id alone it is found.
            assert await shop.stored(keys.media_prefix(media_id)) == [keys.upload_manifest(media_id)]
            assert (await acme.transcript(media_id)).segments
        async with await shop.client("default") as owner:
            (whose,) = await until(lambda: others_than(owner, set()))
            assert (await owner.wait(whose, timeout_s=60)).status == "completed"
            assert keys.result(whose, 1) in await shop.stored(keys.media_prefix(whose))
        for media_id in ids:
            await acme.delete(media_id)
        assert await shop.stored(keys.TENANTS) == []
        assert await shop.stored(keys.MEDIA) == await shop.stored(keys.media_prefix(whose))
        assert len(await shop.stored("inbox/")) == 2


async def test_what_lay_elsewhere_before_tenants_had_prefixes_stays_and_is_found(shop: Shop, tmp_path: Path) -> None:
    recording = speech(tmp_path / "call.flac", 4.0).read_bytes()
    clock = SystemClock()
    media_id = new_media_id(clock.now())
    fact = MediaUploaded(
        media_id=media_id,
        tenant="acme",
        original=StoredObject(key=keys.original(media_id), size_bytes=len(recording), content_type="audio/flac"),
        uploaded_at=clock.now(),
    )
    await shop.store.put(keys.original(media_id), recording)
    await shop.store.put(keys.upload_manifest(media_id), fact.model_dump_json(exclude_none=True).encode())
    async with bootstrap.runtime(shop.settings, member="before") as runtime:
        await Publisher(runtime.log, clock, "/tests").publish(fact)
    async with await shop.client("acme") as acme:
        assert (await acme.wait(media_id, timeout_s=60)).status == "completed"
        assert (await acme.transcript(media_id)).segments
        assert keys.result(media_id, 1) in await shop.stored(keys.media_prefix(media_id))
        assert await shop.stored(keys.TENANTS) == []
        await acme.corrections.make(media_id, "*", speakers={"S1": "Ada"})
        assert "Ada" in str(await acme.transcript(media_id))
        await acme.delete(media_id)
        assert await shop.stored(keys.TENANTS) == []
        assert await shop.stored(keys.MEDIA) == []


async def others_than(client: AsyncClient, known: set[str]) -> set[str]:
    return {one.media_id async for one in client.list()} - known
