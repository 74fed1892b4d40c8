"""Turns among tenants: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996).

A tenant's next piece of work starts, in virtual time, where its last one ended; the tenant with
the earliest start goes next, and virtual time is what the last one to go started at. A tenant
that comes back from idling starts at the present: nothing is saved up. While two tenants both
have work, what they were given differs by at most one piece of each.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

REMEMBERED = 1024
"""Tenants beyond which it is worth looking for those who idle and owe nothing."""


@dataclass(slots=True)
class _Tenant:
    name: str
    ends_at: float = 0.0
    """Virtual time at which its last piece of work ends."""
    free: list[tuple[int, str]] = field(default_factory=list)
    """Heap of its keys that may go, by the number of their first piece of work."""
    waits: bool = False
    """It has its place among those who wait for their turn."""


class FairLane:
    """Keys that may go, of many tenants. ``number`` counts the pieces of work as they came."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = {}
        # Heap: virtual start, number of the first piece when it was put here, tenant.
        self._turns: list[tuple[float, int, str]] = []
        self._now = 0.0
        self._tidy_above = REMEMBERED

    def put(self, tenant: str, key: str, number: int) -> None:
        known = self._tenants.get(tenant)
        if known is None:
            known = self._tenants[tenant] = _Tenant(tenant)
        heapq.heappush(known.free, (number, key))
        if not known.waits:
            self._queue(known)

    def take(self) -> tuple[str, str] | None:
        """Tenant and key whose turn it is; to be followed by ``charge``."""
        if not self._turns:
            return None
        start, _, name = heapq.heappop(self._turns)
        self._now = start
        tenant = self._tenants[name]
        tenant.waits = False
        _, key = heapq.heappop(tenant.free)
        return name, key

    def charge(self, tenant: str, cost: float) -> None:
        """What ``take`` gave costs so much."""
        known = self._tenants[tenant]
        known.ends_at = self._now + cost
        if known.free:
            self._queue(known)
        elif not self._turns:
            # Nobody waits: what was given until now is nobody's debt.
            self._now = max(other.ends_at for other in self._tenants.values())
            self._tenants.clear()
        elif len(self._tenants) > self._tidy_above:
            self._tidy()

    def _tidy(self) -> None:
        """Forget idle tenants whose end lies behind; seldom enough to cost nothing."""
        self._tenants = {name: one for name, one in self._tenants.items() if one.free or one.ends_at > self._now}
        self._tidy_above = max(REMEMBERED, 2 * len(self._tenants))

    def _queue(self, tenant: _Tenant) -> None:
        start = max(tenant.ends_at, self._now)
        heapq.heappush(self._turns, (start, tenant.free[0][0], tenant.name))
        tenant.waits = True
