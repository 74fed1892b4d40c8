"""Settings of what is taken in: uploads and their decoding."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

MIB = 1024 * 1024


class UploadSettings(BaseSettings):
    """What is accepted, and what decoding it may take."""

    max_upload_bytes: int = Field(5 * 1024 * MIB, gt=0, description="Largest upload accepted, in bytes.")
    results_url: str | None = Field(
        None,
        description="Where ingest finds the results API, for the routes that answer an upload with its transcript, for "
        "example http://results-api:8484; without it in its own process.",
    )
    upload_expires_s: float = Field(
        23 * 3600.0,
        gt=0,
        description="How long an upload in several requests may take, in seconds. MinIO forgets its parts after a day.",
    )
    max_duration_s: float = Field(12 * 3600.0, gt=0, description="Longest recording accepted, in seconds.")
    part_max_s: float = Field(600.0, gt=0, description="Longest part given to a transcriber, in seconds.")
    normaliser_concurrency: int = Field(2, ge=1, description="Recordings decoded at the same time by one normaliser.")
    decode_memory_bytes: int = Field(1536 * MIB, gt=0, description="Address space of the decoding process, in bytes.")
    decode_timeout_s: float = Field(
        1800.0, gt=0, description="Longest wall-clock time to decode one recording, in seconds."
    )
