"""A key as it lies in the object store. The secret is nowhere in it."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from polyvox.access.scopes import EVERY_SCOPE, Scope
from polyvox.tenants import TENANT_CHARS

KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Tenant = Annotated[str, Field(min_length=1, max_length=TENANT_CHARS, pattern=r"^[\x20-\x7e]*$")]
"""1 to 200 printable ASCII characters."""


class ApiKey(BaseModel):
    """``tenant`` None: everybody's recordings. ``sha256`` is of the whole key, in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key_id: KeyId
    sha256: str = Field(repr=False, pattern=r"^[0-9a-f]{64}$")
    name: str
    tenant: Tenant | None
    scopes: frozenset[Scope] = Field(min_length=1)
    requests_per_minute: int | None = None
    created_at: datetime
    created_by: str | None = None
    """The key that it was made with; None: the command line."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def matches(self, sha256: bytes) -> bool:
        """Whether that is the hash of this key, in a time that tells nothing of how much of it is right."""
        return hmac.compare_digest(bytes.fromhex(self.sha256), sha256)

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def grants(self) -> frozenset[Scope]:
        """What it may be used for; admin holds the others."""
        return EVERY_SCOPE if "admin" in self.scopes else self.scopes
