"""What was written for one window. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """See Written. ``tokens`` with timestamps, without the end token; ``logprobs``: (tokens + 1,), the end's last.

    ``heard``: what alignment needs, opaque here. ``looping``: given up because it repeated itself.
    """

    tokens: list[int]
    logprobs: NDArray[np.float32]
    text: str
    no_speech_probability: float
    temperature: float
    looping: bool
    heard: Any = field(default=None, compare=False)

    @property
    def mean_logprob(self) -> float:
        return float(self.logprobs.sum()) / (len(self.tokens) + 1)
