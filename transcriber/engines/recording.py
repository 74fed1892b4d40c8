"""A recording on its way through an engine: which windows are left, which words there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transcriber import trust
from transcriber.engines.base import Effort, Load, TranscribeOptions, Transcription
from transcriber.engines.belief import Written, repeats
from transcriber.engines.languages import Guesses
from transcriber.engines.taken import Taken, numbered, suspects, without_replaced
from transcriber.speech import Region
from transcriber.windows import Window, spread, uncovered
from transcriber.words import Placed

ROUNDS = 3
"""How often what is left uncovered is decoded again."""

LANGUAGE_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Left:
    """Speech still to be written down, in ``language`` unless what is heard tells of another.

    ``round_`` counts how often its surroundings were; ``looped`` are the phrases that repeated themselves in them.
    """

    recording: Recording
    window: Window
    round_: int
    index: int | None = None
    """Which of the recording's windows it is; None for what was left out of one."""
    looped: frozenset[tuple[str, ...]] = frozenset()
    spoken: str | None = None
    """The language of its surroundings."""

    def audio(self) -> NDArray[np.float32]:
        """Samples of the window, shape (n,), 16 kHz."""
        return self.window.cut(self.recording.audio)


class Recording:
    """Holds what is known of one recording."""

    def __init__(
        self,
        audio: NDArray[np.float32],
        options: TranscribeOptions,
        speech: list[Region],
        windows: list[Window],
    ) -> None:
        self.audio = audio
        self.windows = windows
        self.options = options
        self._speech = speech
        self._guesses = Guesses(options.languages)
        self._language = options.language
        self._taken: list[Taken] = []
        self._segments = 0
        self._multilingual = True

    def to_detect(self, *, multilingual: bool) -> list[int]:
        """Windows, by index, whose languages are to be told to ``heard_languages`` first: some from all over."""
        if self.options.language is not None:
            return []
        self._multilingual = multilingual
        if not multilingual:
            for index in range(len(self.windows)):
                self.heard_languages(index, {"en": 1.0})
            return []
        return spread(self.windows, LANGUAGE_WINDOWS)

    def heard_languages(self, index: int, probabilities: Mapping[str, float]) -> None:
        """How likely each language is for one of the windows."""
        self._guesses.note(self.windows[index], probabilities)

    def jobs(self) -> list[Left]:
        """The windows as planned."""
        self._language = self.options.language or self._guesses.likeliest()
        if self.options.task == "detect":
            return []
        return [Left(self, window, 0, index) for index, window in enumerate(self.windows)]

    def is_open(self, left: Left) -> bool:
        """Whether the window may be in another language than its recording: ``settle`` is to be asked then."""
        asked = self.options.language is None and self._multilingual
        return asked and len(self.windows) > 1 and self._guesses.is_enough(left.window)

    def settle(self, left: Left, probabilities: Mapping[str, float]) -> str:
        """The language of a window in which each is so likely."""
        self._guesses.note(left.window, probabilities)
        return self._guesses.settle(probabilities) or self.language_of(left)

    def language_of(self, left: Left) -> str:
        """The language of a window that does not tell it."""
        language = left.spoken or self._language
        assert language is not None
        return language

    def take(self, left: Left, language: str, words: Sequence[Placed], written: Written) -> list[Left]:
        """Keep the words of a window; gives what is to be listened to again: speech that trusted words leave out."""
        evidence = trust.Evidence(
            written.mean_logprob, written.no_speech_probability, repeats(written), left.window.speech
        )
        reasons = trust.judge(words, evidence, left.looped)
        own = [replace(word, segment=self._segments + word.segment) for word in words]
        self._segments += 1 + max((word.segment for word in words), default=0)
        self._taken.append(Taken(own, reasons, evidence, language))
        trusted = [(word.start_s, word.end_s) for word, why in zip(words, reasons, strict=True) if why is None]
        if left.round_ == ROUNDS or not trusted:
            return []
        looped = left.looped
        if "loop" in reasons:
            looped |= {run.phrase for run in trust.runs([trust.normal(word.text) for word in words])}
        gaps = uncovered(left.window, trusted)
        return [Left(self, gap, left.round_ + 1, None, looped, language) for gap in gaps]

    def languages(self) -> list[tuple[str, float]]:
        """The five most probable ones."""
        return self._guesses.ranked()

    def result(self, effort: Effort, loads: tuple[Load, ...] = ()) -> Transcription:
        """What there is when nothing is left. ``loads``: models that were loaded for it."""
        taken = without_replaced(self._taken)
        language = _most_spoken(taken) or self._language
        words, numbers = numbered(taken, language)
        return Transcription(
            words=words,
            language=language,
            languages=self.languages(),
            speech=self._speech,
            suspects=suspects(taken, numbers, language),
            effort=replace(effort, loads=loads),
        )


def _most_spoken(taken: Sequence[Taken]) -> str | None:
    """The language of most words by time, as far as they are trusted."""
    spoken_s: dict[str, float] = {}
    for one in taken:
        for word in one.trusted():
            spoken_s[one.language] = spoken_s.get(one.language, 0.0) + max(word.end_s - word.start_s, 0.001)
    return min(spoken_s, key=lambda language: (-spoken_s[language], language), default=None)
