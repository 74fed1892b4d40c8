"""Every way in which a tus request is refused, beyond those of other uploads, saying what to do next."""

from __future__ import annotations

from polyvox.http import Problem

CHECKSUM_MISMATCH = 460
"""A status of the tus protocol."""


def bad_header(name: str, wanted: str) -> Problem:
    return Problem(400, "bad-header", "A header is not valid", f"{name} must be {wanted}.")


def other_version(version: str) -> Problem:
    return Problem(
        412,
        "tus-version",
        "The tus version is not known",
        f"Send the header Tus-Resumable: {version}.",
        headers={"Tus-Version": version},
    )


def other_type(wanted: str) -> Problem:
    return Problem(
        415, "not-offset-stream", "The Content-Type is not that of tus", f"Send the bytes with Content-Type: {wanted}."
    )


def other_offset(offset: int) -> Problem:
    return Problem(
        409,
        "other-offset",
        "The upload is at another offset",
        "Ask for the offset with HEAD and go on from there.",
        headers={"Upload-Offset": str(offset)},
    )


def too_long(size_bytes: int) -> Problem:
    return Problem(
        413,
        "too-long",
        "There are more bytes than announced",
        f"The upload was announced with {size_bytes} bytes. Begin a new one if the file has more.",
    )


def other_length(size_bytes: int) -> Problem:
    return Problem(
        409,
        "other-length",
        "The upload has another length",
        f"The upload has {size_bytes} bytes; its length cannot change. Begin a new one.",
    )


def unknown_algorithm(algorithm: str) -> Problem:
    return Problem(
        400,
        "unknown-algorithm",
        "The checksum is of an unknown kind",
        f"{algorithm!r} is not known here; OPTIONS says which algorithms are.",
    )


def wrong_checksum() -> Problem:
    return Problem(
        CHECKSUM_MISMATCH,
        "wrong-checksum",
        "The checksum differs",
        "The bytes were changed on their way and nothing of them was kept. Send them again.",
    )


def busy() -> Problem:
    return Problem(
        423,
        "upload-busy",
        "Another request is using the upload",
        "The other request does not end. Wait a few seconds, ask for the offset with HEAD and go on from there.",
        headers={"Retry-After": "5"},
    )


def taken_over() -> Problem:
    return Problem(
        423,
        "upload-taken-over",
        "Another request took the upload over",
        "What had arrived was kept. Only one request at a time may send bytes of an upload.",
    )
