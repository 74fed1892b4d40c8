"""When a delivery that failed is tried again. Pure: the caller supplies chance."""

from __future__ import annotations

from datetime import timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""After the first, second, … attempt: about 28 hours in all, so that a receiver may be down for a day."""
ATTEMPTS_MAX = len(DELAYS) + 1
JITTER = 0.1
"""A delay is longer by up to this share of it, so that what failed together does not come back together."""


def delay_after(failures: int, chance: float) -> timedelta | None:
    """The delay after so many failures, at least 1; None when it was the last attempt.

    Args:
        chance: drawn evenly from [0, 1).
    """
    if failures >= ATTEMPTS_MAX:
        return None
    return DELAYS[failures - 1] * (1 + JITTER * chance)
