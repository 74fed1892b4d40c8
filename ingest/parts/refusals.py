"""Every way in which a request about an upload in parts is refused, saying what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from polyvox.http import Problem

LISTED = 100
"""Numbers of parts that a refusal names at most; after those are mended it names the next."""


def no_upload() -> Problem:
    return Problem(
        404,
        "no-upload",
        "There is no such upload",
        "No upload has this id (any more): it was removed, refused or never begun. Begin a new one.",
    )


def expired() -> Problem:
    return Problem(
        410,
        "upload-expired",
        "The upload has expired",
        "The upload was not completed in time, so its parts are removed. Begin a new one, and complete it "
        "before its expires_at; or raise POLYVOX_UPLOAD_EXPIRES_S if the server is yours.",
    )


def already_completed() -> Problem:
    return Problem(
        409,
        "upload-completed",
        "The upload is completed",
        "The recording was accepted; it takes no more parts. Begin a new upload for another recording.",
    )


def no_such_part(numbers: Sequence[int], count: int) -> Problem:
    return Problem(
        400,
        "bad-part-number",
        "There is no such part",
        f"The upload has parts 1 to {count}, not {_listed(numbers)}.",
        members={"numbers": numbers[:LISTED]},
    )


def part_of_wrong_size(number: int, size_bytes: int) -> Problem:
    return Problem(
        400,
        "bad-part-size",
        "The part has the wrong size",
        f"Part {number} must have exactly {size_bytes} bytes; nothing of it was kept. "
        "Cut the file at multiples of part_bytes and send the part again.",
        members={"size_bytes": size_bytes},
    )


def parts_missing(numbers: Sequence[int]) -> Problem:
    return _parts(
        numbers, "parts-missing", "Parts are missing", f"{_listed(numbers)} did not arrive: send what is missing"
    )


def parts_differ(numbers: Sequence[int]) -> Problem:
    return _parts(
        numbers,
        "parts-differ",
        "Parts differ",
        f"What is stored as {_listed(numbers)} has another ETag than the one given: send it again",
    )


def parts_of_wrong_size(numbers: Sequence[int], part_bytes: int) -> Problem:
    return _parts(
        numbers,
        "bad-part-size",
        "Parts have the wrong size",
        f"Parts must have {part_bytes} bytes, the last one what is left; {_listed(numbers)} "
        "does not: cut the file there and send it again",
    )


def parts_surplus(numbers: Sequence[int], count: int) -> Problem:
    return Problem(
        409,
        "parts-surplus",
        "There are more parts than announced",
        f"By its size the recording has {count} parts, but there is {_listed(numbers)}. "
        "Begin a new upload with the size that the file has.",
        members={"numbers": numbers[:LISTED]},
    )


def parts_changed() -> Problem:
    return Problem(
        409,
        "parts-changed",
        "The parts changed meanwhile",
        "A part was replaced while the upload was being completed. Complete it again when nothing is being sent.",
        headers={"Retry-After": "1"},
    )


def being_completed() -> Problem:
    return Problem(
        503,
        "upload-completing",
        "The upload is being completed",
        "Another request is completing this upload right now. Send this one again in a second to learn how it went.",
        headers={"Retry-After": "1"},
    )


def _parts(numbers: Sequence[int], code: str, title: str, detail: str) -> Problem:
    return Problem(
        409, code, title, f"{detail}, then complete the upload again.", members={"numbers": numbers[:LISTED]}
    )


def _listed(numbers: Sequence[int]) -> str:
    some = ", ".join(map(str, numbers[:8]))
    return f"part {some}" if len(numbers) == 1 else f"parts {some}{', …' if len(numbers) > 8 else ''}"
