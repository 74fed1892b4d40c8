"""300 megabytes go through a server in parts and by tus, and it holds a few parts of them at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_upload_memory import peak_rss_bytes, wav_header
from tests.support.buckets import s3_settings
from tests.support.upload_server import server_process

MIB = 1 << 20
PART_BYTES = 8 * MIB
UPLOAD_BYTES = 304 * MIB
VERSION = {"Tus-Resumable": "1.0.0"}
BLOCK = bytes(range(256)) * (MIB // 256)


def body(size_bytes: int, *, start: int = 0) -> Iterator[bytes]:
    """Bytes from ``start`` on of one endless recording."""
    head = wav_header(UPLOAD_BYTES) if start == 0 else b""
    yield head + BLOCK[len(head) :]
    for _ in range(size_bytes // MIB - 1):
        yield BLOCK


def by_tus(client: httpx.Client, size_bytes: int) -> None:
    created = client.post("/v1/tus", headers={**VERSION, "Upload-Length": str(size_bytes)})
    about = {**VERSION, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    answer = client.patch(
        created.headers["location"], content=body(size_bytes), headers={**about, "Content-Length": str(size_bytes)}
    )
    assert answer.status_code == 204, answer.text


def in_parts(client: httpx.Client, size_bytes: int) -> None:
    upload = client.post("/v1/uploads", json={"size_bytes": size_bytes}).json()
    path = f"/v1/uploads/{upload['upload_id']}"
    for number in range(1, upload["part_count"] + 1):
        part = body(upload["part_bytes"], start=number - 1)
        assert client.put(f"{path}/parts/{number}", content=part).status_code == 200
    answer = client.post(f"{path}/complete")
    assert answer.status_code == 202, answer.text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads peak memory from /proc")
@pytest.mark.parametrize(("send", "kind"), [(by_tus, "folder"), (by_tus, "minio"), (in_parts, "minio")])
def test_large_uploads_take_constant_memory(
    tmp_path: Path, send: Callable[[httpx.Client, int], None], kind: str, request: pytest.FixtureRequest
) -> None:
    own = {} if kind == "folder" else s3_settings(request.getfixturevalue("minio_server"))
    with server_process(tmp_path, **own) as server, httpx.Client(base_url=server.url, timeout=120) as client:
        send(client, 4 * PART_BYTES)
        before_bytes = peak_rss_bytes(server.pid)
        send(client, UPLOAD_BYTES)
        grown_bytes = peak_rss_bytes(server.pid) - before_bytes
    assert grown_bytes < 24 * MIB, f"peak memory grew by {grown_bytes / MIB:.0f} MiB"
