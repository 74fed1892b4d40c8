"""Files that break off, lie or are too long: what is there is decoded, what is lost is told, the rest is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from polyvox.errors import Invalid
from tests.support.media import Sound, decoded, mux, noise, silence, tone, wav


@pytest.mark.parametrize("kind", ["flac", "mov", "wav", "mkv"])
def test_a_truncated_file_gives_what_is_there_and_says_what_is_lost(tmp_path: Path, kind: str) -> None:
    samples = noise(10.0)
    if kind == "wav":
        body = wav(samples)
    else:
        container, codec = {"flac": ("flac", "flac"), "mov": ("mov", "pcm_s16le"), "mkv": ("matroska", "mp2")}[kind]
        path = mux(tmp_path / "whole", [Sound(samples, codec=codec)], container=container)
        if kind == "mov":
            _front_index(path)
        body = path.read_bytes()
    out, account = decoded(body[: len(body) * 6 // 10], tmp_path)
    assert 4.0 < out.size / 16_000 < 7.0
    assert abs(account.lost_s + out.size / 16_000 - 10.0) < 0.2
    assert any("could not be decoded" in warning for warning in account.warnings)


def test_an_ogg_that_breaks_off_is_called_incomplete_though_it_names_no_length(tmp_path: Path) -> None:
    path = mux(tmp_path / "whole", [Sound(noise(10.0), codec="libopus")], container="ogg")
    body = path.read_bytes()
    assert decoded(body, tmp_path)[1].warnings == ()
    last_page = body.rfind(b"OggS")
    # At a border between pages nothing shows: browsers, too, end their recordings without a mark.
    assert decoded(body[:last_page], tmp_path)[1].warnings == ()
    for cut in (len(body) * 6 // 10, last_page + 10, len(body) - 1):
        out, account = decoded(body[:cut], tmp_path)
        assert 4.0 < out.size / 16_000 <= 10.1
        assert any("breaks off" in warning for warning in account.warnings)


def _front_index(path: Path) -> None:
    """Move the index of a QuickTime file before its data."""
    target = path.with_suffix(".front")
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", format="mov", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    target.replace(path)


def test_a_whole_video_whose_sound_ends_early_has_lost_nothing(tmp_path: Path) -> None:
    path = mux(tmp_path / "v.mkv", [Sound(tone(2.0))], picture_s=6.0)
    _, account = decoded(path, tmp_path)
    assert (account.lost_s, account.warnings) == (0.0, ())


def test_a_stamp_that_claims_an_absurd_gap_is_not_believed(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.ts", [Sound(noise(4.0, rate_hz=48_000), codec="mp2", rate_hz=48_000)], container="mpegts")
    body = bytearray(path.read_bytes())
    stamps = [at for at in range(0, len(body), 188) if body[at + 1] & 0x40 and b"\0\0\1\xc0" in body[at : at + 188]]
    at = body.index(b"\0\0\1\xc0", stamps[len(stamps) // 2]) + 9
    body[at] |= 0x0E  # The highest bits of the stamp: a jump of a day.
    _, account = decoded(bytes(body), tmp_path)
    assert account.samples < 16_000 * 6


def _wav_header(*, channels: int = 1, rate_hz: int = 16_000, data_bytes: int = 64) -> bytes:
    block = min(0xFFFF, 2 * channels)
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, min(0xFFFFFFFF, rate_hz * block), block, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + data_bytes) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", data_bytes) + bytes(64)
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        _wav_header(channels=0xFFFF),
        _wav_header(channels=0),
        _wav_header(channels=100),
        _wav_header(rate_hz=0xFFFFFFFF),
        _wav_header(rate_hz=0),
        _wav_header(rate_hz=1),
    ],
)
def test_absurd_headers_are_refused_with_a_reason(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        decoded(body, tmp_path)
    assert refused.value.code in {"undecodable", "not-media", "no-audio"}


def test_a_header_that_promises_a_day_for_64_bytes_is_not_believed(tmp_path: Path) -> None:
    _, account = decoded(_wav_header(data_bytes=0x7FFFFFFF), tmp_path)
    assert account.samples == 32
    assert account.lost_s == 0.0


def test_a_recording_that_says_it_is_too_long_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        decoded(wav(silence(30.0)), tmp_path, max_duration_s=20.0)
    assert refused.value.code == "too-long"
    assert (tmp_path / "decoded.flac").stat().st_size == 0


def test_a_recording_that_does_not_say_how_long_it_is_is_stopped_at_the_limit(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.ts", [Sound(noise(30.0, rate_hz=48_000), codec="mp2", rate_hz=48_000)], container="mpegts")
    with pytest.raises(Invalid) as refused:
        decoded(path, tmp_path, max_duration_s=20.0)
    assert refused.value.code == "too-long"


def test_an_empty_sound_track_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        decoded(wav(np.zeros(0, np.float32)), tmp_path)
    assert refused.value.code == "no-audio"


def test_random_bytes_after_a_good_start_do_no_harm(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    path = mux(tmp_path / "a.mkv", [Sound(noise(5.0, rate_hz=48_000), codec="mp2", rate_hz=48_000)])
    for _ in range(30):
        body = bytearray(path.read_bytes())
        for at in rng.integers(600, len(body), 40):
            body[at] = rng.integers(256)
        try:
            _, account = decoded(bytes(body), tmp_path)
        except Invalid as refused:
            assert refused.reason
        else:
            assert account.samples < 16_000 * 60
