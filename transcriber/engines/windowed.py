"""What every Whisper engine shares: speech into windows, windows through the model, words out.

Windows are decoded on their own, with timestamps and without the text of the window before.
A result that repeats itself or that the model does not believe is decoded again at a higher
temperature; speech that the words leave out is decoded again by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from polyvox.errors import Invalid
from transcriber.engines.base import Effort, EngineWord, TranscribeOptions, Transcription
from transcriber.engines.counting import CountedModel
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.vad import find_speech
from transcriber.speech import total_s
from transcriber.windows import Window, plan, spread, uncovered
from transcriber.words import Aligned, Placed, place

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MAX_COMPRESSION = 2.4
MIN_LOGPROB = -1.0
MAX_NO_SPEECH = 0.6
"""Whisper's own thresholds (openai-whisper, transcribe.py)."""

LANGUAGE_WINDOWS = 4
ROUNDS = 3
"""How often what is left uncovered is decoded again."""


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
    """What the model wrote for one window, timestamps included, without the end token."""

    tokens: list[int]
    text: str
    mean_logprob: float
    no_speech_probability: float

    @property
    def compression(self) -> float:
        raw = self.text.encode()
        return len(raw) / len(zlib.compress(raw)) if raw else 0.0


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
        speech = find_speech(audio, speech_from=options.speech_from)
        windows = plan(speech, duration_s=audio.size / 16_000)
        if not windows:
            return Transcription([], options.language, languages=[], speech=[], effort=Effort(loads=loads))
        model.seed(0)
        heard: dict[int, Any] = {}
        language, languages = options.language, list[tuple[str, float]]()
        if language is None:
            languages = _detect(model, audio, windows, heard)
            language = languages[0][0]
        if options.task == "detect":
            return Transcription([], language, languages, speech, effort=replace(model.effort, loads=loads))
        task = Task(language, options.task, options.prompt, options.temperature)
        placed: list[Placed] = []
        for index, window in enumerate(windows):
            encoded = heard.pop(index, None)
            placed += _window_words(model, audio, window, task, encoded, len(placed))
        return Transcription(numbered(placed), language, languages, speech, effort=replace(model.effort, loads=loads))

    def detect_language(self, audio: NDArray[np.float32]) -> list[tuple[str, float]]:
        """See TranscriberEngine.detect_language."""
        model = self._models.get(self._default_model)
        windows = plan(find_speech(audio), duration_s=audio.size / 16_000)
        return _detect(model, audio, windows, {}) if windows else []


def check(model: Languages, options: TranscribeOptions) -> None:
    if options.language is not None and options.language not in model.languages:
        known = ", ".join(sorted(model.languages))
        raise Invalid(
            f"the model {options.model!r} does not know the language {options.language!r}; it knows: {known}",
            code="unknown-language",
        )
    if options.task == "translate" and not model.multilingual:
        raise Invalid(
            f"the model {options.model!r} knows English only and cannot translate; choose one without .en",
            code="cannot-translate",
        )


def _detect(
    model: WindowModel, audio: NDArray[np.float32], windows: Sequence[Window], heard: dict[int, Any]
) -> list[tuple[str, float]]:
    """The five most probable languages over windows from all of the audio; fills ``heard``."""
    if not model.multilingual:
        return [("en", 1.0)]
    probabilities = []
    for index in spread(windows, LANGUAGE_WINDOWS):
        heard[index] = model.encode(windows[index].cut(audio))
        probabilities.append((windows[index], model.language_probabilities(heard[index])))
    return ranked_languages(probabilities)


def ranked_languages(heard: Sequence[tuple[Window, dict[str, float]]]) -> list[tuple[str, float]]:
    """The five most probable languages over windows, each counting as much as is spoken in it."""
    sums: dict[str, float] = {}
    weight_s = 0.0
    for window, probabilities in heard:
        spoken_s = total_s(window.speech)
        weight_s += spoken_s
        for language, probability in probabilities.items():
            sums[language] = sums.get(language, 0.0) + probability * spoken_s
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return [(language, min(total / weight_s, 1.0)) for language, total in ranked[:5]]


def _window_words(
    model: WindowModel, audio: NDArray[np.float32], window: Window, task: Task, heard: Any, segment: int
) -> list[Placed]:
    """Words of a window and of what a first look at it left out, in order."""
    words = _decode(model, audio, window, task, heard, segment)
    pending = uncovered(window, _times(words))
    for _ in range(ROUNDS):
        more: list[Placed] = []
        for left_out in pending:
            more += _decode(model, audio, left_out, task, None, segment + len(words) + len(more))
        if not more:
            break
        words = sorted(words + more, key=lambda word: word.start_s)
        # Only what got some words this time may have more to give.
        retried = [
            left_out for left_out in pending if any(left_out.start_s <= w.start_s < left_out.end_s for w in more)
        ]
        pending = [gap for left_out in retried for gap in uncovered(left_out, _within(more, left_out))]
    return words


def _decode(
    model: WindowModel, audio: NDArray[np.float32], window: Window, task: Task, heard: Any, segment: int
) -> list[Placed]:
    heard = model.encode(window.cut(audio)) if heard is None else heard
    hypothesis = _believable(model, heard, task)
    if hypothesis is None:
        return []
    groups = split_at_timestamps(hypothesis.tokens, model.first_special_token)
    text_tokens = [token for group in groups for token in group]
    if not text_tokens:
        return []
    aligned = model.align(heard, task, text_tokens, window.duration_s)
    placed = place(aligned, [len(group) for group in groups], window)
    return [Placed(w.text, w.start_s, w.end_s, w.probability, segment + w.segment) for w in placed]


def _believable(model: WindowModel, heard: Any, task: Task) -> Hypothesis | None:
    """The first hypothesis that neither loops nor doubts itself, else the best of them; None for no speech."""
    tried: list[Hypothesis] = []
    for temperature in temperatures(task.temperature):
        hypothesis = model.generate(heard, task, temperature)
        doubtful = hypothesis.mean_logprob < MIN_LOGPROB
        if doubtful and hypothesis.no_speech_probability > MAX_NO_SPEECH:
            return None
        if not doubtful and hypothesis.compression <= MAX_COMPRESSION:
            return hypothesis
        tried.append(hypothesis)
    unlooped = [hypothesis for hypothesis in tried if hypothesis.compression <= MAX_COMPRESSION]
    return max(unlooped or tried, key=lambda hypothesis: hypothesis.mean_logprob)


def temperatures(first: float) -> tuple[float, ...]:
    """What is tried in turn: ``first``, then Whisper's own steps above it."""
    return (first, *(step for step in TEMPERATURES if step > first))


def split_at_timestamps(tokens: Sequence[int], first_special_token: int) -> list[list[int]]:
    """Text tokens in groups, as timestamps (and other special tokens) part them."""
    groups: list[list[int]] = [[]]
    for token in tokens:
        if token < first_special_token:
            groups[-1].append(token)
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def _times(words: Sequence[Placed]) -> list[tuple[float, float]]:
    return [(word.start_s, word.end_s) for word in words]


def _within(words: Sequence[Placed], window: Window) -> list[tuple[float, float]]:
    return [(w.start_s, w.end_s) for w in words if window.start_s <= w.start_s < window.end_s]


def numbered(words: Sequence[Placed]) -> list[EngineWord]:
    """Words with segments counted from 0 without gaps, times to the millisecond."""
    numbers: dict[int, int] = {}
    numbered = []
    for word in words:
        segment = numbers.setdefault(word.segment, len(numbers))
        numbered.append(EngineWord(round(word.start_s, 3), round(word.end_s, 3), word.text, word.probability, segment))
    return numbered
