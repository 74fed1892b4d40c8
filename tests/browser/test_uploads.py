"""A real browser uploads across origins: in parts straight into the object store, and by tus."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from polyvox import keys
from tests.support import node
from tests.support.buckets import s3_settings
from tests.support.file_server import FileServer
from tests.support.uploads import running_ingest, wav_of

MIB = 1 << 20
RECORDING = wav_of(17 * MIB + 3)
PAGE = Path(__file__).with_name("upload.html")


@pytest.mark.parametrize("kind", ["minio", "folder"])
async def test_a_page_of_another_origin_uploads_in_parts_and_by_tus(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    own = s3_settings(request.getfixturevalue("minio_server")) if kind == "minio" else {}
    recording = tmp_path / "long.wav"
    recording.write_bytes(RECORDING)
    script = node.packages() / "tus-js-client" / "dist" / "tus.min.js"
    files = {"/upload.html": PAGE.read_bytes(), "/tus.js": script.read_bytes()}
    with FileServer(files) as pages:
        async with running_ingest(
            tmp_path / "data", max_upload_bytes=64 * MIB, cors_origins=pages.url, **own
        ) as ingest:
            arguments = (node.chromium(), f"{pages.url}/upload.html", ingest.url, recording)
            status, lines = await asyncio.to_thread(node.run, "browser_upload.mjs", *arguments, timeout_s=120)
            assert status == 0
            in_parts, by_tus = map(json.loads, lines)
            sent = [*in_parts["first"], *in_parts["others"]]
            assert sorted(part["number"] for part in sent) == [1, 2, 3]
            assert all(part["etag"] for part in sent)
            assert by_tus["chunks"] == 5
            ids = {in_parts["media_id"], by_tus["url"].rpartition("/")[2]}
            assert {event.data.media_id for event in await ingest.uploaded()} == ids
            assert {event.data.filename for event in await ingest.uploaded()} == {"long.wav"}
            for media_id in ids:
                assert await ingest.store.inner.get(keys.original(media_id)) == RECORDING


async def test_pages_of_origins_that_are_not_named_may_not_use_the_api(tmp_path: Path) -> None:
    async with running_ingest(tmp_path, cors_origins="https://app.example.com, https://b.example.com") as ingest:
        asking = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "tus-resumable"}
        for origin, allowed in (("https://app.example.com", True), ("https://evil.example.com", False)):
            answer = await ingest.client.options("/v1/tus/x", headers={"Origin": origin, **asking})
            assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
            answer = await ingest.client.get("/v1/uploads/x", headers={"Origin": origin})
            assert answer.status_code == 404
            assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
            assert "Upload-Offset" in answer.headers["access-control-expose-headers"]
