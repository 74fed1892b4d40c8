"""Tenants as everybody knows them, and their classes: what metrics tell of tenants, whose number has no bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_TENANT = "default"
"""Whose recordings are that nobody names a tenant for."""
TENANT_CHARS = 200
STANDARD = "standard"
"""The class of every tenant that is in no other."""


def is_name(text: str) -> bool:
    """Whether a tenant can be called that: 1 to ``TENANT_CHARS`` printable characters of ASCII."""
    return 0 < len(text) <= TENANT_CHARS and text.isascii() and text.isprintable()


@dataclass(frozen=True, slots=True)
class TenantClasses:
    """``of_tenant`` names the classes of those that are not ``STANDARD``."""

    of_tenant: Mapping[str, str] = field(default_factory=dict)

    def of(self, tenant: str) -> str:
        return self.of_tenant.get(tenant, STANDARD)

    @property
    def names(self) -> tuple[str, ...]:
        """All classes, STANDARD first."""
        return (STANDARD, *sorted(set(self.of_tenant.values()) - {STANDARD}))


EVERYBODY_ALIKE = TenantClasses()
