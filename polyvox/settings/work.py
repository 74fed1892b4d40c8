"""Settings of workers: how often they try, and how long they hold on."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class WorkSettings(BaseSettings):
    """Attempts, delays, and when a worker counts as gone."""

    attempts: int = Field(5, ge=1, description="Attempts at a message in transient trouble before it is dead-lettered.")
    retry_base_s: float = Field(0.5, gt=0, description="First delay between attempts, in seconds; it doubles.")
    retry_max_s: float = Field(60.0, gt=0, description="Longest delay between attempts, in seconds.")
    session_timeout_s: float = Field(
        45.0, gt=0, description="Silence after which a consumer loses its partitions, in seconds."
    )
    drain_timeout_s: float = Field(25.0, ge=0, description="How long work in flight may go on at shutdown, in seconds.")
