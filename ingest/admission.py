"""Whether a tenant may let more work wait: asked before anything of an upload is read.

What waits is told by the projection (topic ``tenant-backlog``, read by ingest/backlog.py); what
this process let in since then it adds itself. So a limit is kept within what other processes
let in during the seconds between two messages, and within one recording, whose length is not
known when its upload begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from ingest.draining import Draining
from polyvox.contracts import Lane, LaneBacklog, MediaUploaded, TenantBacklog
from polyvox.contracts.media_uploaded import BYTES_PER_S
from polyvox.ports import Clock
from polyvox.settings import Settings
from polyvox.settings.tenants import TenantLimits

RETRY_LEAST_S = 5.0
RETRY_MOST_S = 3600.0
RETRY_UNKNOWN_S = 60.0
"""When nothing was seen to end yet."""
GRAIN = timedelta(seconds=1)
"""What is accepted within it is kept as one entry."""
MISSED = timedelta(seconds=300)
"""A recording of which no backlog has told so much later has come and gone in between."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one tenant, in each lane."""

    audio_s: float
    recordings: int


@dataclass(frozen=True, slots=True)
class Full:
    """Why there is no room: what waits, what may, and when to ask again."""

    tenant: str
    lane: Lane
    audio_s: float
    recordings: int
    limits: Limits
    retry_after_s: float


@dataclass(slots=True)
class _Entry:
    accepted_at: datetime
    recordings: int
    audio_s: float


@dataclass(slots=True)
class _Account:
    """One lane of one tenant."""

    told: LaneBacklog = field(default_factory=LaneBacklog)
    since: deque[_Entry] = field(default_factory=deque)
    """What this process accepted and ``told`` does not hold, oldest first."""
    draining: Draining = field(default_factory=Draining)

    def add(self, at: datetime, audio_s: float) -> None:
        if self.since and at - self.since[-1].accepted_at < GRAIN:
            self.since[-1].recordings += 1
            self.since[-1].audio_s += audio_s
        else:
            self.since.append(_Entry(at, 1, audio_s))

    def drop(self, until: datetime) -> tuple[float, int]:
        """Forget entries up to then; returns their seconds and number."""
        audio_s, recordings = 0.0, 0
        while self.since and self.since[0].accepted_at <= until:
            entry = self.since.popleft()
            audio_s += entry.audio_s
            recordings += entry.recordings
        return audio_s, recordings

    @property
    def waiting(self) -> tuple[float, int]:
        audio_s = self.told.audio_s + sum(entry.audio_s for entry in self.since)
        return audio_s, self.told.recordings + sum(entry.recordings for entry in self.since)


class Admission:
    """Keeps the accounts of all tenants. Interactive and bulk are limited each by itself.

    An archive that waits in bulk so does not close the door to the same tenant's calls of today.
    """

    def __init__(self, clock: Clock, limits: Limits, others: Mapping[str, TenantLimits] | None = None) -> None:
        self._clock = clock
        self._limits = limits
        self._others = others or {}
        self._accounts: dict[tuple[str, Lane], _Account] = {}

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self:
        limits = Limits(settings.tenant_backlog_max_audio_s, settings.tenant_backlog_max_recordings)
        return cls(clock, limits, settings.tenant_backlog_limits)

    def room(self, tenant: str, lane: Lane) -> Full | None:
        """None when there is room; asking changes nothing."""
        limits = self.limits(tenant)
        account = self._accounts.get((tenant, lane)) or _Account()
        audio_s, recordings = account.waiting
        if audio_s < limits.audio_s and recordings < limits.recordings:
            return None
        waits_s = account.draining.seconds_for(audio_s - limits.audio_s, recordings - limits.recordings)
        retry_after_s = RETRY_UNKNOWN_S if waits_s is None else min(max(waits_s, RETRY_LEAST_S), RETRY_MOST_S)
        return Full(tenant, lane, audio_s, recordings, limits, retry_after_s)

    def accepted(self, upload: MediaUploaded) -> None:
        """To be told of every upload that is on the log."""
        self.let_in(upload.tenant, upload.lane, upload.original.size_bytes)

    def let_in(self, tenant: str, lane: Lane, size_bytes: int) -> None:
        """As ``accepted``, by what is known of an upload before it is decoded."""
        self._account(tenant, lane).add(self._clock.now(), size_bytes / BYTES_PER_S)

    def heard(self, backlog: TenantBacklog) -> None:
        """Take in what the projection tells; the newest message of a tenant counts."""
        for lane in ("interactive", "bulk"):
            self._hear(self._account(backlog.tenant, lane), backlog.of(lane), backlog.as_of)

    def limits(self, tenant: str) -> Limits:
        other = self._others.get(tenant) or TenantLimits()
        return Limits(
            self._limits.audio_s if other.max_audio_s is None else other.max_audio_s,
            self._limits.recordings if other.max_recordings is None else other.max_recordings,
        )

    def _hear(self, account: _Account, told: LaneBacklog, as_of: datetime) -> None:
        counted = account.drop(told.counted_to) if told.counted_to else (0.0, 0)
        missed = account.drop(as_of - MISSED)
        account.draining.observe(
            as_of,
            account.told.audio_s + counted[0] + missed[0] - told.audio_s,
            account.told.recordings + counted[1] + missed[1] - told.recordings,
        )
        account.told = told

    def _account(self, tenant: str, lane: Lane) -> _Account:
        return self._accounts.setdefault((tenant, lane), _Account())
