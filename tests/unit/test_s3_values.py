"""The pure half of the S3 store: sums of parts, metadata in headers, keys, answers in our terms."""

from __future__ import annotations

import zlib

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from polyvox.adapters.object_keys import is_portable
from polyvox.adapters.s3 import crc, metadata
from polyvox.adapters.s3.failures import translated
from polyvox.errors import AlreadyExists, Fatal, Invalid, NotFound, PolyvoxError, Transient, Unavailable


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_the_sum_of_parts_is_the_sum_of_the_whole(parts: list[bytes]) -> None:
    assert crc.combined((zlib.crc32(part), len(part)) for part in parts) == zlib.crc32(b"".join(parts))


def test_sums_of_large_parts_combine() -> None:
    parts = [bytes([number]) * size for number, size in enumerate((5 << 20, 8 << 20, 1, (8 << 20) + 1))]
    assert crc.combined((zlib.crc32(part), len(part)) for part in parts) == zlib.crc32(b"".join(parts))
    assert crc.of_text(crc.text_of(zlib.crc32(b"hello"))) == zlib.crc32(b"hello")
    assert crc.text_of(zlib.crc32(b"hello")) == "NhCmhg=="


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.text(), max_size=4))
def test_any_text_travels_in_headers(given_: dict[str, str]) -> None:
    headers = metadata.to_headers(given_)
    assert all(value.isascii() and value.isprintable() and value == value.strip() for value in headers.values())
    assert all("  " not in value and value for value in headers.values())
    assert metadata.of_headers(headers) == given_


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("plain text", "plain text"),
        ("=?UTF-8?B?R2VzcHLDpGNo?=", "Gespräch"),
        ("=?UTF-8?Q?Gespr=C3=A4ch_1?=", "Gespräch 1"),
        ("=?UTF-8?B?R2VzcHI=?= =?UTF-8?B?w6RjaA==?=", "Gespräch"),
        ("=?UTF-8?B?not base64?=", "=?UTF-8?B?not base64?="),
    ],
)
def test_metadata_of_other_clients_are_read(header: str, text: str) -> None:
    assert metadata.of_headers({"Filename": header}) == {"filename": text}


@pytest.mark.parametrize("key", ["a", "a/b.c/..d", "é" * 100, "with space/x", "~", "a/-/b"])
def test_keys_that_every_store_takes(key: str) -> None:
    assert is_portable(key)


@pytest.mark.parametrize("key", ["a//b", "/a", "a/", ".", "a/..", "a/ .. /b", "a/ /b", "a\nb", "a\\b", "é" * 200])
def test_keys_that_some_stores_take_for_others(key: str) -> None:
    assert not is_portable(key)


def answer(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetObject",
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("NoSuchKey", 404), NotFound),
        (answer("NoSuchUpload", 404), NotFound),
        (answer("PreconditionFailed", 412), NotFound),
        (answer("EntityTooSmall", 400), Invalid),
        (answer("InvalidObjectState", 403), Invalid),
        (answer("BadDigest", 400), Transient),
        (answer("SlowDown", 503), Unavailable),
        (answer("InternalError", 500), Unavailable),
        (answer("TooManyRequests", 429), Unavailable),
        (answer("RequestTimeout", 400), Unavailable),
        (answer("NotImplemented", 501), Fatal),
        (answer("SomethingNew", 400), Transient),
        (EndpointConnectionError(endpoint_url="http://nowhere"), Unavailable),
        (NoCredentialsError(), Unavailable),
        (TimeoutError(), Unavailable),
    ],
)
def test_what_s3_answers_says_what_to_do(error: Exception, kind: type[PolyvoxError]) -> None:
    found = translated(error, "k")
    assert type(found) is kind
    assert "k" in str(found)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("AccessDenied", "rights"),
        ("ExpiredToken", "renew"),
        ("InvalidAccessKeyId", "POLYVOX_S3_ACCESS_KEY"),
        ("NoSuchBucket", "POLYVOX_S3_BUCKET"),
        ("SomethingForbidden", "rights"),
    ],
)
def test_a_refusal_is_no_messages_fault_and_names_what_to_look_at(code: str, advice: str) -> None:
    found = translated(answer(code, 403), "k")
    assert type(found) is Unavailable
    assert advice in str(found)


def test_a_lost_conditional_put_says_that_the_key_is_taken() -> None:
    assert type(translated(answer("PreconditionFailed", 412), "k", conditional=True)) is AlreadyExists
