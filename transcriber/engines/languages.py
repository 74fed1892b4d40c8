"""Which language is spoken, in a recording and in each window of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from transcriber.speech import total_s
from transcriber.windows import Window

TOP = 5
OTHER_FROM = 0.8
OTHER_FROM_S = 4.0
"""A window is taken to be in another language than its recording when it says so this clearly and so much is spoken."""


class Guesses:
    """What the windows of a recording tell, each counting as much as is spoken in it.

    Args:
        allowed: the only languages that are considered; none for all.
    """

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self._allowed = allowed
        self._heard: dict[Window, dict[str, float]] = {}

    def note(self, window: Window, probabilities: Mapping[str, float]) -> None:
        self._heard[window] = self.limited(probabilities)

    def limited(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """Probabilities among the languages that are considered, together 1 if they are not all zero."""
        if not self._allowed:
            return dict(probabilities)
        kept = {language: probabilities.get(language, 0.0) for language in self._allowed}
        whole = sum(kept.values())
        return {language: share / whole for language, share in kept.items()} if whole else kept

    def is_enough(self, window: Window) -> bool:
        """Whether so much is spoken in a window that it may differ from its recording."""
        return total_s(window.speech) >= OTHER_FROM_S

    def settle(self, probabilities: Mapping[str, float]) -> str | None:
        """The language of a window with enough speech, where it is clear."""
        limited = self.limited(probabilities)
        language = max(limited, key=limited.__getitem__)
        return language if limited[language] >= OTHER_FROM else None

    def ranked(self) -> list[tuple[str, float]]:
        """The five most probable languages over all windows."""
        sums: dict[str, float] = {}
        weight_s = 0.0
        for window, probabilities in self._heard.items():
            spoken_s = total_s(window.speech)
            weight_s += spoken_s
            for language, probability in probabilities.items():
                sums[language] = sums.get(language, 0.0) + probability * spoken_s
        ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
        return [(language, min(total / weight_s, 1.0)) for language, total in ranked[:TOP]]

    def likeliest(self) -> str | None:
        ranked = self.ranked()
        return ranked[0][0] if ranked else None
