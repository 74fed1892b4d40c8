"""Parts of a FLAC file decode to exactly their samples."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ingest.decode.flac import FRAME_SAMPLES, FlacWriter
from polyvox.adapters.filesystem import FolderStore
from polyvox.audio import (
    HEADER_BYTES,
    SAMPLE_RATE_HZ,
    decode_flac,
    encode_flac,
    fetch_slice,
    read_flac,
    without_totals,
)
from polyvox.contracts import AudioSlice
from polyvox.errors import Invalid, NotFound
from polyvox.flac_frames import coded_number
from tests.support.media import noise, silence, tone


def written(samples: NDArray[np.int16], *, block: int = 5000) -> tuple[bytes, FlacWriter]:
    file = io.BytesIO()
    writer = FlacWriter(file)
    for at in range(0, samples.size, block):
        writer.add(samples[at : at + block])
    writer.close()
    return file.getvalue(), writer


def pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)


SOUNDS = {
    "noise": pcm(noise(60.0)),
    "loud noise": pcm(noise(60.0, level=2.0)),
    "silence": pcm(silence(60.0)),
    "speech-like": pcm(np.concatenate([tone(0.4, hz=200.0 + n) if n % 3 else silence(0.3) for n in range(160)])),
}


async def put(tmp_path: Path, flac: bytes) -> FolderStore:
    store = FolderStore(tmp_path / "objects")
    await store.put("audio.flac", flac)
    return store


def slice_of(writer: FlacWriter, first: int, end: int) -> AudioSlice:
    return AudioSlice(
        key="audio.flac", header_bytes=HEADER_BYTES, start_byte=writer.byte_at(first), end_byte=writer.byte_at(end)
    )


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("frames_per_part", [1, 3, 40])
async def test_each_of_hundreds_of_parts_decodes_to_exactly_its_samples(
    tmp_path: Path, sound: str, frames_per_part: int
) -> None:
    samples = SOUNDS[sound][: 250 * frames_per_part * FRAME_SAMPLES - 321]
    flac, writer = written(samples)
    store = await put(tmp_path, flac)
    frames = len(writer.frame_power)
    for first in range(0, frames, frames_per_part):
        end = min(first + frames_per_part, frames)
        part = decode_flac(await fetch_slice(store, slice_of(writer, first, end)))
        expected = samples[first * FRAME_SAMPLES : end * FRAME_SAMPLES]
        assert np.array_equal(part * 32768, expected), (first, end)


def test_the_whole_file_decodes_to_what_was_written_and_says_how_long_it_is() -> None:
    samples = SOUNDS["noise"]
    flac, writer = written(samples)
    assert np.array_equal(decode_flac(flac) * 32768, samples)
    assert writer.samples == samples.size
    total = int.from_bytes(flac[21:26], "big") & 0xF_FFFF_FFFF
    assert total == samples.size


def test_other_software_reads_the_whole_file_and_finds_its_checksum_right(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples = SOUNDS["speech-like"]
    (tmp_path / "a.flac").write_bytes(written(samples)[0])
    read, rate_hz = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    assert np.array_equal(read, samples)


def test_the_size_of_blocks_does_not_change_the_file() -> None:
    samples = SOUNDS["noise"][:100_000]
    assert written(samples, block=999)[0] == written(samples, block=70_000)[0]


def test_a_file_is_read_in_blocks_of_the_size_asked_for(tmp_path: Path) -> None:
    samples = SOUNDS["noise"][:100_000]
    (tmp_path / "a.flac").write_bytes(written(samples)[0])
    blocks = list(read_flac(tmp_path / "a.flac", block_samples=16_000))
    assert [block.size for block in blocks] == [16_000] * 6 + [4_000]
    assert np.array_equal(np.concatenate(blocks) * 32768, samples)


def test_a_header_without_totals_keeps_the_rest() -> None:
    flac, _ = written(SOUNDS["noise"][:50_000])
    header = without_totals(flac[:HEADER_BYTES])
    assert header[:21] == flac[:21]
    assert header[21] == flac[21] & 0xF0
    assert not any(header[22:])


@pytest.mark.parametrize("body", [b"", b"no FLAC at all", b"RIFF" + bytes(100), b"fLaC" + bytes(10)])
def test_what_is_no_flac_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        decode_flac(body)
    assert refused.value.code == "bad-flac"


async def test_a_slice_beyond_the_end_is_refused_and_a_missing_file_is_named(tmp_path: Path) -> None:
    flac, writer = written(SOUNDS["noise"][:50_000])
    store = await put(tmp_path, flac)
    whole = slice_of(writer, 0, len(writer.frame_power))
    with pytest.raises(Invalid, match="shorter"):
        await fetch_slice(store, whole.model_copy(update={"end_byte": whole.end_byte + 1}))
    with pytest.raises(NotFound):
        await fetch_slice(store, whole.model_copy(update={"key": "gone.flac"}))


def test_a_damaged_frame_is_refused_not_played() -> None:
    flac, writer = written(SOUNDS["noise"][:50_000])
    damaged = bytearray(flac)
    damaged[writer.byte_at(3) + 100] ^= 0x10
    with pytest.raises(Invalid) as refused:
        decode_flac(bytes(damaged))
    assert refused.value.code == "bad-flac"


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac_of_other_software_is_read(subtype: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples = noise(3.0).clip(-1, 1)
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="FLAC", subtype=subtype)
    assert np.allclose(decode_flac(file.getvalue()), samples, atol=1e-4)


def test_audio_of_another_rate_is_refused() -> None:
    soundfile = pytest.importorskip("soundfile")
    file = io.BytesIO()
    soundfile.write(file, noise(1.0), 8_000, format="FLAC")
    with pytest.raises(Invalid, match="8000 Hz"):
        decode_flac(file.getvalue())


def test_frame_numbers_are_coded_like_utf_8() -> None:
    for number in (0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF):
        assert coded_number(number) == chr(number).encode("utf-8", "surrogatepass")
    assert coded_number(2**36 - 1) == bytes([0xFE, *[0xBF] * 6])


@pytest.mark.parametrize("sound", SOUNDS)
def test_samples_become_a_flac_file_that_any_program_reads(sound: str) -> None:
    samples = SOUNDS[sound][: 7 * SAMPLE_RATE_HZ + 123]
    flac = encode_flac(samples.astype(np.float32) / np.float32(32_768))
    read, rate_hz = soundfile.read(io.BytesIO(flac), dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    assert np.array_equal(read, samples)
    assert np.array_equal(pcm(decode_flac(flac)), samples)
    assert len(flac) <= samples.size * 2 * 1.01 + 100
