"""What a file is comes from its bytes: every container that can be decoded, and nothing else."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ingest.upload.sniff import SNIFF_BYTES, sniff


def encoded(container: str, codec: str, *, seconds: float = 1.0, rate_hz: int = 16_000) -> bytes:
    """A tone, really encoded and muxed."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as muxer:
        stream = muxer.add_stream(codec, rate=rate_hz)
        stream.layout = "mono"
        tone = (np.sin(np.arange(int(rate_hz * seconds)) * 0.1) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None, :], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate_hz, frame_size=stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            muxer.mux(stream.encode(piece))
        muxer.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate_hz", "expected"),
    [
        ("wav", "pcm_s16le", 16_000, "audio/wav"),
        ("wav", "pcm_mulaw", 8_000, "audio/wav"),
        ("w64", "pcm_s16le", 16_000, "audio/x-w64"),
        ("aiff", "pcm_s16be", 16_000, "audio/aiff"),
        ("au", "pcm_s16be", 16_000, "audio/basic"),
        ("caf", "pcm_s16be", 16_000, "audio/x-caf"),
        ("voc", "pcm_u8", 16_000, "audio/x-voc"),
        ("flac", "flac", 16_000, "audio/flac"),
        ("wv", "wavpack", 16_000, "audio/x-wavpack"),
        ("tta", "tta", 16_000, "audio/x-tta"),
        ("mp3", "mp3", 16_000, "audio/mpeg"),
        ("mp3", "mp3", 44_100, "audio/mpeg"),
        ("mp3", "mp3", 8_000, "audio/mpeg"),
        ("mp2", "mp2", 48_000, "audio/mpeg"),
        ("mp2", "mp2", 24_000, "audio/mpeg"),
        ("adts", "aac", 16_000, "audio/aac"),
        ("adts", "aac", 44_100, "audio/aac"),
        ("latm", "aac", 48_000, "audio/aac"),
        ("ac3", "ac3", 48_000, "audio/ac3"),
        ("ac3", "ac3", 44_100, "audio/ac3"),
        ("eac3", "eac3", 48_000, "audio/ac3"),
        ("ogg", "libopus", 48_000, "audio/ogg"),
        ("ipod", "aac", 44_100, "audio/mp4"),
        ("mp4", "aac", 44_100, "video/mp4"),
        ("3gp", "aac", 44_100, "video/3gpp"),
        ("mov", "pcm_s16le", 44_100, "video/quicktime"),
        ("webm", "libopus", 48_000, "video/webm"),
        ("matroska", "libopus", 48_000, "video/x-matroska"),
        ("avi", "pcm_s16le", 44_100, "video/x-msvideo"),
        ("mpeg", "mp2", 44_100, "video/mpeg"),
        ("mpegts", "mp2", 44_100, "video/mp2t"),
        ("asf", "mp3", 44_100, "video/x-ms-asf"),
        ("flv", "aac", 44_100, "video/x-flv"),
        ("rm", "ac3", 44_100, "application/vnd.rn-realmedia"),
    ],
)
def test_every_common_container_is_recognised(container: str, codec: str, rate_hz: int, expected: str) -> None:
    assert sniff(encoded(container, codec, rate_hz=rate_hz)[:SNIFF_BYTES]) == expected


@pytest.mark.parametrize(("container", "codec"), [("mp3", "mp3"), ("adts", "aac"), ("mp2", "mp2")])
def test_a_stream_that_was_cut_anywhere_is_recognised(container: str, codec: str) -> None:
    whole = encoded(container, codec, seconds=3.0, rate_hz=44_100 if codec != "mp2" else 48_000)
    start = 1000 if whole[:3] == b"ID3" else 0
    for cut in random.Random(7).sample(range(start + 1, start + 2000), 20):
        assert sniff(whole[cut:]) is not None, cut


@pytest.mark.parametrize("art_bytes", [0, 100, 200_000])
def test_id3_tags_of_any_size_hide_nothing(art_bytes: int) -> None:
    size = struct.pack(">BBBB", art_bytes >> 21, art_bytes >> 14 & 127, art_bytes >> 7 & 127, art_bytes & 127)
    tag = b"ID3\x03\x00\x00" + size + bytes(art_bytes)
    assert sniff((tag + encoded("mp3", "mp3"))[:SNIFF_BYTES]) == "audio/mpeg"
    if art_bytes < SNIFF_BYTES:
        assert sniff((tag + encoded("adts", "aac"))[:SNIFF_BYTES]) == "audio/aac"
        assert sniff((tag + encoded("flac", "flac"))[:SNIFF_BYTES]) == "audio/flac"


def test_large_and_old_variants_of_wav_and_quicktime_are_recognised() -> None:
    for riff in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        assert sniff(riff + b"\xff\xff\xff\xffWAVEds64") == "audio/wav"
    assert sniff(b"\x00\x00\x04\x00moov\x00\x00\x00\x6cmvhd") == "video/quicktime"
    assert sniff(b"\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x00") == "video/quicktime"
    assert sniff(b"#!AMR\n" + bytes(32)) == "audio/amr"
    assert sniff(b"#!AMR-WB\n" + bytes(32)) == "audio/amr-wb"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 50_000,
        b"\xff" * 50_000,
        b"This is not a recording.\n" * 400,
        b"<!DOCTYPE html><html><body>404</body></html>",
        b'{"text": "hello"}',
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(100),
        b"\x1f\x8b\x08" + bytes(100),
        b"\x7fELF\x02\x01\x01" + bytes(100),
        b"MZ" + bytes(100),
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 40,
        b"GIF89a" + bytes(40),
        b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
        b"\x00\x00\x00\x0cJXL \r\n\x87\n",
        b"MThd\x00\x00\x00\x06\x00\x01",
        b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        b"[playlist]\nFile1=http://127.0.0.1/\n",
        b'<asx version="3.0"><entry><ref href="http://127.0.0.1/"/></entry></asx>',
        b"\xef\xbb\xbf<?xml version='1.0'?><smil/>",
    ],
)
def test_what_is_no_recording_is_not_recognised(content: bytes) -> None:
    assert sniff(content) is None


def test_noise_is_not_taken_for_frames() -> None:
    chance = random.Random(11)
    assert [sniff(chance.randbytes(SNIFF_BYTES)) for _ in range(150)] == [None] * 150


def test_no_beginning_of_any_length_breaks_it() -> None:
    for content in (encoded("mp3", "mp3"), encoded("adts", "aac"), encoded("mpegts", "mp2", rate_hz=48_000)):
        for length in range(0, 1200, 7):
            sniff(content[:length])


def test_every_recording_of_the_evaluation_set_passes(eval_dir: Path, eval_manifest: list[dict[str, Any]]) -> None:
    refused = [
        item["path"]
        for item in eval_manifest
        if item["set"] != "malformed" and sniff(_head(eval_dir / item["path"])) is None
    ]
    assert refused == []


def test_of_the_malformed_ones_only_what_is_no_media_is_refused(
    eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    malformed = [item for item in eval_manifest if item["set"] == "malformed"]
    refused = [item for item in malformed if sniff(_head(eval_dir / item["path"])) is None]
    assert {Path(item["path"]).stem for item in refused} >= {
        "mal-empty0", "mal-gif", "mal-hls-ssrf", "mal-pdf", "mal-png", "mal-sdp", "mal-text", "mal-random", "mal-zeros"
    }  # fmt: skip
    assert [item["path"] for item in refused if "error" not in item["expect"]] == []


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SNIFF_BYTES)
