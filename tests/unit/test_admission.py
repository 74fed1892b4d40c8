"""When a tenant is sent away, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.admission import RETRY_LEAST_S, RETRY_MOST_S, RETRY_UNKNOWN_S, Admission, Limits
from polyvox.contracts import Lane, LaneBacklog, MediaUploaded, TenantBacklog
from polyvox.contracts.media_uploaded import BYTES_PER_S, StoredObject
from polyvox.settings import Settings
from polyvox.settings.tenants import TenantLimits
from tests.support.turned_clock import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def admission(clock: TurnedClock) -> Admission:
    return Admission(clock, Limits(audio_s=1000.0, recordings=10), {"small": TenantLimits(max_recordings=1)})


def upload(clock: TurnedClock, audio_s: float, *, tenant: str = "acme", lane: Lane = "bulk") -> MediaUploaded:
    original = StoredObject(key="media/x/original", size_bytes=round(audio_s * BYTES_PER_S))
    return MediaUploaded(media_id="recording-1", tenant=tenant, lane=lane, original=original, uploaded_at=clock.now())


def backlog(clock: TurnedClock, audio_s: float, recordings: int, *, tenant: str = "acme") -> TenantBacklog:
    told = LaneBacklog(recordings=recordings, audio_s=audio_s, counted_to=clock.now())
    return TenantBacklog(tenant=tenant, as_of=clock.now(), bulk=told)


def test_there_is_room_until_as_much_waits_as_may(admission: Admission, clock: TurnedClock) -> None:
    admission.heard(backlog(clock, 999.0, 9))
    assert admission.room("acme", "bulk") is None
    admission.heard(backlog(clock, 1000.0, 9))
    full = admission.room("acme", "bulk")
    assert full is not None
    assert (full.audio_s, full.recordings, full.limits.audio_s) == (1000.0, 9, 1000.0)
    admission.heard(backlog(clock, 1.0, 10))
    assert admission.room("acme", "bulk") is not None
    admission.heard(backlog(clock, 0.0, 0))
    assert admission.room("acme", "bulk") is None


def test_lanes_and_tenants_do_not_count_for_each_other(admission: Admission, clock: TurnedClock) -> None:
    admission.heard(backlog(clock, 5000.0, 50))
    assert admission.room("acme", "bulk") is not None
    assert admission.room("acme", "interactive") is None
    assert admission.room("other", "bulk") is None


def test_a_tenant_may_have_limits_of_its_own(admission: Admission, clock: TurnedClock) -> None:
    admission.heard(backlog(clock, 1.0, 1, tenant="small"))
    full = admission.room("small", "bulk")
    assert full is not None
    assert full.limits == Limits(audio_s=1000.0, recordings=1)


def test_what_was_let_in_counts_until_the_backlog_holds_it(admission: Admission, clock: TurnedClock) -> None:
    for _ in range(10):
        assert admission.room("acme", "bulk") is None
        admission.accepted(upload(clock, 5.0))
        clock.turn(2.0)
    assert admission.room("acme", "bulk") is not None
    # Counted up to the fifth, that is without the last five.
    early = TenantBacklog(
        tenant="acme",
        as_of=clock.now(),
        bulk=LaneBacklog(recordings=3, audio_s=15.0, counted_to=clock.now() - timedelta(seconds=12)),
    )
    admission.heard(early)
    assert admission.room("acme", "bulk") is None
    admission.accepted(upload(clock, 5.0))
    assert admission.room("acme", "bulk") is None
    admission.accepted(upload(clock, 5.0))
    assert admission.room("acme", "bulk") is not None


def test_what_came_and_went_between_two_backlogs_is_forgotten(admission: Admission, clock: TurnedClock) -> None:
    for _ in range(10):
        admission.accepted(upload(clock, 5.0))
    clock.turn(400.0)
    admission.heard(TenantBacklog(tenant="acme", as_of=clock.now()))
    assert admission.room("acme", "bulk") is None


def test_retry_after_is_how_long_the_excess_takes_to_drain(admission: Admission, clock: TurnedClock) -> None:
    for audio_s in (4000.0, 3800.0, 3600.0):
        admission.heard(backlog(clock, audio_s, 5))
        clock.turn(10.0)
    full = admission.room("acme", "bulk")
    assert full is not None
    # 2,600 s too many, and 20 s go a second.
    assert full.retry_after_s == pytest.approx(130.0)


def test_retry_after_has_bounds_and_a_guess(admission: Admission, clock: TurnedClock) -> None:
    admission.heard(backlog(clock, 1000.0, 5))
    full = admission.room("acme", "bulk")
    assert full is not None
    assert full.retry_after_s == RETRY_UNKNOWN_S
    for audio_s, expected_s in ((1_000_000.0, RETRY_UNKNOWN_S), (999_999.0, RETRY_MOST_S), (1000.1, RETRY_LEAST_S)):
        clock.turn(1.0)
        admission.heard(backlog(clock, audio_s, 5))
        full = admission.room("acme", "bulk")
        assert full is not None
        assert full.retry_after_s == expected_s


def test_limits_come_from_the_settings(clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYVOX_TENANT_BACKLOG_MAX_RECORDINGS", "7")
    monkeypatch.setenv("POLYVOX_TENANT_BACKLOG_LIMITS", '{"acme": {"max_audio_s": 60}}')
    admission = Admission.of(Settings(), clock)
    assert admission.limits("acme") == Limits(60.0, 7)
    assert admission.limits("other") == Limits(18_000_000.0, 7)
