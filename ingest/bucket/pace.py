"""When to list a watched prefix again. Pure.

A listing costs a request for each thousand objects and each thousand entries, whether it finds something
or not. So the pauses double while it finds nothing, and are never so short that more than a tenth of the
time is spent listing.
"""

from __future__ import annotations

DUTY = 0.1
"""Share of the time that may be spent listing a prefix."""


def pause_s(*, found: int, took_s: float, last_s: float, every_s: float, at_most_s: float) -> float:
    """Seconds until the next listing begins.

    Args:
        found: objects that it took in, held back or was too early for.
        took_s: how long the listing took, without what was done about its findings.
        last_s: the pause before it; 0 for the first.
        every_s: the shortest pause.
        at_most_s: the longest, but for a listing that takes more than a tenth of that.
    """
    wanted_s = every_s if found else min(max(last_s * 2, every_s), at_most_s)
    return max(wanted_s, took_s / DUTY)
