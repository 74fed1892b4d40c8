"""What a diarizer engine is: an array in, turns out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DiarizeOptions:
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    channels: str | None = None
    """``split`` or ``auto``: each channel of a call is a speaker; see polyvox.contracts.Options."""


@dataclass(frozen=True, slots=True)
class EngineTurn:
    start_s: float
    end_s: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Diarized:
    """Speakers are named S1, S2, … in the order in which they first speak."""

    turns: list[EngineTurn]
    """May overlap; sorted by start."""
    exclusive_turns: list[EngineTurn]
    """One speaker at a time."""
    embeddings: dict[str, NDArray[np.float32]]
    """One vector per speaker, length 1 (L2)."""
    channels: dict[str, int] = field(default_factory=dict)
    """Which channel each speaker is, where that is how they were told apart."""


@dataclass(frozen=True, slots=True)
class Run:
    """One recording through one engine. ``load_s`` is told with the first one: how long its models took to load."""

    diarized: Diarized
    duration_s: float
    engine: str
    model: str
    device: str = "cpu"
    busy_s: float = 0.0
    load_s: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was heard in a stretch of a recording, packed; see heard.py."""

    packed: bytes
    end_s: float
    is_last: bool
    busy_s: float


class DiarizerEngine(Protocol):
    """Loaded weights that find out who speaks when. Not thread-safe."""

    name: str
    model: str

    def diarize(
        self,
        audio: NDArray[np.float32],
        options: DiarizeOptions,
        progress: Callable[[float], None] | None = None,
    ) -> Diarized:
        """Diarize mono float32 samples, shape (n,), 16 kHz. ``progress`` gets 0 to 1."""


MOST_SHARED = 0.5
"""Of the time with sound, that two ends of a call may share."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``shared``: share of the time with sound in which both channels have one and the same; 0 to 1."""

    shared: float

    @property
    def is_call(self) -> bool:
        return self.shared <= MOST_SHARED
