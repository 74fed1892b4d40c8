"""A decoding process for each recording: fresh, bounded, without this process's environment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ingest.decode.file import Decoded
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.child.child import Child
from polyvox.child.limits import Limits
from polyvox.child.nursery import Nursery
from polyvox.errors import Invalid
from polyvox.settings import Settings
from polyvox.settings.uploads import MIB

_OPEN_FILES = 64
_FLAC_OVERHEAD = 1.05
"""FLAC of noise is a little longer than the samples themselves."""


def limits_of(settings: Settings) -> Limits:
    """What decoding one recording may use."""
    return Limits(
        cpu_s=math.ceil(settings.decode_timeout_s),
        memory_bytes=settings.decode_memory_bytes,
        file_bytes=int(settings.max_duration_s * SAMPLE_RATE_HZ * 2 * _FLAC_OVERHEAD) + MIB,
        open_files=_OPEN_FILES,
    )


def nursery() -> Nursery:
    """Where decoding processes come from; to be closed at the end."""
    # Nothing secret, and no thread pool that would use up the address space.
    return Nursery(["ingest.decode.child:prepare"], env={"OPENBLAS_NUM_THREADS": "1"}, name="decoder")


async def decode_in_child(
    source: Path, target: Path, settings: Settings, nursery: Nursery, channels: Sequence[Path] = ()
) -> Decoded:
    """Decode ``source`` to a FLAC at ``target`` in a process that handles nothing else.

    ``channels``: where to put those of a call; what they are used for says ``Decoded.channel_bytes``.

    Raises:
        Invalid: there is nothing to transcribe in the file, or it takes too long or too much room.
        ChildCrashed: the decoder crashed or ran out of memory.
        Transient: anything else.
    """
    child = Child(
        "ingest.decode.child:Decoder",
        {},
        limits=limits_of(settings),
        name="decoder",
        timeout_error=_too_costly,
        nursery=nursery,
    )
    try:
        decoded = await child.call(
            "decode",
            str(source.absolute()),
            str(target.absolute()),
            settings.part_max_s,
            settings.max_duration_s,
            [str(path.absolute()) for path in channels],
            timeout_s=settings.decode_timeout_s,
        )
    finally:
        await child.close()
    if not isinstance(decoded, Decoded):
        raise Invalid("The decoder gave no usable answer for this file.", code="undecodable")
    return decoded


def _too_costly(_cause: str) -> Invalid:
    return Invalid(
        "The file took longer to decode than is allowed: it is damaged, or far more complex than a recording is.",
        code="decode-too-slow",
    )
