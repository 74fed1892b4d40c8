"""How the client reads addresses and answers, and how long it waits."""

from __future__ import annotations

import httpx
import pytest

from polyvox.client import calls
from polyvox.contracts import Options
from polyvox.errors import Invalid, NotFound, Transient


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("127.0.0.1:8484", "http://127.0.0.1:8484"),
        ("localhost", "http://localhost"),
        ("[::1]:8484", "http://[::1]:8484"),
        ("https://example.org/polyvox", "https://example.org/polyvox"),
    ],
)
def test_an_address_needs_no_scheme(given: str, url: str) -> None:
    assert str(calls.address(given)) == url


@pytest.mark.parametrize("given", ["", "http://", "ftp://x", "://x", "http://x:many"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(Invalid, match="not the address of a server"):
        calls.address(given)


def answer(status: int, **arguments: object) -> httpx.Response:
    return httpx.Response(status, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Invalid), (404, NotFound), (410, NotFound), (408, Transient), (429, Transient), (500, Transient)],
)
def test_a_problem_becomes_the_error_that_says_what_to_do(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Do this"):
        calls.checked(answer(status, json={"detail": "Do this.", "code": "some"}))
    for body in (b"", b"<html>", b'"text"', b"\xff"):
        with pytest.raises(kind, match=f"the server answered {status}"):
            calls.checked(answer(status, content=body))
    assert calls.checked(answer(204)).status_code == 204


def test_pauses_double_and_heed_the_server_within_bounds() -> None:
    trouble = Transient("away")
    assert [calls.pause_s(failures, trouble) for failures in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert calls.pause_s(99, trouble) == calls.RETRY_MAX_S
    for asked, pause_s in (("7", 7.0), ("3600", calls.RETRY_AFTER_MAX_S), ("Sat, 1 Jan 2028", 0.5)):
        with pytest.raises(calls.Busy) as busy:
            calls.checked(answer(503, headers={"Retry-After": asked}))
        assert calls.pause_s(1, busy.value) == pause_s


def test_options_travel_as_fields_without_what_is_default() -> None:
    assert calls.form_fields(Options()) == {}
    assert calls.form_fields(Options(diarize=False, num_speakers=2, metadata={"a": "ä"})) == {
        "diarize": "false",
        "num_speakers": "2",
        "metadata": '{"a": "\\u00e4"}',
    }
