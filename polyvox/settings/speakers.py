"""Settings of recognising people by their voices."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class SpeakerSettings(BaseSettings):
    """Whose enrolled speakers are recognised, and how sure that has to be."""

    recognise_speakers: str = Field(
        "",
        description="Tenants, with commas between, whose speakers can be enrolled and are recognised in their "
        "recordings; * for all. Off by default: voices are personal data (docs/speakers.md).",
    )
    recognition_threshold: float = Field(
        0.5,
        ge=-1.0,
        le=1.0,
        description="Likeness (cosine) of voices from which a speaker is taken for an enrolled one. Higher: fewer "
        "strangers get a name, and more people stay unnamed.",
    )

    @property
    def recognising_tenants(self) -> frozenset[str] | None:
        """None: all."""
        names = frozenset(name.strip() for name in self.recognise_speakers.split(",") if name.strip())
        return None if "*" in names else names
