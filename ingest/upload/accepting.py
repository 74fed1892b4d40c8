"""The writes by which every upload is accepted, whichever way its bytes came.

Objects of one upload, in the order in which they appear:
    uploads/pending/{media_id}.json   "an upload is being finished": written when the whole body
                                      has arrived, removed when all is done
    media/{media_id}/original         the bytes; of other tenants than default under tenants/{tenant}/
    media/{media_id}/upload.json      the media-uploaded fact: from here on the upload is accepted
Then the event is appended. So whatever a crash leaves behind is named by a pending object, and
the sweep (ingest/upload/sweep.py) looks at nothing else.
"""

from __future__ import annotations

import json
import logging

from polyvox import keys
from polyvox.contracts import MediaUploaded
from polyvox.errors import AlreadyExists, NotFound, PolyvoxError
from polyvox.ports import ObjectStore

log = logging.getLogger(__name__)


async def mark_pending(store: ObjectStore, media_id: str, original: str) -> None:
    """To be called when the upload is known to be good and its original is about to appear under that key."""
    pending = json.dumps({"media_id": media_id, "original": original}).encode()
    await store.put(keys.pending_upload(media_id), pending, content_type="application/json")


async def original_of(store: ObjectStore, media_id: str) -> str:
    """The key that a pending upload's original has or will have. Raises NotFound: it is not pending any more."""
    pending = json.loads(await store.get(keys.pending_upload(media_id)))
    original: str = pending.get("original", keys.original(media_id))
    return original


async def note(store: ObjectStore, fact: MediaUploaded) -> MediaUploaded:
    """Store the manifest; returns what is accepted, which is another fact if there was one."""
    key = keys.upload_manifest(fact.media_id)
    body = fact.model_dump_json(exclude_none=True).encode()
    try:
        await store.put(key, body, content_type="application/json", if_absent=True)
    except AlreadyExists:
        return MediaUploaded.model_validate_json(await store.get(key))
    return fact


async def clear_pending(store: ObjectStore, media_id: str) -> None:
    """To be called when the event is on the log."""
    try:
        await store.delete(keys.pending_upload(media_id))
    except PolyvoxError:
        # The upload is safe; the sweep announces it once more, which changes nothing, and removes this.
        log.warning("the upload %s is accepted, but its pending object could not be removed", media_id)


async def remove_upload(store: ObjectStore, media_id: str, original: str) -> None:
    """Remove an upload that was not accepted; the pending object last, so that no step is forgotten."""
    await store.delete(keys.upload_manifest(media_id))
    await store.delete(original)
    await store.delete(keys.pending_upload(media_id))


async def exists(store: ObjectStore, key: str) -> bool:
    try:
        await store.head(key)
    except NotFound:
        return False
    return True
