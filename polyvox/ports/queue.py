"""A queue of messages that are hidden while somebody works on them, and gone when that is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message of a queue. ``receipt`` is good for this delivery only."""

    id: str
    body: str
    receipt: str


class MessageQueue(Protocol):
    """A queue that others fill; a message that is not deleted comes again after a while."""

    async def receive(self) -> list[QueuedMessage]:
        """Some messages, [] when none came for a few seconds. Raises Transient."""

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """They need not come again, though some may. Raises Transient."""

    async def extend(self, messages: Sequence[QueuedMessage], seconds: int) -> None:
        """They shall not come again for so long from now. Raises Transient."""

    async def close(self) -> None: ...
