"""Every way in which an upload is refused: one function each, saying what to do next."""

from __future__ import annotations

from math import ceil

from ingest.admission import Full
from polyvox.http import Problem
from polyvox.http.problems import unavailable


def malformed(why: str) -> Problem:
    return Problem(
        400,
        "malformed-upload",
        "The upload is malformed",
        f"{why} Send multipart/form-data with the recording in the field 'file', or the recording alone as the body.",
    )


def cut_short() -> Problem:
    return Problem(
        400,
        "incomplete-upload",
        "The upload is incomplete",
        "The body ends before the form does, so part of the recording may be missing. Send it again.",
    )


def stalled(idle_s: float) -> Problem:
    return Problem(
        408,
        "upload-stalled",
        "The upload stalled",
        f"No byte came for {idle_s:g} s, so nothing was kept. Check the connection and send the recording again.",
    )


def stopping() -> Problem:
    return unavailable("The server stops before the upload is complete.")


def no_file() -> Problem:
    return Problem(
        400,
        "no-file",
        "There is no file",
        "The form has no file part. Put the recording into a part named 'file', "
        "for example with: curl -F file=@recording.wav",
    )


def two_files() -> Problem:
    return Problem(
        400, "several-files", "There is more than one file", "Send one recording per request; send the others after it."
    )


def empty_file() -> Problem:
    return Problem(
        400, "empty-file", "The file is empty", "The recording has 0 bytes. Check that it was saved, and send it again."
    )


def bad_option(why: str, option: str | None = None) -> Problem:
    """``option`` is the one to blame, where it is one."""
    return Problem(400, "bad-option", "An option is not valid", why, members={"option": option} if option else None)


def bad_idempotency_key() -> Problem:
    return Problem(
        400,
        "bad-idempotency-key",
        "The Idempotency-Key is not valid",
        "Use 1 to 255 printable ASCII characters, for example a UUID.",
    )


def too_large(limit_bytes: int) -> Problem:
    return Problem(
        413,
        "too-large",
        "The file is too large",
        f"A recording may have at most {limit_bytes} bytes ({limit_bytes / 2**20:.6g} MiB). "
        "Compress it, for example to Opus or FLAC, or cut it into several; "
        "or raise POLYVOX_MAX_UPLOAD_BYTES if the server is yours.",
        members={"max_upload_bytes": limit_bytes},
    )


def backlog_full(full: Full) -> Problem:
    after_s = ceil(full.retry_after_s)
    limits = full.limits
    return Problem(
        429,
        "backlog-full",
        "Too much of your work waits",
        f"In the {full.lane} lane {full.recordings} recordings with {full.audio_s / 3600:.1f} hours of audio wait; "
        f"{limits.recordings} recordings and {limits.audio_s / 3600:.1f} hours may. Nothing of this upload was kept. "
        f"Send it again in {after_s} s, or put recordings into a watched bucket: there they wait without limit.",
        headers={"Retry-After": str(after_s)},
        members={
            "lane": full.lane,
            "waiting_recordings": full.recordings,
            "waiting_audio_s": round(full.audio_s, 3),
            "max_recordings": limits.recordings,
            "max_audio_s": limits.audio_s,
        },
    )


def not_media() -> Problem:
    return Problem(
        415,
        "not-media",
        "The file is not a recording",
        "By its content this is no audio or video that can be read here; its name and declared type do not count. "
        "Send WAV, MP3, M4A, MP4, MOV, WebM, Ogg, Opus, FLAC, AAC, WMA, AMR or another common format. "
        "A playlist, a page or an archive must be replaced by the recording itself, raw samples need a WAV header.",
    )


def key_reused() -> Problem:
    return Problem(
        422,
        "idempotency-key-reused",
        "The Idempotency-Key was used for something else",
        "An upload with this Idempotency-Key was accepted, but with other bytes or options. "
        "Use a new key for a new upload, or send exactly what was sent before.",
    )


def key_busy() -> Problem:
    return Problem(
        409,
        "idempotency-key-busy",
        "An upload with this Idempotency-Key is under way",
        "Another request with this Idempotency-Key is being stored with other bytes. "
        "Wait until it is answered, or use a new key for a new upload.",
        headers={"Retry-After": "5"},
    )
