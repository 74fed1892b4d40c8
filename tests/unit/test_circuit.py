"""When nearly everything fails, and when it only looks so."""

from __future__ import annotations

from polyvox.worker.circuit import CircuitBreaker


def after(outcomes: str) -> bool:
    circuit = CircuitBreaker(window=20, least=10, share=0.8)
    for outcome in outcomes:
        circuit.succeeded() if outcome == "." else circuit.failed()
    return circuit.open


def test_opens_when_the_first_ten_fail_and_not_before() -> None:
    assert not after("x" * 9)
    assert after("x" * 10)


def test_opens_when_four_of_five_fail() -> None:
    assert after("xxxx." * 2)
    assert not after("xxx.." * 4)


def test_old_outcomes_are_forgotten() -> None:
    assert not after("." * 1000 + "x" * 15)
    assert after("." * 1000 + "x" * 16)
    assert not after("x" * 16 + "." * 1000)
