"""Up to what age a tenant's audio and text are kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self

from polyvox.settings.retention import RetentionSettings, TenantRetention
from results_api.database.recording import Recording

What = Literal["audio", "text"]
WHATS: tuple[What, ...] = ("text", "audio")
"""Text first: whose text goes need not lose its audio before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``audio_days`` and ``text_days`` of everybody, and what single tenants have instead; None: for ever."""

    audio_days: float | None = None
    text_days: float | None = None
    tenants: Mapping[str, TenantRetention] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: RetentionSettings) -> Self:
        return cls(settings.retention_audio_days, settings.retention_text_days, settings.tenant_retention)

    def days(self, what: What, tenant: str | None) -> float | None:
        """Of a tenant, or None for those that have no limits of their own."""
        name = f"{what}_days"
        own = self.tenants.get(tenant) if tenant is not None else None
        if own is not None and name in own.model_fields_set:
            days: float | None = getattr(own, name)
            return days
        return self.audio_days if what == "audio" else self.text_days

    def age(self, what: What, tenant: str | None) -> timedelta | None:
        days = self.days(what, tenant)
        return None if days is None else timedelta(days=days)

    def of_everybody(self, what: What) -> bool:
        """Whether tenants that are not named have a limit, so that one has to ask who there is."""
        return self.days(what, None) is not None

    def named(self, what: What) -> list[str]:
        """Tenants that are named and have a limit."""
        return sorted(tenant for tenant in self.tenants if self.days(what, tenant) is not None)

    @property
    def are_none(self) -> bool:
        return not any(self.of_everybody(what) or self.named(what) for what in WHATS)


def may_go(recording: Recording, before: datetime) -> bool:
    """Whether a recording is finished and from before then: the last word, when its row is locked."""
    return (
        recording.status in ("completed", "failed")
        and recording.created_at is not None
        and recording.created_at < before
    )
