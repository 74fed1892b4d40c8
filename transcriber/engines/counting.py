"""Counts what an engine has its model do, for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.base import Effort
from transcriber.words import Aligned

if TYPE_CHECKING:
    from transcriber.engines.windowed import Hypothesis, Task, WindowModel

SAMPLE_RATE_HZ = 16_000


class CountedModel:
    """A WindowModel that does as another one does and counts."""

    def __init__(self, model: WindowModel) -> None:
        self._model = model
        self.languages = model.languages
        self.multilingual = model.multilingual
        self.first_special_token = model.first_special_token
        self._windows = self._decodes = self._tokens = 0
        self._window_s = 0.0

    @property
    def effort(self) -> Effort:
        """What was done so far."""
        return Effort(windows=self._windows, window_s=self._window_s, decodes=self._decodes, tokens=self._tokens)

    def encode(self, audio: NDArray[np.float32]) -> Any:
        """See WindowModel."""
        self._windows += 1
        self._window_s += audio.size / SAMPLE_RATE_HZ
        return self._model.encode(audio)

    def language_probabilities(self, heard: Any) -> dict[str, float]:
        """See WindowModel."""
        return self._model.language_probabilities(heard)

    def generate(self, heard: Any, task: Task, temperature: float) -> Hypothesis:
        """See WindowModel."""
        hypothesis = self._model.generate(heard, task, temperature)
        self._decodes += 1
        self._tokens += len(hypothesis.tokens)
        return hypothesis

    def align(self, heard: Any, task: Task, text_tokens: list[int], duration_s: float) -> list[Aligned]:
        """See WindowModel."""
        return self._model.align(heard, task, text_tokens, duration_s)

    def seed(self, seed: int) -> None:
        """See WindowModel."""
        self._model.seed(seed)
