"""The transcribers that benchmarks.gpu compares, each from FLAC to times of tokens, all on the same weights."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions, decode
from whisper.model import Whisper
from whisper.timing import find_alignment
from whisper.tokenizer import get_tokenizer

from polyvox.audio import SAMPLE_RATE_HZ, decode_flac
from transcriber.engines.vad import find_speech
from transcriber.engines.whisper import batch as batches
from transcriber.engines.whisper.alignment import emphasised, first_positions
from transcriber.engines.whisper.batch import Batch, Job
from transcriber.engines.whisper.caches import Tokens
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.linear import Precision
from transcriber.engines.whisper.model import WhisperModel

WINDOW_SAMPLES = int(29.5 * SAMPLE_RATE_HZ)
Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Task:
    """What every system is given. ``tokens``: how many each window has to have."""

    flacs: Sequence[bytes]
    tokens: int
    device: str
    positions: int
    threads: int = len(os.sched_getaffinity(0))


@dataclass(slots=True)
class Stages:
    """Seconds by stage. ``exact`` waits for the device at both ends of a stage, which slows the whole down."""

    exact: bool
    device: str
    took_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._wait()
        began_s = time.perf_counter()
        yield
        self._wait()
        self.took_s[name] += time.perf_counter() - began_s

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return run

    def _wait(self) -> None:
        if self.exact and self.device.startswith("cuda"):
            torch.cuda.synchronize()


def pieces(flac: bytes, positions: int) -> list[Audio]:
    """A part decoded, its speech found, and all of it in windows, as long as the model hears."""
    samples = decode_flac(flac)
    find_speech(samples)
    size = min(WINDOW_SAMPLES, positions * 320)
    return [samples[at : at + size] for at in range(0, samples.size, size)]


def loaded(source: Whisper, device: str, precision: Precision | None, rows: int | None) -> WhisperModel:
    """Ours, which never writes the end: random weights would, or would not, at any time."""
    model = WhisperModel(source, device=device, precision=precision, rows=rows)
    never = torch.cat([model.vocabulary.never, torch.tensor([model.vocabulary.end], device=device)])
    model.vocabulary = replace(model.vocabulary, never=never.sort().values)
    return model


def ours(model: WhisperModel, task: Task, stages: Stages) -> int:
    """Windows of all parts in one continuous batch; gives how many there were."""
    count = 0
    with (
        ThreadPoolExecutor(task.threads) as threads,
        mock.patch.multiple(
            # What random weights write is believed, since nothing better would come of doubting it.
            batches,
            next_temperature=lambda _tried, _first: None,
            LOOK_FOR_LOOPS_EVERY=1 << 30,
        ),
    ):
        parts = threads.map(lambda flac: pieces(flac, task.positions), task.flacs)
        windows = (window for part in parts for window in part)

        def next_jobs(free: int) -> list[Job]:
            with stages.stage("waiting for FLAC and voice activity"):
                some = [window for _, window in zip(range(free), windows, strict=False)]
            return [Job(window, "en", "transcribe", None, window.size) for window in some]

        def done(job: Job, hypothesis: Hypothesis) -> None:
            nonlocal count
            assert len(hypothesis.tokens) == task.tokens
            with stages.stage("alignment"):
                positions = max(min(job.owner // 320, hypothesis.heard.shape[-1]), 1)
                likely = emphasised(hypothesis.heard[..., :positions]).float().cpu().numpy()
                first_positions(np.ascontiguousarray(likely))
            count += 1

        batch = Batch(model)
        batch._limit = task.tokens - 1
        with (
            mock.patch.multiple(
                model,
                encode_many=stages.timed("mel and encoder", model.encode_many),
            ),
            mock.patch.multiple(
                model.decoder,
                hear=stages.timed("keys and values of the audio", model.decoder.hear),
                step=stages.timed("decoder steps", model.decoder.step),
            ),
            mock.patch.multiple(
                batches,
                restrict=stages.timed("rules and choice", batches.restrict),
                choose=stages.timed("rules and choice", batches.choose),
            ),
        ):
            batch.run(next_jobs, done)
    return count


def openai_whisper(model: Whisper, task: Task) -> int:
    """openai-whisper's own modules, one window after the other as its program does, with word times."""
    multilingual, count = bool(model.is_multilingual), 0
    tokenizer = get_tokenizer(multilingual, num_languages=model.num_languages, language="en", task="transcribe")
    half = task.device.startswith("cuda")
    options = DecodingOptions(language="en", sample_len=task.tokens, suppress_tokens=[-1, tokenizer.eot], fp16=half)
    for flac in task.flacs:
        for window in pieces(flac, task.positions):
            mel = log_mel_spectrogram(torch.from_numpy(window).to(task.device), model.dims.n_mels)
            mel = pad_or_trim(mel, 2 * task.positions).to(torch.float16 if half else torch.float32)
            result = decode(model, mel, options)
            text = [token for token in result.tokens if token < tokenizer.eot]
            find_alignment(model, tokenizer, text, mel, mel.shape[-1])
            count += 1
    return count


@torch.inference_mode()
def errors(source: Whisper, model: WhisperModel, device: str) -> dict[str, float]:
    """How far our features and logits are from openai-whisper's own modules, relative, on the same weights."""
    exact = source.float()
    generator = torch.Generator().manual_seed(1)
    mel = torch.randn(1, exact.dims.n_mels, 2 * exact.dims.n_audio_ctx, generator=generator).to(device)
    features = exact.encoder(mel)
    found = model.encoder(mel.to(model.decoder.dtype)).float()
    tokenizer = model.tokenizer("en", "transcribe")
    written = torch.randint(0, tokenizer.eot, (24,), generator=generator).tolist()
    ids = np.array([*tokenizer.sot_sequence, *written])
    logits = exact.decoder(torch.tensor(ids, device=device)[None], features)[0]
    model.decoder.hear(0, features[0].to(model.decoder.dtype))
    zeros, at = np.zeros(len(ids), np.int64), np.arange(len(ids))
    ours = model.decoder.step(Tokens(ids, zeros, zeros, at, zeros - 1), at)
    alike = (ours.argmax(-1).cpu() == logits.argmax(-1).cpu()).float().mean()
    return {
        "features": float((found - features).norm() / features.norm()),
        "logits": float((ours.to(device) - logits).norm() / logits.norm()),
        "same likeliest token": float(alike),
    }
