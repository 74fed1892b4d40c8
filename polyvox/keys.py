"""Names of everything in the object store, made from what it is: doing work again writes the same names.

Those of a recording's objects are named here as they are for the tenant ``default``. What is another tenant's lies
under ``tenants/{tenant}/`` (``of_tenant``), so that a bucket may have rules for it; the note of its upload alone does
not, since it is looked for by the recording's id. What is made from a recording lies where its audio does (``beside``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import quote

from polyvox.tenants import DEFAULT_TENANT

MEDIA = "media/"
TENANTS = "tenants/"


def of_tenant(tenant: str, key: str) -> str:
    """Where ``key``, an object of a recording or a prefix of such, lies when the recording is ``tenant``'s."""
    return key if tenant == DEFAULT_TENANT else f"{TENANTS}{_folder_name(tenant)}/{key}"


def beside(reference: str, key: str) -> str:
    """``key``, an object of a recording, in the folder where ``reference``, another one of it, lies."""
    folder = "/".join(key.split("/")[:2]) + "/"
    before, found, _ = reference.rpartition(folder)
    return before + key if found else key


def folders(media_id: str, tenant: str) -> tuple[str, ...]:
    """Prefixes of all that is stored of a recording, the one with the note of its upload last."""
    own, usual = of_tenant(tenant, media_prefix(media_id)), media_prefix(media_id)
    return (usual,) if own == usual else (own, usual)


def _folder_name(tenant: str) -> str:
    name = quote(tenant, safe="@,=")
    # Stores take two dots for the way out of a folder.
    return f"%2E{name[1:]}" if name.startswith(".") else name


def media_prefix(media_id: str) -> str:
    return f"media/{media_id}/"


def original(media_id: str) -> str:
    return f"media/{media_id}/original"


def upload_manifest(media_id: str) -> str:
    """The accepted upload as JSON: what the sweep needs to publish it again."""
    return f"media/{media_id}/upload.json"


PENDING_UPLOADS = "uploads/pending/"
IDEMPOTENCY_RECORDS = "uploads/idempotency/"


UPLOAD_SESSIONS = "uploads/direct/"
UPLOAD_TAILS = "uploads/tails/"


def pending_upload(media_id: str) -> str:
    """Lies there from just before an original is stored until its event is on the log."""
    return f"{PENDING_UPLOADS}{media_id}.json"


def idempotency_record(tenant: str, idempotency_key: str) -> str:
    """Which recording an Idempotency-Key stands for; outside of ``media/``, so that it outlives the recording."""
    digest = hashlib.sha256(json.dumps([tenant, idempotency_key]).encode()).hexdigest()
    return f"{IDEMPOTENCY_RECORDS}{digest}.json"


def upload_session(upload_id: str) -> str:
    """What is known of an upload that comes in several requests."""
    return f"{UPLOAD_SESSIONS}{upload_id}.json"


def upload_tails(upload_id: str) -> str:
    """Prefix of the bytes of such an upload that do not fill a part yet."""
    return f"{UPLOAD_TAILS}{upload_id}/"


def upload_tail(upload_id: str, start: int, end: int) -> str:
    """Bytes ``start`` up to, not including, ``end`` of the recording."""
    return f"{upload_tails(upload_id)}{start:020d}-{end:020d}"


API_KEYS = "access/keys/"


def api_key(key_id: str) -> str:
    """Whose a key is and what it is for; nothing by which it could be used."""
    return f"{API_KEYS}{key_id}.json"


BUCKET_LEDGER = "bucket/taken/"
BUCKET_BATCHES = "bucket/batches/"
BUCKET_SWEEPS = "bucket/sweeps/"


def bucket_batches(member: str) -> str:
    return f"{BUCKET_BATCHES}{member}/"


def bucket_batch(member: str, batch: str) -> str:
    """Objects of watched buckets that a process is making recordings of; removed when they are on the log."""
    return f"{bucket_batches(member)}{batch}.json"


def bucket_sweep(watch: str) -> str:
    """When a watched prefix was last listed, and what that found."""
    return f"{BUCKET_SWEEPS}{watch}.json"


def audio(media_id: str) -> str:
    return f"media/{media_id}/audio.flac"


def channel(media_id: str, channel: int) -> str:
    """One channel of a recording, from 0, where it keeps them."""
    return f"media/{media_id}/audio-{channel}.flac"


def peaks(media_id: str) -> str:
    return f"media/{media_id}/peaks.json"


def words(media_id: str, part: int, options_hash: str) -> str:
    return f"media/{media_id}/parts/{part:05d}/words-{options_hash}.json"


def retake(media_id: str, part: int, retake: str) -> str:
    """Words of a second attempt at stretches of a part."""
    return f"media/{media_id}/parts/{part:05d}/retake-{retake}.json"


def diarization(media_id: str, options_hash: str) -> str:
    return f"media/{media_id}/diarization-{options_hash}.json"


def heard(media_id: str, options_hash: str, stretch: int) -> str:
    """What the diarizer heard in a stretch of a recording that it is not done with."""
    return f"media/{media_id}/diarization-{options_hash}/{stretch:05d}.npz"


def is_sound(media_id: str, key: str) -> bool:
    """Whether this object of a recording goes with its audio: what can be heard, and what the diarizer heard in it."""
    name = key.partition(media_prefix(media_id))[2]
    return (
        name in ("original", "peaks.json")
        or (name.startswith("audio") and name.endswith(".flac"))
        or (name.startswith("diarization-") and name.endswith(".npz"))
    )


def result(media_id: str, version: int) -> str:
    return f"media/{media_id}/result-v{version}.json"


def corrections(media_id: str) -> str:
    """Prefix of what people corrected in a recording's transcript."""
    return f"media/{media_id}/corrections/"


def correction(media_id: str, correction: str) -> str:
    return f"{corrections(media_id)}{correction}.json"


def options_hash(options: Mapping[str, object]) -> str:
    """12 hex digits that change when any option changes; independent of the order of keys."""
    canonical = json.dumps(options, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
