"""Requests to receivers that are hostile, slow or not who they say, on real connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from results_api.webhooks.connecting import CheckedNetwork, Resolve
from results_api.webhooks.posting import Answer, Poster

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@contextlib.asynccontextmanager
async def talking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says what ``talk`` does, after the head of a request; gives its port."""

    talks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client left: that is what most of these tests are about.
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        for one in talks:
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def says_ok(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


def names(*answers: list[str]) -> Resolve:
    """A name server that gives one answer after the other."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> list[str]:
        return left.pop(0)

    return resolve


async def post(
    url: str, resolve: Resolve, *, private: bool = True, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None
) -> Answer:
    poster = Poster(CheckedNetwork(resolve, private), timeout_s=timeout_s, tls=tls)
    try:
        return await poster.post(url, {"webhook-id": "1"}, b"{}")
    finally:
        await poster.close()


async def test_a_name_is_asked_for_once_and_what_was_checked_is_connected_to() -> None:
    async with talking(says_ok) as port:
        # A second question would get another answer, and the connection would fail.
        resolve = names(["127.0.0.1"], ["192.0.2.1"])
        assert await post(f"http://receiver.test:{port}/", resolve) == Answer(200, None)


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    connected = False

    async def talk(_: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected = True

    async with talking(talk) as port:
        for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]):
            answer = await post(f"http://receiver.test:{port}/", names(addresses), private=False)
            assert answer.status is None
            assert "must not reach" in (answer.error or "")
    assert not connected


async def test_another_address_of_the_name_is_tried_when_one_does_not_answer() -> None:
    async with talking(says_ok) as port:
        resolve = names(["127.0.0.2", "127.0.0.1"])
        assert await post(f"http://receiver.test:{port}/", resolve) == Answer(200, None)


async def test_a_redirect_is_not_followed() -> None:
    asked: list[bytes] = []

    async def elsewhere(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(b"")
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with talking(elsewhere) as port:
        answer = await post(f"http://receiver.test:{port}/", names(["127.0.0.1"], ["127.0.0.1"]))
    assert (answer.status, len(asked)) == (307, 1)
    assert "redirect" in (answer.error or "")


async def test_an_endless_answer_is_not_read() -> None:
    sent_bytes = 0
    ended = asyncio.Event()

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent_bytes += 65536
        finally:
            ended.set()

    async with talking(endless) as port:
        assert await post(f"http://receiver.test:{port}/", names(["127.0.0.1"])) == Answer(200, None)
        async with asyncio.timeout(60):
            await ended.wait()
    assert sent_bytes < 64 * 1024 * 1024


@pytest.mark.parametrize("piece", [b"x", b"HTTP/1.1 102 Processing\r\n\r\n", b""], ids=["slow head", "102s", "silent"])
async def test_a_receiver_that_keeps_talking_is_left_in_time(piece: bytes) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    async with talking(drip) as port:
        began_s = time.monotonic()
        answer = await post(f"http://receiver.test:{port}/", names(["127.0.0.1"]), timeout_s=0.4)
        assert time.monotonic() - began_s < 30
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"a" * 300_000 + b"\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 999999\r\n\r\n",
    ],
    ids=["endless header", "no HTTP", "no status"],
)
async def test_what_is_no_answer_is_a_failure(head: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()

    async with talking(talk) as port:
        answer = await post(f"http://receiver.test:{port}/", names(["127.0.0.1"]))
    assert answer.status is None
    assert "not HTTP" in (answer.error or "")


async def test_nobody_there_is_a_failure() -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    for resolve in (unknown, names(["127.0.0.1"]), names([])):
        answer = await post("http://receiver.test:1/", resolve)
        assert answer.status is None
        assert "cannot be found" in (answer.error or "")


async def test_the_certificate_must_be_for_the_name_though_an_address_is_connected_to(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=receiver.test"),
            *("-addext", "subjectAltName=DNS:receiver.test"),
        ],
        check=True,
        capture_output=True,
    )
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    here = names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
    async with talking(says_ok, ours) as port:
        assert await post(f"https://receiver.test:{port}/", here, tls=trusting) == Answer(200, None)
        another = await post(f"https://another.test:{port}/", here, tls=trusting)
        untrusted = await post(f"https://receiver.test:{port}/", here)
    for answer in (another, untrusted):
        assert answer.status is None
        assert "certificate" in (answer.error or "")
