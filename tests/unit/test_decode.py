"""Decoding keeps voices and times right, however the file holds them."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.media import Sound, decoded, level, mux, noise, silence, tone, wav


def float_wav(samples: NDArray[np.float32], *, channels: int = 1, rate_hz: int = 16_000) -> bytes:
    """32-bit float WAV of interleaved ``samples``."""
    body = samples.astype("<f4").tobytes()
    head = struct.pack("<HHIIHH", 3, channels, rate_hz, rate_hz * 4 * channels, 4 * channels, 32)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + struct.pack("<I", 16) + head
        + b"data" + struct.pack("<I", len(body)) + body
    )  # fmt: skip


def onset_s(samples: NDArray[np.float32], threshold: float = 0.01) -> float:
    """When the first sound begins."""
    return float(np.argmax(np.abs(samples) > threshold)) / 16_000


def test_16_khz_mono_comes_through_bit_for_bit(tmp_path: Path) -> None:
    samples = np.round(noise(5.0) * 32767).clip(-32768, 32767).astype(np.float32) / 32767
    out, account = decoded(wav(samples), tmp_path)
    assert np.array_equal(out * 32768, np.round(samples * 32767))
    assert account.source.duration_s == 5.0


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_any_rate_keeps_pitch_level_and_length(tmp_path: Path, rate_hz: int) -> None:
    out, _ = decoded(wav(tone(3.0, hz=1000.0, rate_hz=rate_hz), rate_hz=rate_hz), tmp_path)
    assert abs(out.size - 48_000) <= 16
    spectrum = np.abs(np.fft.rfft(out[8_000:40_000]))
    assert int(spectrum.argmax()) * 0.5 == 1000.0
    assert np.isclose(level(out[8_000:40_000]), 0.3 / np.sqrt(2), rtol=0.01)


def test_what_16_khz_cannot_carry_is_filtered_not_folded(tmp_path: Path) -> None:
    out, _ = decoded(wav(tone(2.0, hz=9_000.0, rate_hz=48_000), rate_hz=48_000), tmp_path)
    assert level(out[4_000:28_000]) < 0.3 * 10 ** (-50 / 20)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_silent_channel_does_not_halve_the_other(tmp_path: Path, silent: int) -> None:
    voice = noise(3.0)
    channels = np.stack([voice, voice])
    channels[silent] = 0
    out, _ = decoded(wav(channels), tmp_path)
    assert np.isclose(level(out), level(voice), rtol=0.01)


def test_an_inverted_channel_does_not_cancel_the_other(tmp_path: Path) -> None:
    voice = noise(3.0)
    out, _ = decoded(wav(np.stack([voice, -voice])), tmp_path)
    assert np.isclose(level(out), level(voice), rtol=0.01)
    quiet_start = np.concatenate([silence(1.0), voice])
    out, _ = decoded(wav(np.stack([quiet_start, -quiet_start])), tmp_path)
    assert np.isclose(level(out[16_000:]), level(voice), rtol=0.02)


@pytest.mark.parametrize("channels", [3, 4, 6, 8, 13])
def test_every_one_of_many_channels_is_heard(tmp_path: Path, channels: int) -> None:
    block = np.zeros((channels, 16_000 * channels), np.float32)
    for number in range(channels):
        block[number, number * 16_000 : (number + 1) * 16_000] = noise(1.0, seed=number)
    out, account = decoded(wav(block), tmp_path)
    assert account.source.channels == channels
    assert min(level(second) for second in out.reshape(channels, 16_000)) > 0.1 / np.sqrt(channels) * 0.6


def test_several_tracks_are_mixed_at_their_times(tmp_path: Path) -> None:
    first = np.concatenate([noise(1.0), silence(3.0)])
    late = np.concatenate([noise(1.0, seed=2)])
    path = mux(tmp_path / "two.mkv", [Sound(first), Sound(late, start_s=2.5)])
    out, account = decoded(path, tmp_path)
    assert account.source.audio_tracks == 2
    assert account.samples == 64_000
    assert [level(out[a:b]) > 0.03 for a, b in ((0, 16_000), (17_000, 39_000), (40_000, 56_000))] == [True, False, True]
    assert abs(onset_s(out[20_000:]) + 1.25 - 2.5) < 0.005


@pytest.mark.parametrize("container", ["matroska", "mov"])
def test_sound_that_begins_after_the_picture_keeps_its_time(tmp_path: Path, container: str) -> None:
    path = mux(tmp_path / "late.bin", [Sound(tone(2.0), start_s=1.5)], picture_s=4.0, container=container)
    out, _ = decoded(path, tmp_path)
    assert abs(onset_s(out) - 1.5) < 0.005


def test_stamps_that_start_at_any_time_are_counted_from_the_first(tmp_path: Path) -> None:
    out, account = decoded(mux(tmp_path / "live.mkv", [Sound(tone(2.0), start_s=1000.0)]), tmp_path)
    assert (account.samples, account.lost_s, account.warnings) == (32_000, 0.0, ())
    assert onset_s(out) < 0.005


def test_a_gap_in_the_time_stamps_becomes_silence_and_is_told(tmp_path: Path) -> None:
    path = mux(tmp_path / "gap.mkv", [Sound(tone(4.0), gaps=[(1.02, 3.0)])])
    out, account = decoded(path, tmp_path)
    assert abs(account.samples / 16_000 - 7.0) < 0.002
    assert level(out[17_000:64_000]) < 0.001
    assert abs(onset_s(out[24_000:]) + 1.5 - 4.02) < 0.003
    assert any("gaps of 3.0 s" in warning for warning in account.warnings)


def test_jitter_of_the_time_stamps_adds_nothing(tmp_path: Path) -> None:
    jumps = [(at, 0.03 if n % 2 else -0.03) for n, at in enumerate((0.6, 1.2, 1.8, 2.4))]
    out, account = decoded(mux(tmp_path / "j.mkv", [Sound(tone(4.0), gaps=jumps)]), tmp_path)
    assert account.samples == 64_000
    assert np.allclose(out[1000:-1000], tone(4.0)[1000:-1000], atol=2e-3)


def test_time_stamps_that_jump_back_lose_no_sound(tmp_path: Path) -> None:
    piece = mux(tmp_path / "a.ts", [Sound(tone(2.0, rate_hz=48_000), codec="mp2", rate_hz=48_000)], container="mpegts")
    out, _ = decoded(piece.read_bytes() * 2, tmp_path)
    assert abs(out.size / 16_000 - 4.0) < 0.1
    assert level(out[40_000:60_000]) > 0.15


def test_a_format_that_changes_midway_is_followed(tmp_path: Path) -> None:
    def mp3(samples: NDArray[np.float32], rate_hz: int) -> bytes:
        path = mux(tmp_path / "x.mp3", [Sound(samples, codec="libmp3lame", rate_hz=rate_hz)], container="mp3")
        with av.open(str(path)) as container:
            return b"".join(bytes(packet) for packet in container.demux(audio=0))

    stereo = np.stack([tone(2.0, rate_hz=44_100)] * 2)
    body = mp3(stereo, 44_100) + mp3(tone(2.0, rate_hz=32_000), 32_000)
    out, _ = decoded(body, tmp_path)
    assert abs(out.size / 16_000 - 4.0) < 0.3
    for second in (1, 3):
        heard = out[second * 16_000 : second * 16_000 + 8_000]
        assert abs(int(np.abs(np.fft.rfft(heard)).argmax()) * 2 - 440) <= 4


def test_samples_beyond_full_scale_are_turned_down_not_clipped(tmp_path: Path) -> None:
    out, _ = decoded(float_wav(tone(2.0, level=4.0)), tmp_path)
    spectrum = np.abs(np.fft.rfft(out[8_000:24_000]))
    fundamental, rest = spectrum[440], np.delete(spectrum, range(430, 451))
    assert rest.max() < fundamental * 0.01, "clipping would add harmonics"
    assert 0.95 < np.abs(out).max() <= 1.0


def test_what_is_no_number_becomes_silence_and_is_told(tmp_path: Path) -> None:
    samples = tone(2.0)
    samples[10_000:10_050] = np.nan
    samples[20_000] = np.inf
    samples[24_000] = -1e30
    out, account = decoded(float_wav(samples), tmp_path)
    assert np.isfinite(out).all()
    assert level(out) > 0.2
    assert any("52 samples" in warning for warning in account.warnings)


def test_decoding_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mkv", [Sound(np.stack([noise(4.0, rate_hz=44_100)] * 2), codec="mp2", rate_hz=44_100)])
    first = decoded(path, tmp_path)[1], (tmp_path / "decoded.flac").read_bytes()
    again = decoded(path, tmp_path)[1], (tmp_path / "decoded.flac").read_bytes()
    assert first == again


@pytest.mark.parametrize(("samples", "seconds"), [(1, 1 / 16_000), (160, 0.01), (1152, 0.072), (1153, 1153 / 16_000)])
def test_tiny_recordings_are_recordings(tmp_path: Path, samples: int, seconds: float) -> None:
    out, account = decoded(wav(np.full(samples, 0.25, np.float32)), tmp_path)
    assert out.size / 16_000 == seconds
    assert len(account.parts) == 1
