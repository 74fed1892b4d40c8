"""What every Whisper engine shares: speech into windows, windows through the model, words out.

Windows are decoded on their own, with timestamps and without the text of the window before.
A result that repeats itself or that the model does not believe is decoded again at a higher
temperature; speech that the words leave out is decoded again by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from polyvox.errors import Invalid
from transcriber.engines.base import Load, TranscribeOptions, Transcription
from transcriber.engines.belief import best, next_temperature
from transcriber.engines.counting import CountedModel
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.recording import Left, Recording
from transcriber.engines.vad import find_speech
from transcriber.windows import Window, plan
from transcriber.words import Aligned, Placed, place

WARMING_SAMPLES = 16_000


@dataclass(frozen=True, slots=True)
class Task:
    """What to write. ``language`` is known by now."""

    language: str
    task: str
    prompt: str | None
    temperature: float = 0.0
    """The first that is tried."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the model wrote for one window, timestamps included, without the end token. See Written."""

    tokens: list[int]
    text: str
    mean_logprob: float
    no_speech_probability: float
    looping: bool = False


class Languages(Protocol):
    """What a model knows."""

    languages: frozenset[str]
    multilingual: bool


class WindowModel(Protocol):
    """One loaded model. ``heard`` is what ``encode`` returned, opaque to callers."""

    languages: frozenset[str]
    multilingual: bool
    first_special_token: int
    """Tokens below are text."""

    def encode(self, audio: NDArray[np.float32]) -> Any:
        """Take in at most 30 s of mono 16 kHz audio."""

    def language_probabilities(self, heard: Any) -> dict[str, float]: ...

    def generate(self, heard: Any, task: Task, temperature: float) -> Hypothesis: ...

    def align(self, heard: Any, task: Task, text_tokens: list[int], duration_s: float) -> list[Aligned]: ...

    def seed(self, seed: int) -> None:
        """Make sampling repeatable: the same part gives the same words when it is done again."""


class WindowedEngine:
    """A TranscriberEngine on any WindowModel. Not thread-safe."""

    def __init__(self, name: str, models: ModelCache[WindowModel], *, default_model: str = "base") -> None:
        self.name = name
        self._models = models
        self._default_model = default_model

    def transcribe(self, audio: NDArray[np.float32], options: TranscribeOptions) -> Transcription:
        """See TranscriberEngine.transcribe."""
        model = CountedModel(self._models.get(options.model))
        loads = self._models.take_loads()
        check(model, options)
        recording = opened(audio, options)
        model.seed(0)
        heard = _detect(model, recording)
        queue = deque(recording.jobs())
        while queue:
            left = queue.popleft()
            encoded = heard.pop(left.index, None) if left.index is not None else None
            queue.extend(_decode(model, left, encoded))
        return recording.result(model.effort, loads)

    def warm(self, model: str) -> tuple[Load, ...]:
        """See TranscriberEngine.warm."""
        loaded = self._models.get(model)
        heard = loaded.encode(np.zeros(WARMING_SAMPLES, np.float32))
        if loaded.multilingual:
            loaded.language_probabilities(heard)
        return self._models.take_loads()

    def detect_language(self, audio: NDArray[np.float32]) -> list[tuple[str, float]]:
        """See TranscriberEngine.detect_language."""
        recording = opened(audio, TranscribeOptions(model=self._default_model, task="detect"))
        _detect(self._models.get(self._default_model), recording)
        return recording.languages()


def opened(audio: NDArray[np.float32], options: TranscribeOptions) -> Recording:
    """A recording with its speech found and its windows planned."""
    speech = find_speech(audio, speech_from=options.speech_from)
    return Recording(audio, options, speech, plan(speech, duration_s=audio.size / 16_000))


def check(model: Languages, options: TranscribeOptions) -> None:
    """Raises Invalid: the model does not know what is asked for."""
    for language in filter(None, (options.language, *options.languages)):
        if language not in model.languages:
            known = ", ".join(sorted(model.languages))
            raise Invalid(
                f"the model {options.model!r} does not know the language {language!r}; it knows: {known}",
                code="unknown-language",
            )
    if options.task == "translate" and not model.multilingual:
        raise Invalid(
            f"the model {options.model!r} knows English only and cannot translate; choose one without .en",
            code="cannot-translate",
        )


def _detect(model: WindowModel, recording: Recording) -> dict[int, Any]:
    """Let the recording know its languages from windows all over it; gives what was encoded for that, by window."""
    heard: dict[int, Any] = {}
    for index in recording.to_detect(multilingual=model.multilingual):
        heard[index] = model.encode(recording.windows[index].cut(recording.audio))
        recording.heard_languages(index, model.language_probabilities(heard[index]))
    return heard


def _decode(model: WindowModel, left: Left, heard: Any) -> list[Left]:
    """Write a window down; gives what is left of it."""
    recording, options = left.recording, left.recording.options
    heard = model.encode(left.audio()) if heard is None else heard
    if recording.is_open(left):
        language = recording.settle(left, model.language_probabilities(heard))
    else:
        language = recording.language_of(left)
    task = Task(language, options.task, options.prompt, options.temperature)
    hypothesis = _believable(model, heard, task)
    return recording.take(left, language, _words(model, left.window, task, heard, hypothesis), hypothesis)


def _believable(model: WindowModel, heard: Any, task: Task) -> Hypothesis:
    """The first hypothesis that neither loops nor doubts itself, else the best of them."""
    tried: list[Hypothesis] = []
    temperature: float | None = task.temperature
    while temperature is not None:
        tried.append(model.generate(heard, task, temperature))
        temperature = next_temperature(tried, task.temperature)
    return best(tried)


def _words(model: WindowModel, window: Window, task: Task, heard: Any, hypothesis: Hypothesis) -> list[Placed]:
    groups = split_at_timestamps(hypothesis.tokens, model.first_special_token)
    text_tokens = [token for group in groups for token in group]
    if not text_tokens:
        return []
    aligned = model.align(heard, task, text_tokens, window.duration_s)
    return place(aligned, [len(group) for group in groups], window)


def split_at_timestamps(tokens: Sequence[int], first_special_token: int) -> list[list[int]]:
    """Text tokens in groups, as timestamps (and other special tokens) part them."""
    groups: list[list[int]] = [[]]
    for token in tokens:
        if token < first_special_token:
            groups[-1].append(token)
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]
