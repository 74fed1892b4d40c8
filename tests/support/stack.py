"""What a whole product on real servers consists of when its engines return at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import soundfile

from polyvox.cli.demo import sample
from polyvox.supervisor import PROCESSES
from tests.support.buckets import S3Server, client_of

ENGINES = ("transcriber", "diarizer")
INSTANT = tuple(
    replace(spec, program=("benchmarks.instant", spec.name)) if spec.name in ENGINES else spec for spec in PROCESSES
)
"""All processes of the product, but for the two that hold models."""
BUCKET = "polyvox"


def server_settings(
    *, kafka: str, store: S3Server, database: str, endpoint: str | None = None, **more: Any
) -> dict[str, Any]:
    """Settings of a product on these servers, with its objects in a bucket that is made here.

    Args:
        kafka: addresses of the brokers.
        endpoint: another way to the store than its own, such as a proxy's.
    """
    client = client_of(store)
    try:
        client.create_bucket(Bucket=BUCKET)
    finally:
        client.close()
    return {
        "kafka_bootstrap": kafka,
        "s3_bucket": BUCKET,
        "s3_endpoint": endpoint or store.endpoint,
        "s3_access_key": store.access_key,
        "s3_secret_key": store.secret_key,
        "database": database,
        **more,
    }


def speech(path: Path, seconds: float) -> Path:
    """The first seconds of pyannote.audio's sample in which somebody speaks, written as FLAC to ``path``."""
    samples, rate = soundfile.read(sample(), start=6 * 16_000, frames=int(seconds * 16_000))
    soundfile.write(path, samples, rate)
    return path
