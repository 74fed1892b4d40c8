"""Requests a minute, counted by the clock that is given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyvox.access.caller import Caller
from polyvox.access.rates import Rates
from polyvox.http.limits import Limited, Limits
from tests.support.turned_clock import TurnedClock


def test_so_many_pass_at_once_and_then_as_they_come_back() -> None:
    clock = TurnedClock()
    rates = Rates(clock)
    assert [rates.take("a", 6).left for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    refused = rates.take("a", 6)
    assert (refused.wait_s, refused.retry_after_s, refused.left) == (pytest.approx(10), 10, 0)
    assert refused.reset_s == pytest.approx(60)
    assert rates.take("b", 6).wait_s is None
    clock.turn(9)
    assert rates.take("a", 6).retry_after_s == 1
    clock.turn(1)
    assert rates.take("a", 6).wait_s is None
    assert rates.take("a", 6).wait_s is not None
    clock.turn(60)
    assert rates.take("a", 6).left == 5


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_in_no_minute_do_more_pass_than_twice_the_limit_and_over_time_no_more_than_it(
    limit: int, pauses_s: list[float]
) -> None:
    clock = TurnedClock()
    rates = Rates(clock)
    passed: list[float] = []
    for pause_s in pauses_s:
        clock.turn(pause_s)
        taken = [rates.take("a", limit) for _ in range(limit // 10 + 1)]
        passed += [clock.monotonic_s()] * sum(standing.wait_s is None for standing in taken)
    for start in passed:
        assert sum(start <= at < start + 60 for at in passed) <= 2 * limit
    assert len(passed) <= limit + limit * (clock.monotonic_s() / 60) + 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(0, 50))
def test_whoever_waits_as_long_as_is_said_passes(limit: int, more: int) -> None:
    clock = TurnedClock()
    rates = Rates(clock)
    for _ in range(limit + more):
        standing = rates.take("a", limit)
    if standing.wait_s is not None:
        clock.turn(standing.wait_s + 1e-6)
        assert rates.take("a", limit).wait_s is None


def test_who_has_everything_back_is_forgotten() -> None:
    clock = TurnedClock()
    rates = Rates(clock, names_max=10)
    for number in range(10):
        rates.take(str(number), 60)
    clock.turn(1)
    rates.take("late", 60)
    assert len(rates) == 1
    for number in range(20):
        rates.take(str(number), 60)
    assert len(rates) == 10


def test_a_key_and_its_tenant_are_counted_each_by_itself() -> None:
    limits = Limits(Rates(TurnedClock()), per_key=3, per_tenant=5, of_tenants={"small": 1})
    one, two = Caller("acme", "1" * 16), Caller("acme", "2" * 16)
    headers = limits.count(one)
    assert headers["RateLimit-Policy"] == '"key";q=3;w=60, "tenant";q=5;w=60'
    assert headers["RateLimit"] == '"key";r=2;t=20, "tenant";r=4;t=12'
    for caller in (one, one, two):
        limits.count(caller)
    with pytest.raises(Limited, match="This key may send 3 requests a minute") as refused:
        limits.count(one)
    assert (refused.value.by, refused.value.headers["Retry-After"]) == ("key", "20")
    limits.count(Caller("small", "3" * 16))
    with pytest.raises(Limited, match="This tenant may send 1 requests"):
        limits.count(Caller("small", "4" * 16))
    own = Caller("acme2", "5" * 16, requests_per_minute=1)
    limits.count(own)
    with pytest.raises(Limited):
        limits.count(own)
    assert Limits(Rates(TurnedClock()), 0, 0).count(one) == {}
    assert limits.count(Caller()) == {}
