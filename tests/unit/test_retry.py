"""What is tried again, how often, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.errors import ChildCrashed, Fatal, Invalid, NotFound, OutOfMemory, Transient, Unavailable, WeightsMissing
from polyvox.retry import RetryPolicy, Tally, code_of, delay_s, may_retry, reason_of

POLICY = RetryPolicy(attempts=5, base_s=0.5, max_s=60.0)


def attempts_made(errors: list[BaseException]) -> int:
    """How many of ``errors`` happen before the message is given up."""
    tally = Tally()
    for made, error in enumerate(errors, 1):
        tally = tally.after(error)
        if not may_retry(error, tally, POLICY):
            return made
    return len(errors)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (Invalid("x"), 1),
        (NotFound("x"), 1),
        (Fatal("x"), 1),
        (Transient("x"), 5),
        (ValueError("x"), 5),
        (OutOfMemory("x"), 2),
        (ChildCrashed("x"), 2),
        (Unavailable("x"), 100),
    ],
)
def test_attempts_per_class_of_error(error: BaseException, attempts: int) -> None:
    assert attempts_made([error] * 100) == attempts


def test_a_crash_has_its_one_retry_whatever_came_before() -> None:
    assert attempts_made([Transient("x"), OutOfMemory("x"), Transient("x"), ChildCrashed("x"), Transient("x")]) == 4


def test_an_outage_of_log_or_store_uses_up_no_attempts() -> None:
    assert attempts_made([Unavailable("x")] * 50 + [Transient("x")] * 50) == 55


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_delays_double_within_bounds(failures: int, chance: float) -> None:
    bound = min(60.0, 0.5 * 2.0 ** min(failures - 1, 20))
    assert 0 <= delay_s(failures, POLICY, chance) <= bound
    assert delay_s(failures, POLICY, chance) == pytest.approx(chance * bound)


def test_failures_have_a_code_and_a_sentence() -> None:
    assert (code_of(Invalid("No sound.", code="no-audio")), reason_of(Invalid("No sound."))) == (
        "no-audio",
        "No sound.",
    )
    assert code_of(WeightsMissing("large-v3")) == "no-weights"
    assert "'large-v3'" in reason_of(WeightsMissing("large-v3"))
    assert code_of(OutOfMemory("x")) == "out-of-memory"
    assert code_of(ChildCrashed("x")) == "crashed"
    assert code_of(Transient("x")) == "internal-error"
    assert "memory" in reason_of(OutOfMemory("x"))
    assert "crash" in reason_of(ChildCrashed("x"))
    assert "disk" in reason_of(Transient("disk"))
