"""Settings of how long recordings are kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings

DAYS_MAX = 36_500.0


class TenantRetention(BaseModel):
    """How long one tenant's audio and text are kept, in days; null: for ever. What is left out is as for everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio_days: float | None = Field(None, ge=0, le=DAYS_MAX)
    text_days: float | None = Field(None, ge=0, le=DAYS_MAX)


class RetentionSettings(BaseSettings):
    """How long finished recordings are kept, counted from when their upload was accepted."""

    retention_audio_days: float | None = Field(
        None,
        ge=0,
        le=DAYS_MAX,
        description="Days after its upload that the audio of a finished recording is removed; its result stays. "
        "None: it is kept.",
    )
    retention_text_days: float | None = Field(
        None,
        ge=0,
        le=DAYS_MAX,
        description="Days after its upload that a finished recording is deleted with everything made from it, its "
        "audio as well. None: it is kept.",
    )
    tenant_retention: dict[str, TenantRetention] = Field(
        {},
        description='Other limits for single tenants, as JSON: {"acme": {"audio_days": 30, "text_days": null}}; null '
        "keeps for ever, what is left out is as for everybody.",
    )
