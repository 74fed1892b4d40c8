"""The engine: recordings in, words out, windows of all of them in one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from polyvox.errors import Invalid
from transcriber.engines.base import Effort, Load, TranscribeOptions, Transcription
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.recording import Left, Recording
from transcriber.engines.whisper.alignment import POSITIONS_PER_S, align, emphasised, first_positions
from transcriber.engines.whisper.batch import Batch, Job
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.model import WhisperModel
from transcriber.engines.windowed import WARMING_SAMPLES, check, opened, split_at_timestamps
from transcriber.windows import plan
from transcriber.words import Aligned, Placed, place, sentences

Item = tuple[NDArray[np.float32], TranscribeOptions]


class WhisperEngine:
    """A TranscriberEngine that also takes many recordings at once. Not thread-safe."""

    name = "whisper"

    def __init__(self, models: ModelCache[WhisperModel], *, default_model: str = "base") -> None:
        self._models = models
        self._default_model = default_model

    def transcribe(self, audio: NDArray[np.float32], options: TranscribeOptions) -> Transcription:
        """See TranscriberEngine."""
        result = self.transcribe_many([(audio, options)])[0]
        if isinstance(result, Invalid):
            raise result
        return result

    def transcribe_many(self, items: Sequence[Item]) -> list[Transcription | Invalid]:
        """As ``transcribe`` for each; what is wrong with one stands in its place."""
        results: dict[int, Transcription | Invalid] = {}
        for name in dict.fromkeys(options.model for _, options in items):
            chosen = [index for index, (_, options) in enumerate(items) if options.model == name]
            try:
                model = self._models.get(name)
            except Invalid as error:
                results.update(dict.fromkeys(chosen, error))
                continue
            loads = self._models.take_loads()
            found = _transcribe(model, [items[index] for index in chosen], loads)
            results.update(zip(chosen, found, strict=True))
        return [results[index] for index in range(len(items))]

    def warm(self, model: str) -> tuple[Load, ...]:
        """See TranscriberEngine."""
        # Silence as if it were speech: what it is taken for does not matter, but all kernels are compiled or fetched.
        span = (0.0, WARMING_SAMPLES / 16_000)
        options = TranscribeOptions(model=model, language="en")
        silence = Recording(np.zeros(WARMING_SAMPLES, np.float32), options, [span], plan([span], duration_s=span[1]))
        _write(self._models.get(model), [_Work(silence, {})])
        return self._models.take_loads()

    def detect_language(self, audio: NDArray[np.float32]) -> list[tuple[str, float]]:
        """See TranscriberEngine."""
        model = self._models.get(self._default_model)
        recording = opened(audio, TranscribeOptions(model=self._default_model, task="detect"))
        _detect(model, recording)
        return recording.languages()


@dataclass(slots=True)
class _Work:
    """A recording among those that are transcribed together: what is encoded of it already, and what it cost."""

    recording: Recording
    features: dict[int, Tensor]
    effort: Effort = field(default_factory=Effort)

    def job(self, left: Left) -> Job:
        options = left.recording.options
        return Job(
            left.audio(),
            left.recording.language_of(left),
            options.task,
            options.prompt,
            (self, left),
            None if left.index is None else self.features.pop(left.index, None),
            partial(left.recording.settle, left) if left.recording.is_open(left) else None,
            options.temperature,
            timestamps=left.round_ > 0,
        )

    def count(self, job: Job, left: Left) -> None:
        effort = self.effort
        self.effort = replace(
            effort,
            windows=effort.windows + 1,
            window_s=effort.window_s + left.window.duration_s,
            decodes=effort.decodes + len(job.tried),
            tokens=effort.tokens + sum(len(hypothesis.tokens) for hypothesis in job.tried),
        )


def _transcribe(model: WhisperModel, items: Sequence[Item], loads: tuple[Load, ...]) -> list[Transcription | Invalid]:
    works: list[_Work | Invalid] = []
    for audio, options in items:
        try:
            check(model, options)
        except Invalid as error:
            works.append(error)
            continue
        recording = opened(audio, options)
        works.append(_Work(recording, _detect(model, recording)))
    _write(model, [work for work in works if isinstance(work, _Work)])
    results: list[Transcription | Invalid] = []
    for found in works:
        # The first that is transcribed is the one for which the model was loaded.
        results.append(found if isinstance(found, Invalid) else found.recording.result(found.effort, loads))
        loads = loads if isinstance(found, Invalid) else ()
    return results


def _write(model: WhisperModel, works: Sequence[_Work]) -> None:
    """Write down all windows of all recordings, in one batch."""
    queue = deque(work.job(left) for work in works for left in work.recording.jobs())

    def next_jobs(free: int) -> list[Job]:
        return [queue.popleft() for _ in range(min(free, len(queue)))]

    def done(job: Job, hypothesis: Hypothesis) -> None:
        owner: tuple[_Work, Left] = job.owner
        work, left = owner
        work.count(job, left)
        words = _words(model, job, left, hypothesis)
        queue.extend(map(work.job, left.recording.take(left, job.language, words, hypothesis)))

    Batch(model).run(next_jobs, done)


def _detect(model: WhisperModel, recording: Recording) -> dict[int, Tensor]:
    """Let the recording know its languages from windows all over it; gives their features, by window."""
    features = {}
    for index in recording.to_detect(multilingual=model.multilingual):
        features[index] = model.encode(recording.windows[index].cut(recording.audio))
        model.decoder.hear(0, features[index])
        recording.heard_languages(index, model.language_probabilities(0))
    return features


def _words(model: WhisperModel, job: Job, left: Left, hypothesis: Hypothesis) -> list[Placed]:
    window = left.window
    groups = split_at_timestamps(hypothesis.tokens, model.vocabulary.end)
    if not groups:
        return []
    positions = max(min(int(window.duration_s * POSITIONS_PER_S), hypothesis.heard.shape[-1]), 1)
    likely = emphasised(hypothesis.heard[..., :positions]).float().cpu().numpy()
    begins = first_positions(np.ascontiguousarray(likely)).tolist()
    tokenizer = model.tokenizer(job.language, job.task)
    aligned: list[Aligned] = align(
        hypothesis,
        begins,
        positions=positions,
        first_special=model.vocabulary.end,
        split=tokenizer.split_to_word_tokens,
    )
    # An answer without timestamps has the segments that its sentences are.
    return place(aligned, sentences(aligned) if len(groups) == 1 else [len(group) for group in groups], window)
