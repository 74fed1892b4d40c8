"""Sounds in which nobody speaks, made from nothing: what phones, halls and rooms sound like between words.

Every sound is mono float32 at 16 kHz within [-1, 1], shape (n,), and the same for the same seed. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
RATE_HZ = 16_000

RINGING_HZ = (440.0, 480.0)
BUSY_HZ = (480.0, 620.0)
"""Precise tone plan of North American exchanges."""

CHORDS_HZ = ((261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))
"""C, A minor, F, G: what hold music goes round in."""


def silence(seconds: float, _seed: int = 0) -> Audio:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def room(seconds: float, seed: int = 0) -> Audio:
    """A quiet room, -60 dBFS, more of it low than high."""
    return _level(_coloured(seconds, seed, 1.0), -60)


def white_noise(seconds: float, seed: int = 0) -> Audio:
    return _level(_coloured(seconds, seed, 0.0), -20)


def fan(seconds: float, seed: int = 0) -> Audio:
    """Low noise that swells and fades with the blades."""
    noise = _coloured(seconds, seed, 1.0)
    return _level(noise * (1 + 0.3 * np.sin(2 * np.pi * 4.3 * _times(noise))), -25)


def hum(seconds: float, _seed: int = 0) -> Audio:
    """Mains with its harmonics."""
    at_s = _times(silence(seconds))
    return _level(sum_of(np.sin(2 * np.pi * 50 * k * at_s) / k for k in (1, 2, 3, 5)), -22)


def ringing(seconds: float, _seed: int = 0) -> Audio:
    """Two seconds of tone, four of none."""
    return _tone(seconds, RINGING_HZ, on_s=2.0, off_s=4.0)


def busy(seconds: float, _seed: int = 0) -> Audio:
    return _tone(seconds, BUSY_HZ, on_s=0.5, off_s=0.5)


def beeps(seconds: float, _seed: int = 0) -> Audio:
    """What tells callers every ten seconds that they are recorded."""
    return _tone(seconds, (1400.0,), on_s=0.4, off_s=9.6)


def hold_music(seconds: float, seed: int = 0) -> Audio:
    """Plucked chords and a tune over them, in the band of a phone."""
    draw = np.random.default_rng(seed)
    out = silence(seconds)
    beat = int(0.4 * RATE_HZ)
    for number, first in enumerate(range(0, out.size - beat, beat)):
        chord = CHORDS_HZ[number // 8 % len(CHORDS_HZ)]
        notes = [chord[number % 3], 2 * chord[int(draw.integers(3))]]
        length = min(3 * beat, out.size - first)
        at_s = np.arange(length) / RATE_HZ
        for note in notes:
            partials = sum_of(np.sin(2 * np.pi * note * k * at_s) / k**1.5 for k in (1, 2, 3, 4))
            out[first : first + length] += (partials * np.exp(-3 * at_s)).astype(np.float32)
    return _level(out, -20)


def applause(seconds: float, seed: int = 0) -> Audio:
    """Sixty people clap at their own pace: bursts of a few milliseconds, each pair of hands with its own ring."""
    draw = np.random.default_rng(seed)
    out = silence(seconds)
    for _ in range(60):
        pace_s, ring_hz = draw.uniform(0.2, 0.35), draw.uniform(900, 2500)
        loud = draw.uniform(0.3, 1.0)
        moment_s = draw.uniform(0, pace_s)
        while moment_s < seconds - 0.05:
            first, length = int(moment_s * RATE_HZ), int(0.02 * RATE_HZ)
            at_s = np.arange(length) / RATE_HZ
            clap = draw.normal(0, 1, length) * np.cos(2 * np.pi * ring_hz * at_s) * np.exp(-at_s / 0.004)
            out[first : first + length] += (loud * clap).astype(np.float32)
            moment_s += pace_s * draw.uniform(0.85, 1.15)
    return _level(out, -18)


def breath(seconds: float, seed: int = 0) -> Audio:
    """Somebody close to the microphone breathes and says nothing: noise that comes and goes every four seconds."""
    noise = _coloured(seconds, seed, 0.5)
    swell = np.clip(np.sin(2 * np.pi * _times(noise) / 4.0), 0, None) ** 2
    return _level(noise * swell, -32)


def knocks(seconds: float, seed: int = 0) -> Audio:
    """Doors, cups and steps, at odd moments."""
    draw = np.random.default_rng(seed)
    out = room(seconds, seed)
    for moment_s in np.cumsum(draw.uniform(0.3, 2.5, int(seconds))).tolist():
        first, length = int(moment_s * RATE_HZ), int(0.15 * RATE_HZ)
        if first + length > out.size:
            break
        at_s = np.arange(length) / RATE_HZ
        body = np.sin(2 * np.pi * draw.uniform(90, 400) * at_s) + 0.4 * draw.normal(0, 1, length)
        out[first : first + length] += (draw.uniform(0.05, 0.4) * body * np.exp(-at_s / 0.02)).astype(np.float32)
    return np.clip(out, -1, 1)


SOUNDS: dict[str, Callable[[float, int], Audio]] = {
    "silence": silence,
    "room": room,
    "white noise": white_noise,
    "fan": fan,
    "hum": hum,
    "ringing": ringing,
    "busy": busy,
    "beeps": beeps,
    "hold music": hold_music,
    "applause": applause,
    "breath": breath,
    "knocks": knocks,
}


def sum_of(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    whole: NDArray[np.float64] = np.sum(np.stack(list(parts)), axis=0, dtype=np.float64)
    return whole


def _times(audio: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.arange(audio.size) / RATE_HZ


def _tone(seconds: float, frequencies_hz: Sequence[float], *, on_s: float, off_s: float) -> Audio:
    at_s = _times(silence(seconds))
    tone = sum_of([np.sin(2 * np.pi * hz * at_s) for hz in frequencies_hz])
    return _level(np.where(at_s % (on_s + off_s) < on_s, tone, 0.0), -20)


def _coloured(seconds: float, seed: int, tilt: float) -> NDArray[np.float64]:
    """Noise whose power falls with frequency to the ``tilt``: 0 is white, 1 is pink."""
    count = int(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 1, count))
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 20.0)
    return np.fft.irfft(spectrum / frequencies ** (tilt / 2), count)


def _level(audio: NDArray[np.floating], dbfs: float) -> Audio:
    """As loud as ``dbfs`` says, root mean square; cut where it would leave [-1, 1]."""
    loudness = float(np.sqrt(np.mean(np.square(audio)))) or 1.0
    louder: Audio = np.clip(audio * (10 ** (dbfs / 20) / loudness), -1, 1).astype(np.float32)
    return louder
