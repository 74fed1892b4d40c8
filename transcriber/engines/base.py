"""What a transcriber engine is: arrays in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from polyvox.contracts.reasons import Reason
from polyvox.errors import Invalid
from transcriber.speech import ON


@dataclass(frozen=True, slots=True)
class TranscribeOptions:
    """``language`` None: detect, among ``languages`` if there are any. ``prompt`` biases spelling and vocabulary.
    ``detect`` writes no words.

    ``temperature``, 0 to 1, is the least that decoding samples at. ``speech_from`` is the probability from
    which a sound is taken for speech. ``stretches``, seconds of the array: these alone; () is all of it.
    """

    language: str | None = None
    task: Literal["transcribe", "translate", "detect"] = "transcribe"
    model: str = "base"
    prompt: str | None = None
    temperature: float = 0.0
    speech_from: float = ON
    stretches: tuple[tuple[float, float], ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineWord:
    """Seconds from the start of the array; ``text`` with Whisper's leading space."""

    start_s: float
    end_s: float
    text: str
    probability: float
    segment: int
    language: str | None = None
    """What it was taken to be spoken in; None where that is the recording's."""


@dataclass(frozen=True, slots=True)
class Load:
    """One model that was loaded on the way, and how long that took."""

    model: str
    took_s: float


@dataclass(frozen=True, slots=True)
class Effort:
    """What a part cost its engine; it travels to the parent with the words.

    ``window_s`` is audio in ``windows``, of which each has 30 s to fill; ``decodes`` are
    hypotheses, ``tokens`` theirs. ``busy_s`` leaves loading out. ``sent_s`` is audio that left the machine.
    """

    device: str = "cpu"
    busy_s: float = 0.0
    windows: int = 0
    window_s: float = 0.0
    decodes: int = 0
    tokens: int = 0
    loads: tuple[Load, ...] = ()
    sent_s: float = 0.0


NO_EFFORT = Effort()


@dataclass(frozen=True, slots=True)
class Suspect:
    """Words that look made up, and why (polyvox.contracts.reasons). They are not among a transcription's words."""

    start_s: float
    end_s: float
    text: str
    reason: Reason
    words: list[EngineWord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Transcription:
    words: list[EngineWord]
    language: str | None
    languages: list[tuple[str, float]]
    """Up to five (language, probability), most probable first."""
    speech: list[tuple[float, float]]
    """(start, end) in seconds of what the voice activity detector heard."""
    suspects: list[Suspect] = field(default_factory=list)
    """What was left out of the words, since it is not to be trusted."""
    estimated: bool = False
    """Times of words were worked out from the length of the text, not measured."""
    effort: Effort = field(default=NO_EFFORT, compare=False)


class TranscriberEngine(Protocol):
    """Loaded weights that turn audio into words. Not thread-safe."""

    name: str

    def transcribe(self, audio: NDArray[np.float32], options: TranscribeOptions) -> Transcription:
        """Transcribe mono float32 samples, shape (n,), 16 kHz, within [-1, 1].

        Raises:
            Invalid: the options name a language or model this engine does not have.
        """

    def warm(self, model: str) -> tuple[Load, ...]:
        """Load a model and let it listen to silence, so that the first recording does not wait; gives the loads."""

    def detect_language(self, audio: NDArray[np.float32]) -> list[tuple[str, float]]:
        """The five most probable languages with their probabilities; [] when nobody speaks."""


@runtime_checkable
class BatchedEngine(TranscriberEngine, Protocol):
    """An engine whose model works on many recordings at once."""

    def transcribe_many(
        self, items: Sequence[tuple[NDArray[np.float32], TranscribeOptions]]
    ) -> list[Transcription | Invalid]:
        """As ``transcribe`` for each (audio, options); what is wrong with one stands in its place."""
