"""Clients that send little or nothing hold a connection only so long; those that are merely slow keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, Request

from polyvox.http import create_app
from polyvox.http.connections import BODY_BYTES, HEADERS_MAX_BYTES, Connection
from tests.support.server import RawConnection, serve

ROUTE = b"POST /reads HTTP/1.1\r\nHost: here\r\n"
SHORT_S = 0.4


class Hasty(Connection):
    headers_s = SHORT_S
    body_every_s = SHORT_S
    look_s = 0.02


class Patient(Hasty):
    """For a client that must not be cut off although a busy machine lets it wait for a core."""

    body_every_s = 5 * SHORT_S


@pytest.fixture(params=[Hasty])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    router = APIRouter()

    @router.post("/reads")
    async def reads(request: Request) -> int:
        return len(await request.body())

    @router.post("/waits")
    async def waits(request: Request) -> int:
        await asyncio.sleep(3 * SHORT_S)
        return len(await request.body())

    async with serve(create_app([router], title="Test"), connections=request.param) as url:
        yield url


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /re", ROUTE, ROUTE + b"X-A: b\r\nX", ROUTE + b"Content-Length: 9\r\n\r\n1234"],
    ids=["nothing", "half a line", "no end", "half a header", "half a body"],
)
async def test_who_sends_no_more_is_cut_off(url: str, sent: bytes) -> None:
    async with RawConnection.to(url) as connection:
        await connection.send(sent)
        assert await connection.closed(within_s=20 * SHORT_S)


async def test_a_header_a_byte_at_a_time_does_not_go_on_for_ever(url: str) -> None:
    async with RawConnection.to(url) as connection:
        await connection.send(ROUTE + b"X-Slow: ")
        dripping = asyncio.create_task(drip(connection, b"a"))
        assert await connection.closed(within_s=20 * SHORT_S)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


@pytest.mark.parametrize("url", [Patient], indirect=True)
async def test_a_body_that_comes_steadily_may_take_its_time(url: str) -> None:
    pieces = 8
    async with RawConnection.to(url) as connection:
        await connection.send(ROUTE + b"Content-Length: %d\r\n\r\n" % (pieces * BODY_BYTES))
        for _ in range(pieces):
            await asyncio.sleep(Patient.body_every_s / 6)
            await connection.send(bytes(BODY_BYTES))
        status, text = await connection.response()
        assert (status, text.rpartition("\r\n")[2]) == (200, str(pieces * BODY_BYTES))


async def test_a_body_that_the_server_is_slow_to_take_is_not_its_client_s_fault(url: str) -> None:
    size_bytes = 1 << 20
    async with RawConnection.to(url) as connection:
        await connection.send(b"POST /waits HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % size_bytes)
        await connection.send(bytes(size_bytes))
        status, text = await connection.response()
        assert (status, text.rpartition("\r\n")[2]) == (200, str(size_bytes))


async def test_an_answer_may_take_its_time(url: str) -> None:
    async with RawConnection.to(url) as connection:
        await connection.send(b"POST /waits HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\n1")
        assert (await connection.response())[0] == 200


async def test_headers_without_end_are_refused(url: str) -> None:
    async with RawConnection.to(url) as connection:
        await connection.send(ROUTE + b"X-Long: " + b"a" * HEADERS_MAX_BYTES + b"\r\n\r\n")
        status, text = await connection.response()
        assert (status, "headers-too-large" in text) == (431, True)


async def test_what_is_no_http_is_told_so_after_the_answers_to_what_was(url: str) -> None:
    async with RawConnection.to(url) as connection:
        await connection.send(ROUTE + b"Content-Length: 2\r\n\r\n12 and more\r\n\r\n")
        status, text = await connection.response()
        assert (status, text.rpartition("\r\n")[2]) == (200, "2")
        assert await connection.closed(within_s=20 * SHORT_S)
    async with RawConnection.to(url) as connection:
        await connection.send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        status, text = await connection.response()
        assert (status, "bad-http" in text) == (400, True)


async def drip(connection: RawConnection, byte: bytes) -> None:
    while True:
        await connection.send(byte)
        await asyncio.sleep(SHORT_S / 20)
