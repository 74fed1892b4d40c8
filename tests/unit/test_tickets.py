"""Tickets: good for what they were made for, for a minute, and by their key alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from polyvox.access.key import ApiKey
from polyvox.access.secret import without_secrets
from polyvox.access.ticket import new_ticket, read_ticket

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ApiKey(
    key_id="0123456789abcdef", sha256="ab" * 32, name="a", tenant="acme", scopes=frozenset({"read"}), created_at=NOW
)
TEXT = new_ticket(KEY, media_id="m-1", tenant="acme", expires_at=NOW + timedelta(seconds=60))
GOOD: dict[str, Any] = {"media_id": "m-1", "tenant": "acme", "now": NOW}


@pytest.mark.parametrize(
    ("otherwise", "is_good"),
    [
        ({}, True),
        ({"now": NOW + timedelta(seconds=59)}, True),
        ({"now": NOW + timedelta(seconds=60)}, False),
        ({"media_id": "m-2"}, False),
        ({"tenant": "other"}, False),
        ({"tenant": None}, False),
    ],
)
def test_a_ticket_is_good_for_one_recording_and_one_tenant_for_a_minute(
    otherwise: dict[str, Any], is_good: bool
) -> None:
    ticket = read_ticket(TEXT)
    assert ticket is not None
    assert ticket.key_id == KEY.key_id
    assert ticket.matches(KEY, **{**GOOD, **otherwise}) is is_good


def test_nobody_makes_a_ticket_last_or_makes_one_without_the_key() -> None:
    ticket = read_ticket(TEXT)
    assert ticket is not None
    assert not ticket._replace(expires_s=ticket.expires_s + 1).matches(KEY, **GOOD)
    assert not ticket.matches(KEY.model_copy(update={"sha256": "ac" * 32}), **GOOD)
    assert KEY.sha256 not in TEXT
    for text in ("", "pvt_", TEXT[:-1], f"{TEXT}0", TEXT.replace("pvt_", "pvx_"), f" {TEXT}"):
        assert read_ticket(text) is None


def test_no_ticket_stands_in_a_log() -> None:
    assert without_secrets(f"GET /v1/media/m-1/events?ticket={TEXT} HTTP/1.1") == (
        "GET /v1/media/m-1/events?ticket=pvt_0123456789abcdef_… HTTP/1.1"
    )
