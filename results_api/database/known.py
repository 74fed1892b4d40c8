"""Recordings as they were read last, within a limit: to read one is to parse all that is known of it."""

from __future__ import annotations

from collections import OrderedDict

from results_api.database.recording import Recording

CHARS_MAX = 8_000_000
"""Of their views as they are stored; in memory they take several times as much."""


class Known:
    """What was not asked for longest goes first. Says nothing of whether a recording is still the same."""

    def __init__(self, *, chars_max: int = CHARS_MAX) -> None:
        self._chars_max = chars_max
        self._chars = 0
        self._kept: OrderedDict[str, tuple[Recording, int]] = OrderedDict()

    def get(self, media_id: str) -> Recording | None:
        kept = self._kept.get(media_id)
        if kept is None:
            return None
        self._kept.move_to_end(media_id)
        return kept[0]

    def keep(self, recording: Recording, *, size_chars: int) -> Recording:
        """In place of what is kept of it; returns it."""
        self.forget(recording.media_id)
        if size_chars <= self._chars_max // 4:
            self._kept[recording.media_id] = recording, size_chars
            self._chars += size_chars
            while self._chars > self._chars_max:
                self._chars -= self._kept.popitem(last=False)[1][1]
        return recording

    def forget(self, media_id: str) -> None:
        kept = self._kept.pop(media_id, None)
        if kept is not None:
            self._chars -= kept[1]
