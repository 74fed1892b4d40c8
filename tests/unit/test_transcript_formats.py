"""Content negotiation and ranges of bytes."""

from __future__ import annotations

import pytest

from results_api.formats.negotiation import accepted
from results_api.http.byte_ranges import Unsatisfiable, byte_range


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/*", "json"),
        ("text/*", "text"),
        ("TEXT/VTT", "vtt"),
        ("text/vtt;q=0.9, application/x-subrip", "srt"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("application/json;q=0, */*", "text"),
        ("text/*;q=0.3, text/x-rttm;q=0.7", "rttm"),
        ("text/plain; charset=utf-8", "text"),
        ("image/png", None),
        ("application/json;q=0", None),
        ("text/vtt;q=nonsense", None),
        (",,;", None),
    ],
)
def test_the_accept_header_decides_by_specificity_and_quality(accept: str | None, form: str | None) -> None:
    assert accepted(accept) == form


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 10)),
        ("bytes=9-99", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("Bytes = 2 - 4", None),
        ("bytes= 2 - 4 ", (2, 5)),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("seconds=0-1", None),
    ],
)
def test_one_range_of_bytes_is_understood_and_others_ignored(header: str | None, span: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == span


@pytest.mark.parametrize(("header", "size_bytes"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-0", 0)])
def test_a_range_outside_is_unsatisfiable(header: str, size_bytes: int) -> None:
    with pytest.raises(Unsatisfiable):
        byte_range(header, size_bytes)
