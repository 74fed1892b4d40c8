"""Whisper from FLAC to times of words on a GPU, beside openai-whisper and transformers, on the same weights.

    python -m benchmarks.gpu [--sizes large-v3,large-v3-turbo] [--minutes 60] [--transformers PYTHON]

Weights are random, so each window has a fixed number of tokens (110), which is what real ones come to. PYTHON is one
that has transformers, accelerate and soundfile; by default this one. With ``--device cpu`` a small model takes the
whole path, to see that it does. What is printed goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from whisper.model import ModelDimensions, Whisper

from benchmarks.gpu_limits import known, work
from benchmarks.gpu_systems import Stages, Task, errors, loaded, openai_whisper, ours
from polyvox.audio import SAMPLE_RATE_HZ, encode_flac
from polyvox.cli.demo import sample
from tests.support.audio_files import read_audio
from tests.support.checkpoints import write_transformers

TOKENS = 110
PART_S = 600
_LARGE = (128, 1500, 1280, 20, 32, 51866, 448, 1280, 20)
SIZES = {
    "large-v3": ModelDimensions(*_LARGE, 32),
    "large-v3-turbo": ModelDimensions(*_LARGE, 4),
    "small-test": ModelDimensions(80, 150, 64, 2, 2, 51865, 64, 64, 2, 2),
}
AIMS_S = {"large-v3": 1700, "large-v3-turbo": 4500}


def random_whisper(dims: ModelDimensions) -> Whisper:
    """Weights as large as those of a model that is about to be trained."""
    torch.manual_seed(0)
    model = Whisper(dims).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    return model


def recordings(minutes: float) -> list[bytes]:
    """Parts of at most ten minutes of people talking, as FLAC."""
    voices = read_audio(sample())[6 * SAMPLE_RATE_HZ :]
    size = int(minutes * 60 * SAMPLE_RATE_HZ)
    whole = np.resize(voices, size)
    part = PART_S * SAMPLE_RATE_HZ
    return [encode_flac(whole[at : at + part]) for at in range(0, size, part)]


def measured(size: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything about one size of model."""
    dims, device = SIZES[size], arguments.device
    tokens = min(TOKENS, dims.n_text_ctx // 2)
    flacs = recordings(arguments.minutes)
    task = Task(flacs, tokens, device, dims.n_audio_ctx)
    few = Task(flacs[:1], tokens, device, dims.n_audio_ctx)
    audio_s = 60 * arguments.minutes
    source = random_whisper(dims)
    found: dict[str, Any] = {"audio_s": audio_s, "speeds": {}}
    with tempfile.TemporaryDirectory() as place:
        folder = write_transformers(source, Path(place) / "model")
        model = loaded(source, device, None if device.startswith("cuda") else "float32", arguments.rows)
        source = source.to(device)
        found["errors"] = errors(source, model, device)
        ours(model, few, Stages(False, device))
        began_s = time.perf_counter()
        windows = ours(model, task, Stages(False, device))
        took_s = time.perf_counter() - began_s
        found["speeds"]["polyvox"] = audio_s / took_s
        found["rows"], found["window_s"] = model.rows, audio_s / windows
        stages = Stages(True, device)
        began_s = time.perf_counter()
        ours(model, task, stages)
        found["stages"] = {**stages.took_s, "in all": time.perf_counter() - began_s}
        del model
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        source = source.half() if device.startswith("cuda") else source
        slow = Task(recordings(min(arguments.minutes, arguments.slow_minutes)), tokens, device, dims.n_audio_ctx)
        began_s = time.perf_counter()
        openai_whisper(source, slow)
        found["speeds"]["openai-whisper"] = (
            60 * min(arguments.minutes, arguments.slow_minutes) / (time.perf_counter() - began_s)
        )
        del source
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        for name, word_times in (("transformers", True), ("transformers, no times", False)):
            speed = transformers_speed(arguments, folder, task, word_times, Path(place))
            if speed is not None:
                found["speeds"][name] = audio_s / speed
    device_known = known(torch.cuda.get_device_name(device)) if device.startswith("cuda") else None
    if device_known is not None:
        encoder_s, decoder_s = work(vars(dims), tokens=tokens).seconds(device_known, tokens=tokens, rows=found["rows"])
        found["limit"] = {
            "encoder_s": encoder_s,
            "decoder_s": decoder_s,
            "speed": found["window_s"] / (encoder_s + decoder_s),
        }
    return found


def transformers_speed(
    arguments: argparse.Namespace, folder: Path, task: Task, word_times: bool, place: Path
) -> float | None:
    """Seconds that transformers takes; None where there is none."""
    python = arguments.transformers or (sys.executable if importlib.util.find_spec("transformers") else None)
    if python is None:
        return None
    paths = []
    for index, flac in enumerate(task.flacs):
        path = place / f"{index}.flac"
        path.write_bytes(flac)
        paths.append(str(path))
    work_for = {
        "folder": str(folder),
        "flacs": paths,
        "tokens": task.tokens,
        "batch": arguments.batch,
        "device": task.device,
        "word_times": word_times,
    }
    program = Path(__file__).with_name("gpu_transformers.py")
    answer = subprocess.run(
        [python, str(program)], input=json.dumps(work_for), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        print(f"transformers failed:\n{answer.stderr[-2000:]}", file=sys.stderr)
        return None
    return float(json.loads(answer.stdout.splitlines()[-1])["took_s"])


def report(size: str, found: dict[str, Any], tokens: int) -> None:
    dims = vars(SIZES[size])
    needed = work(dims, tokens=tokens)
    print(f"\n## {size}: {found['audio_s'] / 60:.1f} min, {tokens} tokens a window, {found['rows']} windows at once\n")
    print("| from FLAC to times of words | seconds of audio a second | ours is so many times faster |\n|---|---|---|")
    for name, speed in found["speeds"].items():
        print(f"| {name} | {speed:,.1f} | {found['speeds']['polyvox'] / speed:.1f} |")
    if size in AIMS_S:
        print(f"| aim | {AIMS_S[size]:,} | |")
    if "transformers" not in found["speeds"]:
        print("\ntransformers was not measured: name a Python that has it with --transformers.")
    told = ", ".join(f"{name} {value:.2%}" for name, value in found["errors"].items())
    print(f"\nAgainst openai-whisper's own modules in float32 on the same weights: {told}.")
    print(
        f"\nA window needs {needed.encoder_flop / 1e12:.3f} TFLOP; each of its tokens reads "
        f"{needed.heard_bytes / 1e6:.1f} MB of the audio's keys and values, all rows together "
        f"{needed.weights_bytes / 1e6:.0f} MB of weights."
    )
    if "limit" in found:
        limit = found["limit"]
        print(
            f"The device alone would take {1000 * limit['encoder_s']:.2f} ms for a window's encoder and "
            f"{1000 * limit['decoder_s']:.2f} ms for its tokens: {limit['speed']:,.0f} s a second, of which "
            f"{found['speeds']['polyvox'] / limit['speed']:.0%} are reached."
        )
    print("\n| stage, waiting for the device at its end | s | % |\n|---|---|---|")
    whole_s = found["stages"].pop("in all")
    rest = {"everything else": whole_s - sum(found["stages"].values())}
    for name, took_s in {**found["stages"], **rest}.items():
        print(f"| {name} | {took_s:.2f} | {took_s / whole_s:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sizes", help=f"with commas between; of {', '.join(SIZES)}")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--slow-minutes", type=float, default=5.0, help="for openai-whisper")
    parser.add_argument("--rows", type=int, help="windows of ours at once; by default what suits the device")
    parser.add_argument("--batch", type=int, default=32, help="windows of transformers at once")
    parser.add_argument("--transformers", help="a Python that has transformers")
    arguments = parser.parse_args()
    on_gpu = arguments.device.startswith("cuda")
    if on_gpu and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here; try the whole path with --device cpu")
    arguments.minutes = arguments.minutes or (60.0 if on_gpu else 0.5)
    print(f"{torch.cuda.get_device_name(arguments.device) if on_gpu else 'CPU'}, torch {torch.__version__}", flush=True)
    for size in (arguments.sizes or ("large-v3,large-v3-turbo" if on_gpu else "small-test")).split(","):
        report(size, measured(size, arguments), min(TOKENS, SIZES[size].n_text_ctx // 2))


if __name__ == "__main__":
    main()
