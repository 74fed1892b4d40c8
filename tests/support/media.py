"""Makes small media files of any kind: tones and noise in a container, and whole FLAC streams."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ingest.decode.file import Decoded, decode_file
from polyvox.audio import decode_flac

RATE_HZ = 16_000


def tone(seconds: float, *, hz: float = 440.0, level: float = 0.3, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """float32 (n,)."""
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * at_s)).astype(np.float32)


def silence(seconds: float, *, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    return np.zeros(round(seconds * rate_hz), np.float32)


def noise(seconds: float, *, seed: int = 1, level: float = 0.1, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate_hz))).astype(np.float32)


def wav(samples: NDArray[np.float32], *, rate_hz: int = RATE_HZ) -> bytes:
    """16-bit WAV of ``samples``, shape (n,) or (channels, n)."""
    channels = np.atleast_2d(samples)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((len(channels), 2, rate_hz, 0, "NONE", ""))
        out.writeframes((channels.T * 32767).round().astype("<i2").tobytes())
    return file.getvalue()


@dataclass(slots=True)
class Sound:
    """One track to be muxed. ``start_s`` delays it; ``gaps`` are (at_s, length_s) jumps of its clock."""

    samples: NDArray[np.float32]
    codec: str = "pcm_s16le"
    rate_hz: int = RATE_HZ
    start_s: float = 0.0
    gaps: Sequence[tuple[float, float]] = field(default_factory=list)


def mux(path: Path, sounds: Sequence[Sound], *, picture_s: float = 0.0, container: str = "matroska") -> Path:
    """Write a file with these tracks, interleaved by time, and perhaps a moving picture that starts at 0."""
    with av.open(str(path), "w", format=container) as out:
        packets: list[Any] = []
        if picture_s:
            packets += _picture(out, picture_s)
        for sound in sounds:
            packets += _track(out, sound)
        for packet in sorted(packets, key=lambda packet: packet.pts * packet.time_base):
            out.mux(packet)
    return path


def _picture(out: Any, seconds: float) -> list[Any]:
    stream = out.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets = []
    for number in range(round(seconds * 10)):
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = number, Fraction(1, 10)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _track(out: Any, sound: Sound) -> list[Any]:
    channels = np.atleast_2d(sound.samples)
    stream = out.add_stream(sound.codec, rate=sound.rate_hz, layout={1: "mono", 2: "stereo"}[len(channels)])
    packets = []
    size = 960 if "pcm" in sound.codec else (stream.codec_context.frame_size or 960)
    for at in range(0, channels.shape[1], size):
        block = channels[:, at : at + size]
        at_s = at / sound.rate_hz
        jump_s = sound.start_s + sum(length_s for gap_s, length_s in sound.gaps if at_s >= gap_s)
        pcm = np.ascontiguousarray((block.T * 32767).round().astype(np.int16).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=stream.layout.name)
        frame.sample_rate = sound.rate_hz
        frame.time_base = Fraction(1, sound.rate_hz)
        frame.pts = at + round(jump_s * sound.rate_hz)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def decoded(
    source: Path | bytes, tmp_path: Path, *, part_max_s: float = 600.0, max_duration_s: float = 3600.0
) -> tuple[NDArray[np.float32], Decoded]:
    """Samples at 16 kHz and the account of decoding ``source``, in this process."""
    if isinstance(source, bytes):
        path = tmp_path / "source"
        path.write_bytes(source)
        source = path
    target = tmp_path / "decoded.flac"
    with source.open("rb") as original, target.open("wb+") as flac:
        account = decode_file(original, flac, part_max_s=part_max_s, max_duration_s=max_duration_s)
    return decode_flac(target.read_bytes()), account


def level(samples: NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
