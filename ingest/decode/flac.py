"""Writes 16 kHz mono FLAC and remembers what each frame is: its place in the file and its power.

The few bytes around the frames are written here rather than by a muxer, because the cut into
parts needs the byte at which each frame begins. Encoding is deterministic: one thread, a fixed
level, no vendor string.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import IO

import av
import numpy as np
from numpy.typing import NDArray

from ingest.decode.mix import BLOCK_SAMPLES
from polyvox import audio
from polyvox.audio import FULL_SCALE, SAMPLE_RATE_HZ, stream_header
from polyvox.flac_frames import HEADER_BYTES

FRAME_SAMPLES = BLOCK_SAMPLES
"""72 ms: the grid on which parts are cut. libavcodec's own choice at 16 kHz."""


def new_encoder() -> av.CodecContext:
    """As polyvox.audio's, on the grid of parts."""
    encoder = audio.new_encoder()
    if encoder.frame_size != FRAME_SAMPLES:
        raise RuntimeError(f"the FLAC encoder chose frames of {encoder.frame_size} samples, not {FRAME_SAMPLES}")
    return encoder


class FlacWriter:
    """Takes int16 blocks of any size; holds 16 bytes for each 72 ms. ``encoder`` must not have been used."""

    def __init__(self, file: IO[bytes], encoder: av.CodecContext | None = None) -> None:
        self._file = file
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._samples = 0
        self._frames = 0
        self._frame_ends = array("q", [HEADER_BYTES])
        self._power = array("f")
        self._encoder = encoder or new_encoder()
        file.write(stream_header(FRAME_SAMPLES))

    @property
    def samples(self) -> int:
        """Samples taken so far."""
        return self._samples

    @property
    def frame_power(self) -> NDArray[np.float32]:
        """Mean square of each written frame, shape (frames,); full scale is 1."""
        return np.array(self._power, np.float32)

    @property
    def size_bytes(self) -> int:
        """Of the file so far; all of it when it is closed."""
        return self._frame_ends[-1]

    def byte_at(self, frame: int) -> int:
        """Where ``frame`` begins in the file; for the number of frames, where the file ends."""
        return self._frame_ends[frame]

    def add(self, samples: NDArray[np.int16]) -> None:
        """``samples``: int16 of shape (n,), 16 kHz mono."""
        self._samples += samples.size
        self._md5.update(samples.astype("<i2", copy=False).tobytes())
        joined = np.concatenate([self._rest, samples])
        whole = joined.size - joined.size % FRAME_SAMPLES
        self._encode(joined[:whole].reshape(-1, FRAME_SAMPLES))
        self._rest = joined[whole:]

    def close(self) -> None:
        """Write what is left and the header's totals. The file stays open."""
        if self._rest.size:
            self._encode(self._rest[None])
        self._write(self._encoder.encode(None))
        if len(self._frame_ends) != len(self._power) + 1:
            raise RuntimeError("the FLAC encoder did not give one packet for each frame")
        self._file.seek(0)
        self._file.write(stream_header(FRAME_SAMPLES, total_samples=self._samples, md5=self._md5.digest()))
        self._file.flush()

    def _encode(self, blocks: NDArray[np.int16]) -> None:
        """``blocks``: shape (frames, samples of each)."""
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = self._frames * FRAME_SAMPLES
            self._frames += 1
            self._write(self._encoder.encode(frame))
        levels = blocks.astype(np.float32) / np.float32(FULL_SCALE)
        self._power.extend(np.mean(levels * levels, axis=1))

    def _write(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if packet.size:
                self._file.write(bytes(packet))
                self._frame_ends.append(self._frame_ends[-1] + packet.size)
