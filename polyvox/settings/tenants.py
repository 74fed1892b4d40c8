"""Settings of tenants: what each may let wait, and what they are called in metrics."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings

TENANT_CLASSES_MAX = 16


class TenantLimits(BaseModel):
    """What one tenant may let wait in each lane; None: as everybody else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_audio_s: float | None = Field(None, ge=0)
    max_recordings: int | None = Field(None, ge=0)


class TenantSettings(BaseSettings):
    """Who a request is of, and what one tenant may do."""

    trust_tenant_header: str | None = Field(
        None,
        description="Header in which a gateway names the tenant of a request. Off by default: "
        "whoever can reach the server directly could name any.",
    )
    tenant_backlog_max_audio_s: float = Field(
        18_000_000.0,
        gt=0,
        description="Audio of one tenant that may wait in each lane, in seconds; beyond it uploads get 429.",
    )
    tenant_backlog_max_recordings: int = Field(
        1_000_000, gt=0, description="Recordings of one tenant that may wait in each lane."
    )
    tenant_backlog_limits: dict[str, TenantLimits] = Field(
        {},
        description='Other limits for single tenants, as JSON: {"acme": {"max_audio_s": 3600, "max_recordings": 100}}.',
    )
    tenant_classes: dict[str, str] = Field(
        {},
        description='Classes of tenants, by which metrics tell them apart, as JSON: {"acme": "gold"}; all others are '
        "standard. At most 16 classes.",
    )

    @field_validator("tenant_classes")
    @classmethod
    def _few_classes(cls, classes: dict[str, str]) -> dict[str, str]:
        if len(names := set(classes.values())) > TENANT_CLASSES_MAX:
            raise ValueError(f"there may be {TENANT_CLASSES_MAX} classes of tenants at most, not {len(names)}")
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name):
                raise ValueError(f"{name!r} is no name of a class: up to 32 lower-case letters, digits and hyphens")
        return classes
