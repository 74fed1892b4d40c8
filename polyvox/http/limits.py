"""Limits on how many requests a key, and a tenant, may send; told in headers as the IETF's draft has them.

``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers): q requests in w seconds, of which r are
left, and all of them again in t seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import Self

from polyvox.access.caller import Caller
from polyvox.access.rates import WINDOW_S, Rates, Standing
from polyvox.http.problems import Problem
from polyvox.ports import Clock
from polyvox.settings import Settings

BAD_KEYS_PER_MINUTE = 30
"""Keys that are none, of one address: each of them is looked up in the store."""


class Limited(Problem):
    """429. ``by`` is what there was too much of: key, tenant or address."""

    def __init__(self, by: str, wait_s: int, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(
            429,
            "rate-limit-exceeded",
            "Too many requests",
            f"{detail} Nothing of this request was done; send it again in {wait_s} s.",
            headers={**headers, "Retry-After": str(wait_s)},
        )
        self.by = by


@dataclass(frozen=True, slots=True)
class Limits:
    """``of_tenants`` are other limits than ``per_tenant``; 0: any number."""

    rates: Rates
    per_key: int
    per_tenant: int
    of_tenants: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self:
        return cls(
            Rates(clock),
            settings.key_requests_per_minute,
            settings.tenant_requests_per_minute,
            settings.tenant_request_limits,
        )

    def count(self, caller: Caller) -> dict[str, str]:
        """Count a request of ``caller``; returns headers for its answer.

        Raises:
            Limited: there were too many.
        """
        standings: dict[str, Standing] = {}
        if caller.key_id is not None and (most := caller.requests_per_minute or self.per_key):
            standings["key"] = self.rates.take(f"key {caller.key_id}", most)
        if caller.tenant is not None and (most := self.of_tenants.get(caller.tenant, self.per_tenant)):
            standings["tenant"] = self.rates.take(f"tenant {caller.tenant}", most)
        if not standings:
            return {}
        headers = _headers(standings)
        for by, standing in standings.items():
            if standing.wait_s is not None:
                detail = f"This {by} may send {standing.limit} requests a minute."
                raise Limited(by, standing.retry_after_s, detail, headers)
        return headers

    def check_address(self, address: str) -> None:
        """Raises Limited: there came too many keys from there that are none."""
        standing = self.rates.look(f"address {address}", BAD_KEYS_PER_MINUTE)
        if standing.wait_s is not None:
            detail = "Too many keys that are none came from this address."
            raise Limited("address", standing.retry_after_s, detail, {})

    def note_bad_key(self, address: str) -> None:
        self.rates.take(f"address {address}", BAD_KEYS_PER_MINUTE)


def _headers(standings: Mapping[str, Standing]) -> dict[str, str]:
    left = ", ".join([f'"{by}";r={one.left};t={ceil(one.reset_s)}' for by, one in standings.items()])
    policy = _policy(tuple([(by, one.limit) for by, one in standings.items()]))
    return {"RateLimit-Policy": policy, "RateLimit": left}


@lru_cache(maxsize=1000)
def _policy(limits: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f'"{by}";q={limit};w={WINDOW_S:.0f}' for by, limit in limits)
