"""A file of any kind to what the pipeline works on: FLAC, parts, peaks.

Everything streams: what is held is a second of sound for each track, 12 bytes for each 72 ms
and two for each 20 ms, so a recording of many hours needs no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import av

from ingest.cuts import cut
from ingest.decode.flac import FRAME_SAMPLES, FlacWriter
from ingest.decode.likeness import Likeness
from ingest.decode.opening import open_media
from ingest.decode.recording import Recording, too_long
from ingest.peaks import PeaksWriter
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.contracts import SourceInfo
from polyvox.errors import Invalid


@dataclass(frozen=True, slots=True)
class DecodedPart:
    """Samples and bytes of one part: ``start`` up to, not including, ``end``."""

    start_sample: int
    end_sample: int
    start_byte: int
    end_byte: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of a file. ``peaks`` is the document of ingest.peaks."""

    samples: int
    size_bytes: int
    parts: tuple[DecodedPart, ...]
    peaks: bytes
    source: SourceInfo
    lost_s: float
    warnings: tuple[str, ...]
    channel_bytes: tuple[int, ...] = ()
    """Sizes of the files of channels that were kept."""


def decode_file(
    source: IO[bytes],
    target: IO[bytes],
    *,
    part_max_s: float,
    max_duration_s: float,
    encoder: av.CodecContext | None = None,
    channels: Sequence[IO[bytes]] = (),
) -> Decoded:
    """Decode ``source`` and write a 16 kHz mono FLAC to ``target``; both must be seekable files.

    Args:
        encoder: an unused one that was made beforehand.
        channels: files for the two channels of a call, each to be kept as a FLAC like ``target``, if they differ.

    Raises:
        Invalid: there is nothing to transcribe in the file; the reason says why.
    """
    with open_media(source) as opened:
        recording = Recording(opened, split=bool(channels))
        recording.refuse_longer_than(max_duration_s)
        writer, peaks = FlacWriter(target, encoder), PeaksWriter()
        keepers = [FlacWriter(file) for file in channels[: recording.channels]]
        likeness = Likeness()
        for rows in recording.samples():
            samples = rows[0]
            writer.add(samples)
            peaks.add(samples)
            for keeper, row in zip(keepers, rows[1:], strict=True):
                keeper.add(row)
            likeness.add(rows[1:])
            if writer.samples > max_duration_s * SAMPLE_RATE_HZ:
                raise too_long(max_duration_s)
        for each in (writer, *keepers):
            each.close()
        if not recording.heard:
            raise Invalid("The file holds no sound that can be decoded.", code="no-audio")
        lost_s = recording.lost_s(writer.samples / SAMPLE_RATE_HZ)
        parts = _parts(writer, part_max_s)
        return Decoded(
            samples=writer.samples,
            size_bytes=parts[-1].end_byte,
            parts=parts,
            peaks=peaks.to_json(),
            source=recording.source,
            lost_s=lost_s,
            warnings=recording.warnings(lost_s),
            # Of what is one channel twice, or one channel and silence's noise, the mix says all.
            channel_bytes=() if likeness.are_alike else tuple(keeper.size_bytes for keeper in keepers),
        )


def _parts(writer: FlacWriter, part_max_s: float) -> tuple[DecodedPart, ...]:
    max_frames = max(1, int(part_max_s * SAMPLE_RATE_HZ) // FRAME_SAMPLES)
    return tuple(
        DecodedPart(
            start_sample=span.start * FRAME_SAMPLES,
            end_sample=min(span.end * FRAME_SAMPLES, writer.samples),
            start_byte=writer.byte_at(span.start),
            end_byte=writer.byte_at(span.end),
        )
        for span in cut(writer.frame_power, max_frames)
    )
