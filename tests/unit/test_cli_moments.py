"""Times as people type them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from polyvox.cli.moments import moment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("3 d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, NOW) == NOW - ago


def test_a_date_and_a_time_with_a_zone() -> None:
    assert moment("2026-02-03T04:05Z", NOW) == datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


def test_a_date_without_a_zone_is_local() -> None:
    assert moment("2026-02-03", NOW) == datetime(2026, 2, 3).astimezone()


@pytest.mark.parametrize("text", ["", "yesterday", "3x", "2026-13-01", "99999999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment(text, NOW)
