"""A recording of hours, made of sentences at known moments: do word times drift, and what does it take in memory?

    python -m benchmarks.hours [--hours 2] [--every-s 60] [--model base] [--diarize]

Sentences of the evaluation set, one every so many seconds, lie in the noise of a quiet room, at 44,100 Hz. It goes
through a whole Polyvox on embedded adapters. Each word is compared with the same word where its sentence stands
alone: how far from its place it is, by quarters of the recording. Then the peak memory of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.nonspeech import RATE_HZ, Audio, room
from benchmarks.recording import print_memory
from benchmarks.scoring import normalised
from benchmarks.transcribers import read
from benchmarks.transcription import EVALUATION_SET, machine
from polyvox.cli.local_server import free_port, running
from polyvox.client import AsyncClient
from polyvox.contracts import Options, Transcript
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor
from transcriber.engines.base import TranscribeOptions
from transcriber.engines.registry import load

SOURCE_HZ = 44_100
PIECES = 12
LEAD_S = 2.0
"""Room noise before and after a sentence that stands alone."""


@dataclass(frozen=True)
class Said:
    """A word and when it begins."""

    word: str
    start_s: float


def pieces() -> list[Audio]:
    manifest = [json.loads(line) for line in (EVALUATION_SET / "manifest.jsonl").read_text().splitlines()]
    fit = [m for m in manifest if m["set"] == "en_read" and m["reference_text"] and 4 <= m["duration_s"] <= 10]
    return [read(str(EVALUATION_SET / m["path"])) for m in fit[:: len(fit) // PIECES][:PIECES]]


def alone(sentences: Sequence[Audio], model: str) -> list[list[Said]]:
    """Words of each sentence by itself, from its start."""
    engine = load("ctranslate2", weights_dir=Settings().weights_dir)
    found = []
    for sentence in sentences:
        noise = room(sentence.size / RATE_HZ + 2 * LEAD_S)
        first = int(LEAD_S * RATE_HZ)
        noise[first : first + sentence.size] += sentence
        words = engine.transcribe(noise, TranscribeOptions(language="en", model=model)).words
        found.append([Said(normalised(word.text), word.start_s - LEAD_S) for word in words])
    return found


def write(path: Path, sentences: Sequence[Audio], hours: float, every_s: float) -> list[float]:
    """The recording as FLAC; gives when each sentence begins: they go round."""
    louder = [_resampled(sentence) for sentence in sentences]
    starts_s = []
    with soundfile.SoundFile(path, "w", SOURCE_HZ, 1, "PCM_16") as out:
        for index in range(int(hours * 3600 / every_s)):
            block = _resampled(room(every_s, index))
            # Not always at the same place of its minute, so that cuts and frames fall anywhere.
            offset = round((1 + (index * 7.31) % (every_s - 14)) * SOURCE_HZ)
            sentence = louder[index % len(louder)]
            block[offset : offset + sentence.size] += sentence
            out.write(block)
            starts_s.append(index * every_s + offset / SOURCE_HZ)
    return starts_s


def _resampled(audio: Audio) -> NDArray[np.float32]:
    """To SOURCE_HZ by the spectrum: exact for what lies below half the old rate."""
    count = round(audio.size * SOURCE_HZ / RATE_HZ)
    spectrum = np.zeros(count // 2 + 1, np.complex128)
    known = np.fft.rfft(audio)
    spectrum[: known.size] = known
    return (np.fft.irfft(spectrum, count) * count / audio.size).astype(np.float32)


def off_s(
    transcript: Transcript, starts_s: Sequence[float], expected: Sequence[list[Said]]
) -> list[tuple[float, float]]:
    """For each word found again: (when it should begin, how much later it does)."""
    words = [Said(normalised(w.word), w.start) for segment in transcript.segments for w in segment.words]
    found = []
    for index, start_s in enumerate(starts_s):
        mine = expected[index % len(expected)]
        near = [word for word in words if start_s - 1 <= word.start_s <= start_s + 12]
        matcher = SequenceMatcher(None, [w.word for w in mine], [w.word for w in near], autojunk=False)
        for at, other, length in matcher.get_matching_blocks():
            for k in range(length):
                should_s = start_s + mine[at + k].start_s
                found.append((should_s, near[other + k].start_s - should_s))
    return found


async def measure(hours: float, every_s: float, model: str, *, diarize: bool) -> None:
    sentences = pieces()
    expected = alone(sentences, model)
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        file = Path(folder) / "hours.flac"
        starts_s = write(file, sentences, hours, every_s)
        place = Path(folder) / "data"
        settings = Settings(data_dir=place, port=free_port("127.0.0.1"), log_level="error", transcriber_model=model)
        supervisor = Supervisor(settings)
        async with running(settings, supervisor, asyncio.Event()) as url, AsyncClient(url) as client:
            began_s = time.monotonic()
            media_id = await client.upload(file, Options(language="en", diarize=diarize))
            state = await client.wait(media_id, timeout_s=7200)
            took_s = time.monotonic() - began_s
            assert state.status == "completed", state.document
            transcript = await client.transcript(media_id)
            print(f"\n{machine()}\n{hours:g} hours, {model}, {len(starts_s)} sentences, done in {took_s:.0f} s\n")
            report(
                off_s(transcript, starts_s, expected), hours, sum(map(len, expected)) * len(starts_s) / len(expected)
            )
            print_memory(supervisor.pids)


def report(off: Sequence[tuple[float, float]], hours: float, all_words: float) -> None:
    print(f"{len(off)} of {all_words:.0f} words found again\n")
    print("| quarter | words | median, s | 95 % within, s | largest, s |\n|---|---|---|---|---|")
    for quarter in range(4):
        low_s, high_s = quarter * hours * 900, (quarter + 1) * hours * 900
        late = sorted(late_s for should_s, late_s in off if low_s <= should_s < high_s)
        far = sorted(map(abs, late))
        print(
            f"| {quarter + 1} | {len(late)} | {statistics.median(late):+.3f} | {far[int(0.95 * len(far))]:.3f} "
            f"| {far[-1]:.3f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--every-s", type=float, default=60.0)
    parser.add_argument("--model", default="base")
    parser.add_argument("--diarize", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.hours, arguments.every_s, arguments.model, diarize=arguments.diarize))


if __name__ == "__main__":
    main()
