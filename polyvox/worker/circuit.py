"""Notices when nearly everything fails for good, so that a worker stops before it empties a topic."""

from __future__ import annotations

import collections


class CircuitBreaker:
    """Opens when most of the latest outcomes are failures.

    The rule: of the last ``window`` outcomes, once there are at least ``least``, a share of
    ``share`` or more failed. A failure is a message that was given up for a reason other than
    its own content: attempts used up, a model that crashes or runs out of memory, a message
    that does not decode. Bad input (Invalid raised by a handler) is no outcome at all: users
    who upload rubbish do not stop a worker, and rubbish between failures does not hide them.
    """

    def __init__(self, *, window: int = 20, least: int = 10, share: float = 0.8) -> None:
        self._outcomes: collections.deque[bool] = collections.deque(maxlen=window)
        self._least = least
        self._share = share

    def succeeded(self) -> None:
        self._outcomes.append(True)

    def failed(self) -> None:
        self._outcomes.append(False)

    @property
    def open(self) -> bool:
        seen = len(self._outcomes)
        return seen >= self._least and self._outcomes.count(False) >= self._share * seen

    def __str__(self) -> str:
        return f"{self._outcomes.count(False)} of the last {len(self._outcomes)} messages failed for good"
