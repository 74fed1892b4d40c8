"""The engine: recordings in, words out, windows of all of them in one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polyvox.errors import Invalid
from transcriber.engines.base import Load, TranscribeOptions, Transcription
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.vad import find_speech
from transcriber.engines.whisper.alignment import POSITIONS_PER_S, align, emphasised, first_positions
from transcriber.engines.whisper.batch import Batch, Job
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.model import WhisperModel
from transcriber.engines.whisper.recording import Left, Recording
from transcriber.engines.windowed import LANGUAGE_WINDOWS, check, ranked_languages, split_at_timestamps
from transcriber.windows import plan, spread
from transcriber.words import Aligned, Placed, place

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

    def detect_language(self, audio: NDArray[np.float32]) -> list[tuple[str, float]]:
        """See TranscriberEngine."""
        model = self._models.get(self._default_model)
        recording = _opened(audio, TranscribeOptions(model=self._default_model))
        _detect(model, recording)
        return recording.languages


def _transcribe(model: WhisperModel, items: Sequence[Item], loads: tuple[Load, ...]) -> list[Transcription | Invalid]:
    model.generator.manual_seed(0)
    recordings: list[Recording | Invalid] = []
    queue: deque[Job] = deque()
    for audio, options in items:
        try:
            check(model, options)
        except Invalid as error:
            recordings.append(error)
            continue
        recording = _opened(audio, options)
        recordings.append(recording)
        if options.language is None:
            _detect(model, recording)
        queue.extend(recording.jobs())

    def next_jobs(free: int) -> list[Job]:
        return [queue.popleft() for _ in range(min(free, len(queue)))]

    def done(job: Job, hypothesis: Hypothesis | None) -> None:
        left: Left = job.owner
        left.recording.count(job)
        words = [] if hypothesis is None else _words(model, job, hypothesis)
        suspect = None if hypothesis is None else hypothesis.suspect
        queue.extend(left.recording.take(left, words, suspect))

    Batch(model).run(next_jobs, done)
    results: list[Transcription | Invalid] = []
    for found in recordings:
        # The first that is transcribed is the one for which the model was loaded.
        results.append(found if isinstance(found, Invalid) else found.result(loads))
        loads = loads if isinstance(found, Invalid) else ()
    return results


def _opened(audio: NDArray[np.float32], options: TranscribeOptions) -> Recording:
    speech = find_speech(audio, speech_from=options.speech_from)
    return Recording(audio, options, speech, plan(speech, duration_s=audio.size / 16_000))


def _detect(model: WhisperModel, recording: Recording) -> None:
    """Find the recording's language from windows all over it, which stay encoded for their turn."""
    if not recording.windows:
        return
    if not model.multilingual:
        recording.heard_languages([("en", 1.0)])
        return
    heard = []
    for index in spread(recording.windows, LANGUAGE_WINDOWS):
        window = recording.windows[index]
        features = model.encode(window.cut(recording.audio))
        model.decoder.hear(0, features)
        recording.features[index] = features
        heard.append((window, model.language_probabilities(0)))
    recording.heard_languages(ranked_languages(heard))


def _words(model: WhisperModel, job: Job, hypothesis: Hypothesis) -> list[Placed]:
    window = job.owner.window
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
    return place(aligned, [len(group) for group in groups], window)
