"""A recording was accepted and its bytes are in the object store."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.options import Options


class StoredObject(Contract):
    """Claim check: where the bytes lie.

    ``bucket`` None is the product's own bucket; another one is only read, and what lies there
    stays its owner's. ``version`` is the version or else the ETag that was announced.
    """

    bucket: str | None = None
    version: str | None = None
    key: str
    size_bytes: int
    sha256: str | None = None
    content_type: str = "application/octet-stream"


BYTES_PER_S = 16_000.0
"""An upload's bytes as seconds while its duration is not known: 128 kbit/s, as most lossy audio has."""


class MediaUploaded(Fact):
    TYPE: ClassVar[str] = "polyvox.media-uploaded.v1"
    TOPIC: ClassVar[str] = "media-uploaded"

    original: StoredObject
    filename: str | None = None
    options: Options = Options()
    uploaded_at: datetime

    def weight_s(self) -> float:
        return self.original.size_bytes / BYTES_PER_S
