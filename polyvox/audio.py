"""Audio as the pipeline keeps it: 16 kHz mono 16-bit FLAC, whole or one part of it.

A part is the file's header followed by a byte range that begins and ends at frame borders.
Frames keep the numbers they have in the whole file, and are handed to the decoder one by one
(see polyvox/flac_frames.py). Software that guesses where frames begin, or minds their numbers,
may stumble over a slice: give it samples instead.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from numpy.typing import NDArray

from polyvox import tracing
from polyvox.contracts.part_ready import AudioSlice
from polyvox.errors import Invalid
from polyvox.flac_frames import HEADER_BYTES, MARKER, STREAMINFO_BYTES, read_frames, read_streaminfo
from polyvox.ports import ObjectStore

SAMPLE_RATE_HZ = 16_000
FULL_SCALE = 32_768.0
"""A 16-bit sample divided by this lies in [-1, 1)."""


def stream_header(frame_samples: int, *, total_samples: int = 0, md5: bytes = bytes(16)) -> bytes:
    """The first ``HEADER_BYTES`` of a 16 kHz mono 16-bit FLAC file of fixed-size frames.

    ``total_samples`` 0 and an ``md5`` of zeros mean "not known" (RFC 9639, 8.2).
    """
    rate_channels_bits_total = SAMPLE_RATE_HZ << 44 | 0 << 41 | 15 << 36 | total_samples
    streaminfo = struct.pack(">HH3x3xQ16s", frame_samples, frame_samples, rate_channels_bits_total, md5)
    return MARKER + (0x80 << 24 | STREAMINFO_BYTES).to_bytes(4, "big") + streaminfo


def without_totals(header: bytes) -> bytes:
    """A FLAC header that no longer says how long its stream is and what its checksum is.

    A slice starts with the header of the whole file, whose totals are wrong for the slice.
    """
    if header[:4] != MARKER or header[4] & 0x7F != 0 or len(header) < HEADER_BYTES:
        raise Invalid("the stored audio does not start with a FLAC header", code="bad-flac")
    totals_at = HEADER_BYTES - 16 - 5
    return header[:totals_at] + bytes([header[totals_at] & 0xF0]) + bytes(20) + header[HEADER_BYTES:]


async def fetch_slice(store: ObjectStore, audio: AudioSlice) -> bytes:
    """One part of a recording as a FLAC stream of its own; nothing but the part is read.

    Raises:
        NotFound: the audio is gone.
        Invalid: what is stored is not FLAC, or is shorter than the slice.
    """
    with tracing.step("fetch"):
        header = b"".join([chunk async for chunk in store.stream(audio.key, start=0, end=audio.header_bytes)])
        chunks = [chunk async for chunk in store.stream(audio.key, start=audio.start_byte, end=audio.end_byte)]
    if sum(map(len, chunks)) != audio.end_byte - audio.start_byte:
        raise Invalid("the stored audio is shorter than its parts say", code="bad-flac")
    return b"".join([without_totals(header), *chunks])


def new_encoder() -> av.CodecContext:
    """Of 16-bit mono FLAC at 16 kHz, for one stream. Takes 7 MB, which libavcodec fills with zeros."""
    encoder = av.CodecContext.create("flac", "w")
    encoder.sample_rate = SAMPLE_RATE_HZ
    encoder.format = "s16"
    encoder.layout = "mono"
    encoder.time_base = Fraction(1, SAMPLE_RATE_HZ)
    encoder.thread_count = 1
    encoder.options = {"compression_level": "5"}
    encoder.open()
    return encoder


def encode_flac(samples: NDArray[np.float32]) -> bytes:
    """A FLAC file of its own: frames counted from 0, with its length and checksum; the same for the same samples.

    Args:
        samples: float32 of shape (n,), mono, 16 kHz, in [-1, 1).
    """
    pcm = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    encoder = new_encoder()
    packets: list[av.Packet] = []
    for at in range(0, pcm.size, encoder.frame_size):
        frame = av.AudioFrame.from_ndarray(pcm[None, at : at + encoder.frame_size], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.pts = at
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    checksum = hashlib.md5(pcm.tobytes(), usedforsecurity=False).digest()
    header = stream_header(encoder.frame_size, total_samples=pcm.size, md5=checksum)
    return b"".join([header, *(bytes(packet) for packet in packets if packet.size)])


def decode_flac(data: bytes) -> NDArray[np.float32]:
    """Samples of a whole FLAC file or of what ``fetch_slice`` gave.

    Returns:
        float32 of shape (n,), mono, 16 kHz, in [-1, 1).

    Raises:
        Invalid: not 16 kHz mono FLAC, or broken.
    """
    blocks = list(_blocks(io.BytesIO(data)))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def read_flac(path: Path, *, block_samples: int = 10 * SAMPLE_RATE_HZ) -> Iterator[NDArray[np.float32]]:
    """Samples of a FLAC file in blocks of ``block_samples`` (the last may be shorter), in constant memory.

    Yields float32 of shape (n,), mono, 16 kHz, in [-1, 1). Raises Invalid as ``decode_flac`` does.
    """
    with path.open("rb") as file:
        held: list[NDArray[np.float32]] = []
        held_samples = 0
        for block in _blocks(file):
            held.append(block)
            held_samples += block.size
            if held_samples >= block_samples:
                joined = np.concatenate(held)
                whole = joined.size - joined.size % block_samples
                yield from (joined[at : at + block_samples] for at in range(0, whole, block_samples))
                held, held_samples = [joined[whole:]], joined.size - whole
        if held_samples:
            yield np.concatenate(held)


def _blocks(file: IO[bytes]) -> Iterator[NDArray[np.float32]]:
    streaminfo = read_streaminfo(file)
    decoder = av.CodecContext.create("flac", "r")
    decoder.extradata = streaminfo
    decoder.thread_count = 1
    decoder.options = {"err_detect": "crccheck+explode"}
    try:
        for frame_bytes in read_frames(file):
            for frame in decoder.decode(av.Packet(frame_bytes)):
                yield _floats(frame)
        for frame in decoder.decode(None):
            yield _floats(frame)
    except (av.error.FFmpegError, ValueError) as error:
        raise Invalid(f"the stored audio is not readable FLAC: {error}", code="bad-flac") from error


def _floats(frame: Any) -> NDArray[np.float32]:
    if frame.sample_rate != SAMPLE_RATE_HZ or frame.layout.nb_channels != 1:
        raise Invalid(
            f"the stored audio has {frame.sample_rate} Hz and {frame.layout.nb_channels} channels, not 16000 and 1",
            code="bad-flac",
        )
    samples = frame.to_ndarray()[0]
    # libavcodec aligns samples of more than 16 bits to the top of 32.
    full_scale = FULL_SCALE if samples.dtype == np.int16 else FULL_SCALE * 65_536
    floats: NDArray[np.float32] = samples.astype(np.float32) / np.float32(full_scale)
    return floats
