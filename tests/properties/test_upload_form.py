"""However the network cuts a form, the same fields and the same bytes come out of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from ingest.upload.form import Field, FileStart, form_events
from polyvox.http import Problem

BOUNDARY = "b0undary"
# Bytes that look like the boundary are the hard case.
CONTENT = st.lists(
    st.sampled_from([b"\r\n", b"--", b"\r\n--b0", b"\r\n--b0undar", b"\r", b"\n", b"x", b"\x00\xff"]), max_size=40
).map(b"".join)


def form(content: bytes, prompt: str) -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n{prompt}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="é.wav"\r\n\r\n'
    ).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()  # fmt: skip


async def parsed(body: bytes, cuts: list[int]) -> tuple[list[Field], str | None, bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
        for start, end in itertools.pairwise(edges):
            yield body[start:end]

    fields, filename, content = [], None, b""
    async for event in form_events(chunks(), BOUNDARY):
        match event:
            case Field():
                fields.append(event)
            case FileStart(name):
                filename = name
            case bytes():
                content += event
    return fields, filename, content


@given(CONTENT, st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), st.lists(st.integers(0, 10_000)))
def test_a_form_means_the_same_in_any_pieces(content: bytes, prompt: str, cuts: list[int]) -> None:
    assert asyncio.run(parsed(form(content, prompt), cuts)) == ([Field("prompt", prompt)], "é.wav", content)


@given(CONTENT, st.integers(min_value=0), st.lists(st.integers(0, 10_000), max_size=5))
def test_a_form_that_was_cut_anywhere_is_refused(content: bytes, at: int, cuts: list[int]) -> None:
    body = form(content, "p")
    kept = body[: at % (len(body) - len("\r\n"))]  # without its last line break a form is whole
    try:
        asyncio.run(parsed(kept, cuts))
    except Problem as problem:
        assert problem.status == 400
    else:
        raise AssertionError(f"accepted: {kept!r}")
