"""A recording was accepted and its bytes are in the object store."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.options import Options


class StoredObject(Contract):
    """Claim check: where the bytes lie."""

    key: str
    size_bytes: int
    sha256: str | None = None
    content_type: str = "application/octet-stream"


class MediaUploaded(Fact):
    TYPE: ClassVar[str] = "polyvox.media-uploaded.v1"
    TOPIC: ClassVar[str] = "media-uploaded"

    original: StoredObject
    filename: str | None = None
    options: Options = Options()
    uploaded_at: datetime
