"""transformers' batched Whisper from FLAC, for benchmarks.gpu, in whatever environment has it.

    python gpu_transformers.py < {"folder": …, "flacs": […], "tokens": 110, "batch": 32, "device": "cuda"}

Reads nothing of the repository's, so that it runs with any Python; prints one JSON object.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import soundfile
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.utils import logging

WINDOW_S = 29.5


def main(task: dict[str, Any]) -> dict[str, Any]:
    device = task["device"]
    kind = torch.float16 if device.startswith("cuda") else torch.float32
    config = WhisperConfig.from_pretrained(task["folder"])
    model = WhisperForConditionalGeneration.from_pretrained(task["folder"], dtype=kind).to(device).eval()
    seconds = config.max_source_positions / 50
    extract = WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=round(seconds))
    forced = {"min_new_tokens": task["tokens"], "max_new_tokens": task["tokens"], "do_sample": False, "language": "en"}
    times = {"return_token_timestamps": True} if task["word_times"] else {}
    windows = 0

    @torch.inference_mode()
    def write(chunk: list[Any]) -> None:
        mel = extract(chunk, sampling_rate=16_000, return_tensors="pt", device=device).input_features
        model.generate(mel.to(device, kind), **forced, **times)

    def run(paths: list[str]) -> int:
        waiting: list[Any] = []
        count = 0
        for path in paths:
            samples, _ = soundfile.read(io.BytesIO(Path(path).read_bytes()), dtype="float32")
            size = int(min(WINDOW_S, seconds) * 16_000)
            waiting += [samples[at : at + size] for at in range(0, len(samples), size)]
            while len(waiting) >= task["batch"]:
                write(waiting[: task["batch"]])
                count += task["batch"]
                waiting = waiting[task["batch"] :]
        if waiting:
            write(waiting)
        return count + len(waiting)

    run(task["flacs"][:1])
    began_s = time.perf_counter()
    windows = run(task["flacs"])
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return {"took_s": time.perf_counter() - began_s, "windows": windows}


if __name__ == "__main__":
    logging.set_verbosity_error()
    print(json.dumps(main(json.load(sys.stdin))))
