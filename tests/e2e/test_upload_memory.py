"""Two gigabytes go through a server that holds a few megabytes of them at a time."""

from __future__ import annotations

import shutil
import socket
import struct
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.upload_server import server_process

MIB = 1 << 20
UPLOAD_BYTES = 2 << 30
BOUNDARY = b"----boundary-of-the-form"


def peak_rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads peak memory from /proc")
def test_an_upload_of_two_gigabytes_takes_constant_memory(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    try:
        with server_process(folder) as server:
            upload_and_measure(server.url, server.pid, folder)
    finally:
        shutil.rmtree(folder)


def upload_and_measure(url: str, pid: int, folder: Path) -> None:
    small = httpx.post(f"{url}/v1/media", content=wav_header(3 * MIB) + bytes(3 * MIB), timeout=30)
    assert small.status_code == 202
    before_bytes = peak_rss_bytes(pid)

    head = (
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n'
        + wav_header(UPLOAD_BYTES)
    )  # fmt: skip
    tail = b"\r\n--" + BOUNDARY + b"--\r\n"
    block = bytes(range(256)) * (MIB // 256)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=120) as connection:
        length = len(head) + UPLOAD_BYTES + len(tail)
        connection.sendall(
            b"POST /v1/media HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
            + f"Content-Length: {length}\r\n".encode()
            + b"Content-Type: multipart/form-data; boundary="
            + BOUNDARY
            + b"\r\n\r\n"
            + head
        )
        for _ in range(UPLOAD_BYTES // MIB):
            connection.sendall(block)
        connection.sendall(tail)
        answer = connection.recv(65_536)
    grown_bytes = peak_rss_bytes(pid) - before_bytes

    assert answer.startswith(b"HTTP/1.1 202 "), answer
    assert any(path.stat().st_size >= UPLOAD_BYTES for path in folder.rglob("*") if path.is_file())
    assert grown_bytes < 48 * MIB, f"peak memory grew by {grown_bytes / MIB:.0f} MiB"


def wav_header(data_bytes: int) -> bytes:
    size = min(data_bytes, 0xFFFFFFFF - 36)
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
    )
