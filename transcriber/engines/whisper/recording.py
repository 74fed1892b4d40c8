"""A recording on its way through the batch: which windows are left, which words there are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.base import Effort, EngineWord, Load, Suspect, TranscribeOptions, Transcription
from transcriber.engines.whisper.batch import Job
from transcriber.engines.whisper.hypothesis import Reason
from transcriber.engines.windowed import ROUNDS, numbered
from transcriber.speech import Region, total_s
from transcriber.windows import Window, uncovered
from transcriber.words import Placed

OTHER_LANGUAGE_FROM = 0.8
OTHER_LANGUAGE_FROM_S = 4.0
"""A window is taken to be in another language than its recording when it says so this clearly and is this long."""


@dataclass(frozen=True, slots=True)
class Left:
    """Speech still to be written down; ``round_`` counts how often its surroundings were."""

    recording: Recording
    window: Window
    round_: int


class Recording:
    """Holds what is known of one recording. ``languages`` and ``features`` (by window) are filled in by the engine."""

    def __init__(
        self,
        audio: NDArray[np.float32],
        options: TranscribeOptions,
        speech: list[Region],
        windows: list[Window],
    ) -> None:
        self.audio = audio
        self.windows = windows
        self.languages: list[tuple[str, float]] = []
        self.features: dict[int, Any] = {}
        self._options = options
        self._speech = speech
        self._language = options.language
        self._words: list[Placed] = []
        self._suspects: list[Suspect] = []
        self._segments = 0
        self._effort = Effort()

    def heard_languages(self, languages: list[tuple[str, float]]) -> None:
        """The likeliest languages, the best first."""
        self.languages = languages
        self._language = languages[0][0]

    def jobs(self) -> list[Job]:
        """The windows as planned."""
        if self._options.task == "detect":
            return []
        return [self._job(Left(self, window, 0), self.features.pop(n, None)) for n, window in enumerate(self.windows)]

    def count(self, job: Job) -> None:
        """What a job that is done cost."""
        effort = self._effort
        self._effort = replace(
            effort,
            windows=effort.windows + 1,
            window_s=effort.window_s + job.owner.window.duration_s,
            decodes=effort.decodes + len(job.tried),
            tokens=effort.tokens + sum(len(hypothesis.tokens) for hypothesis in job.tried),
        )

    def take(self, left: Left, words: Sequence[Placed], suspect: Reason | None) -> list[Job]:
        """Keep the words of a window; gives what is to be listened to again: speech that they leave out."""
        if suspect is not None and words:
            text = "".join(word.text for word in words).strip()
            self._suspects.append(Suspect(words[0].start_s, words[-1].end_s, text, suspect))
        self._words += [replace(word, segment=self._segments + word.segment) for word in words]
        self._segments += 1 + max((word.segment for word in words), default=0)
        if left.round_ == ROUNDS or not words:
            return []
        gaps = uncovered(left.window, [(word.start_s, word.end_s) for word in words])
        return [self._job(Left(self, gap, left.round_ + 1), None) for gap in gaps]

    def result(self, loads: tuple[Load, ...] = ()) -> Transcription:
        """What there is when no job is left. ``loads``: models that were loaded for it."""
        words: list[EngineWord] = numbered(sorted(self._words, key=lambda word: word.start_s))
        return Transcription(
            words=words,
            language=self._language,
            languages=self.languages,
            speech=self._speech,
            suspects=sorted(self._suspects, key=lambda suspect: suspect.start_s),
            effort=replace(self._effort, loads=loads),
        )

    def _job(self, left: Left, features: Any) -> Job:
        assert self._language is not None
        open_ = self._options.language is None and total_s(left.window.speech) >= OTHER_LANGUAGE_FROM_S
        return Job(
            left.window.cut(self.audio),
            self._language,
            self._options.task,
            self._options.prompt,
            left,
            features,
            self._settle if open_ and len(self.windows) > 1 else None,
            self._options.temperature,
        )

    def _settle(self, probabilities: dict[str, float]) -> str:
        assert self._language is not None
        language = max(probabilities, key=probabilities.__getitem__)
        return language if probabilities[language] >= OTHER_LANGUAGE_FROM else self._language
