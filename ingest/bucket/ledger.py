"""What is being taken, as it is noted: in a batch, in manifests, in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from polyvox import keys
from polyvox.contracts import MediaUploaded
from polyvox.errors import AlreadyExists, Invalid, Transient
from polyvox.ports import Clock, ObjectStore
from polyvox.retry import RetryPolicy, delay_s

log = logging.getLogger(__name__)

JSON = "application/json"
_PATIENCE = RetryPolicy(base_s=0.2, max_s=15.0)

T = TypeVar("T")


class Entry(BaseModel):
    """An entry in the ledger: which object was taken, by which batch, for which recording."""

    model_config = ConfigDict(frozen=True)

    media_id: str
    bucket: str | None
    key: str
    version: str
    batch: str


class Taking(BaseModel):
    """An object that is being made a recording."""

    model_config = ConfigDict(frozen=True)

    fact: MediaUploaded
    ledger_key: str

    def manifest(self) -> bytes:
        return self.fact.model_dump_json(exclude_none=True).encode()

    def entry(self, batch: str) -> bytes:
        original = self.fact.original
        entry = Entry(
            media_id=self.fact.media_id,
            bucket=original.bucket,
            key=original.key,
            version=original.version or "",
            batch=batch,
        )
        return entry.model_dump_json(exclude_none=True).encode()


class Batch(BaseModel):
    model_config = ConfigDict(frozen=True)

    began_at: datetime
    objects: tuple[Taking, ...]

    @classmethod
    def of(cls, objects: Sequence[Taking], now: datetime) -> Batch:
        return cls(began_at=now, objects=tuple(objects))

    def encoded(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


async def claim(store: ObjectStore, clock: Clock, taking: Taking, batch: str) -> bool:
    """Note an object's recording for ``batch``; False when it has, or had, one already.

    The manifest comes first, since only its writer may write the entry, and the entry second, since it
    is what stays of a recording that was deleted.
    """
    manifest = keys.upload_manifest(taking.fact.media_id)
    if not await _put_first(store, clock, manifest, taking.manifest()):
        return False
    try:
        if await _put_first(store, clock, taking.ledger_key, taking.entry(batch)):
            return True
    except Invalid as error:
        # By its id: the ledger's names are made of objects' names, which are nobody's to read in a log.
        media_id = taking.fact.media_id
        log.warning("%s cannot be entered into the ledger (%s); sweeps will look at it again", media_id, error.code)
        return True
    await patiently(clock, lambda: store.delete(manifest))
    return False


async def _put_first(store: ObjectStore, clock: Clock, key: str, body: bytes) -> bool:
    """False when something else lies there. What an attempt left that seemed to fail is our own."""
    attempts = 0

    async def put() -> bool:
        nonlocal attempts
        attempts += 1
        try:
            await store.put(key, body, content_type=JSON, if_absent=True)
        except AlreadyExists:
            return attempts > 1 and await store.get(key) == body
        return True

    return await patiently(clock, put)


async def patiently(clock: Clock, call: Callable[[], Awaitable[T]]) -> T:
    """What ``call`` returns, once store and log are out of trouble."""
    failures = 0
    while True:
        try:
            return await call()
        except Transient as error:
            failures += 1
            pause_s = delay_s(failures, _PATIENCE, 1.0)
            log.warning("store or log is in trouble, trying again in %.1f s: %s", pause_s, error)
            await clock.sleep(pause_s)
