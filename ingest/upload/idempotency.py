"""What an Idempotency-Key stands for: one recording, and what was accepted for it.

The record is written twice under one key: first, if nobody was there before, with the id of
the recording, so that every retry writes to the same place; then, once the upload is
acknowledged, with its fingerprint, so that a retry is answered without storing anything, even
after the recording was deleted. The sweep forgets records after ``WINDOW_S``.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from ingest.upload import refusals
from polyvox import keys
from polyvox.contracts import MediaUploaded, Options
from polyvox.errors import AlreadyExists, NotFound
from polyvox.ports import ObjectStore

WINDOW_S = 7 * 86_400.0
MAX_KEY_CHARS = 255


class Fingerprint(BaseModel):
    """What must be the same in a retry. The name of the file may differ."""

    sha256: str
    options_hash: str

    @classmethod
    def of(cls, sha256: str, options: Options) -> Fingerprint:
        # Without defaults, an option that a later version adds does not change the hash.
        return cls(
            sha256=sha256, options_hash=keys.options_hash(options.model_dump(mode="json", exclude_defaults=True))
        )

    @classmethod
    def of_fact(cls, fact: MediaUploaded) -> Fingerprint:
        return cls.of(fact.original.sha256 or "", fact.options)


class Claim(BaseModel):
    """``accepted`` None: claimed, but no upload with this key was acknowledged yet."""

    media_id: str
    claimed_at: datetime
    accepted: Fingerprint | None = None


def checked_key(value: str) -> str:
    """The header's value.

    Raises:
        Problem: 400, too long, empty or not printable ASCII.
    """
    if not 0 < len(value) <= MAX_KEY_CHARS or not (value.isascii() and value.isprintable()):
        raise refusals.bad_idempotency_key()
    return value


async def claim(store: ObjectStore, record_key: str, fresh: Claim) -> Claim:
    """The claim that stands under ``record_key``: ``fresh``, or the one that was there before."""
    try:
        await store.put(record_key, fresh.model_dump_json().encode(), content_type="application/json", if_absent=True)
    except AlreadyExists:
        try:
            return Claim.model_validate_json(await store.get(record_key))
        except NotFound:
            # The sweep forgot the record between the two calls.
            return await claim(store, record_key, fresh)
    return fresh


async def settle(store: ObjectStore, record_key: str, claimed: Claim, accepted: Fingerprint) -> None:
    settled = claimed.model_copy(update={"accepted": accepted})
    await store.put(record_key, settled.model_dump_json().encode(), content_type="application/json")
