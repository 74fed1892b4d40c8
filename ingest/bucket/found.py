"""An object in a bucket that a notification or a listing told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Found:
    """``bucket`` None is the product's own folder. What was not told is None (``etag``: empty).

    ``version`` is the bucket's own name for one of several versions that it keeps, ``told_at`` when
    the object came to be. ``metadata`` has lower-case names without ``x-amz-meta-``.
    """

    bucket: str | None
    key: str
    told_at: datetime
    size_bytes: int | None = None
    etag: str = ""
    version: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] | None = None
    is_listed: bool = False
    """A listing told of it, which never knows versions and metadata."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.bucket else self.key
