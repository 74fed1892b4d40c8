"""The transcribers that benchmarks.transcription compares. As a program: a JSON task in, a JSON answer out.

Runs in the environment of the system that is measured, which may be one without Polyvox.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Transcribe = Callable[[list[tuple[Audio, str | None]]], list[str]]
"""Recordings with their languages (None: unknown) to their texts."""


def polyvox(
    engine: str, folder: Path, model: str, threads: int, precision: str | None = None, beams: int = 1
) -> Transcribe:
    """An engine of ours. The batched one gets all recordings at once, as a worker under load does."""
    from transcriber.engines.base import TranscribeOptions
    from transcriber.engines.model_cache import ModelCache
    from transcriber.engines.registry import folder_of, load

    if engine == "whisper":
        from transcriber.engines.whisper.engine import WhisperEngine
        from transcriber.engines.whisper.model import WhisperModel

        def loaded(name: str) -> WhisperModel:
            place = folder_of(engine, name, folder)
            return WhisperModel(place, threads=threads, precision=precision, beams=beams)  # type: ignore[arg-type]

        batched = WhisperEngine(ModelCache(loaded))

        def together(items: list[tuple[Audio, str | None]]) -> list[str]:
            found = batched.transcribe_many([(a, TranscribeOptions(language=code, model=model)) for a, code in items])
            return ["".join(word.text for word in one.words) if hasattr(one, "words") else "" for one in found]

        return together
    single = load(engine, weights_dir=folder, threads=threads)

    def each(items: list[tuple[Audio, str | None]]) -> list[str]:
        found = [single.transcribe(a, TranscribeOptions(language=code, model=model)) for a, code in items]
        return ["".join(word.text for word in one.words) for one in found]

    return each


def faster_whisper(
    folder: Path, model: str, threads: int, *, precision: str, beams: int, batch: int | None, words: bool = False
) -> Transcribe:
    """faster-whisper as its documentation says; ``batch`` None is its sequential mode."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    whisper = WhisperModel(
        str(folder / f"whisper-{model}"),
        device="cpu",
        compute_type=precision,
        cpu_threads=threads,
        local_files_only=True,
    )
    options: dict[str, Any] = {"beam_size": beams, "word_timestamps": words}
    pipeline: Any = whisper
    if batch is not None:
        pipeline = BatchedInferencePipeline(whisper)
        options["batch_size"] = batch

    def each(items: list[tuple[Audio, str | None]]) -> list[str]:
        return ["".join(s.text for s in pipeline.transcribe(a, language=code, **options)[0]) for a, code in items]

    return each


def openai_whisper(folder: Path, model: str, threads: int) -> Transcribe:
    """openai-whisper, greedy, without fallback to higher temperatures."""
    import torch

    from transcriber.engines.whisper.checkpoint import load_model

    torch.set_num_threads(threads)
    whisper = load_model(folder / f"whisper-{model}").float()

    def each(items: list[tuple[Audio, str | None]]) -> list[str]:
        return [str(whisper.transcribe(a, language=code, temperature=0.0, fp16=False)["text"]) for a, code in items]

    return each


def whisperx(folder: Path, model: str, threads: int) -> Transcribe:
    """whisperX's recognition as it comes: pauses by pyannote's model inside its package, batches of 8, int8."""
    from whisperx.asr import load_model

    pipeline = load_model(
        str(folder / f"whisper-{model}"), "cpu", compute_type="int8", vad_method="pyannote", threads=threads
    )

    def each(items: list[tuple[Audio, str | None]]) -> list[str]:
        return [
            " ".join(s["text"].strip() for s in pipeline.transcribe(a, batch_size=8, language=code)["segments"])
            for a, code in items
        ]

    return each


_batched = partial(faster_whisper, batch=8)
SYSTEMS: dict[str, Callable[[Path, str, int], Transcribe]] = {
    "polyvox-whisper": partial(polyvox, "whisper"),
    "polyvox-whisper-beams5": partial(polyvox, "whisper", beams=5),
    "polyvox-whisper-float32": partial(polyvox, "whisper", precision="float32"),
    "polyvox-ctranslate2": partial(polyvox, "ctranslate2"),
    "faster-whisper-int8": partial(faster_whisper, precision="int8", beams=5, batch=None),
    "faster-whisper-int8-greedy": partial(faster_whisper, precision="int8", beams=1, batch=None),
    "faster-whisper-batched-int8": partial(_batched, precision="int8", beams=5),
    "faster-whisper-batched-int8-greedy": partial(_batched, precision="int8", beams=1),
    "faster-whisper-batched1-int8-greedy": partial(faster_whisper, batch=1, precision="int8", beams=1),
    "faster-whisper-batched4-int8-greedy": partial(faster_whisper, batch=4, precision="int8", beams=1),
    "faster-whisper-batched16-int8-greedy": partial(faster_whisper, batch=16, precision="int8", beams=1),
    "faster-whisper-float32": partial(faster_whisper, precision="float32", beams=5, batch=None),
    "faster-whisper-batched-float32-greedy": partial(_batched, precision="float32", beams=1),
    "openai-whisper": openai_whisper,
    "whisperx": whisperx,
}
ELSEWHERE = ("whisperx",)
"""Systems that need an environment of their own."""


def read(path: str) -> Audio:
    """The first audio track as mono float32 of 16 kHz."""
    blocks = []
    with av.open(path) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
        for frame in container.decode(audio=0):
            blocks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        blocks += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(blocks).astype(np.float32)


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Transcribe every group, timed without reading the files."""
    began_s = time.monotonic()
    transcribe = SYSTEMS[task["system"]](Path(task["weights"]), task["model"], task["threads"])
    audio = {r["id"]: (read(r["path"]), r["language"]) for group in task["groups"].values() for r in group}
    longest = max(task["groups"]["long"], key=lambda r: r["seconds"])
    single = audio[longest["id"]][0][: 30 * 16_000], audio[longest["id"]][1]
    reading_s = time.monotonic() - began_s
    transcribe([(single[0][: 8 * 16_000], single[1])])
    cold_start_s = time.monotonic() - began_s
    times, texts = {}, {}
    lists = {name: [audio[r["id"]] for r in group] for name, group in task["groups"].items()}
    for name, items in {**lists, "single": [single]}.items():
        clock_s, cpu_s = time.monotonic(), time.process_time()
        found = transcribe(items)
        times[name] = {
            "wall_s": time.monotonic() - clock_s,
            "cpu_s": time.process_time() - cpu_s,
            "audio_s": sum(samples.size for samples, _ in items) / 16_000,
        }
        if name in task["groups"]:
            texts[name] = {r["id"]: text for r, text in zip(task["groups"][name], found, strict=True)}
    return {
        "times": times,
        "texts": texts,
        "cold_start_s": cold_start_s,
        "reading_s": reading_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    # Threads that wait spinning would count as work on a machine that others use too; see polyvox.child.pool.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    print(json.dumps(work(json.load(sys.stdin))))
