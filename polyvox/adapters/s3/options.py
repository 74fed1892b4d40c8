"""Where the bucket is and how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from polyvox.settings import Settings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach an object store.

    Args:
        endpoint: URL; AWS without it.
        public_endpoint: URL that presigned URLs begin with; ``endpoint`` without it.
        access_key: without it boto3 looks where it usually does: environment, profile, role.
        path_style: the bucket in the path, not in the host name.
        attempts: how often a request is sent before its failure counts.
        connections: threads, and connections kept open.
        listed_at_once: objects per page of a listing; servers give no more than 1,000.
        part_bytes: of a body that is sent in parts; at least 5 MiB. Doubles for every 2,500 parts.
        parts_at_once: parts in memory and on their way, per body.
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    path_style: bool = True
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    attempts: int = 5
    connections: int = 24
    listed_at_once: int = 1000
    part_bytes: int = 8 * MIB
    parts_at_once: int = 4


def of_settings(settings: Settings) -> S3Options:
    secret = settings.s3_secret_key
    return S3Options(
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=None if secret is None else secret.get_secret_value(),
        path_style=settings.s3_path_style,
    )
