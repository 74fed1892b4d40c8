"""The built-in engine: segmentation-3.0 and CAM++, listened to in stretches, told apart at the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.base import Diarized, DiarizeOptions
from diarizer.engines.heard import Heard, joined
from diarizer.engines.listening import READ, STRETCH, Listener
from diarizer.engines.telling import tell

LISTENING_SHARE = 0.98
"""Of the whole work."""


class BuiltinEngine:
    """Loaded weights; `diarizer.engines.loading` makes one."""

    name = "pyannote"

    def __init__(self, listener: Listener, model: str) -> None:
        self._listener = listener
        self.model = model

    def hear(
        self, samples: NDArray[np.float32], stretch: int, progress: Callable[[float], None] | None = None
    ) -> Heard:
        """As ``Listener.hear``."""
        return self._listener.hear(samples, stretch, progress or (lambda _: None))

    def tell(self, heard: list[Heard], options: DiarizeOptions) -> Diarized:
        """Who speaks when, from all stretches of a recording in order."""
        return tell(joined(heard), options)

    def diarize(
        self,
        audio: NDArray[np.float32],
        options: DiarizeOptions,
        progress: Callable[[float], None] | None = None,
    ) -> Diarized:
        """Diarize mono float32 samples, shape (n,), 16 kHz, all in memory. ``progress`` gets 0 to 1.

        The number of speakers is met when there are at least as many voices in windows of speech to
        tell apart. Without speech there are no turns.
        """
        report = progress or (lambda _: None)
        length = max(1, len(audio))
        heard: list[Heard] = []
        while not heard or not heard[-1].is_last:
            begun = len(heard) * STRETCH
            some = audio[begun : begun + READ]

            def within(share: float, begun: int = begun, count: int = len(some)) -> None:
                report(LISTENING_SHARE * min(1.0, (begun + share * count) / length))

            heard.append(self.hear(some, len(heard), within))
        diarized = self.tell(heard, options)
        report(1.0)
        return diarized
