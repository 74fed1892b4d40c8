"""Which dead letters somebody means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polyvox.dead_letters.letter import DeadLetter
from polyvox.errors import Invalid


@dataclass(frozen=True, slots=True)
class Selection:
    """What is not given does not matter. ``since`` and ``until`` are when the letter was written."""

    since: datetime | None = None
    until: datetime | None = None
    code: str | None = None
    tenant: str | None = None
    media_id: str | None = None
    replayed: bool = False
    """Also those that were put back already."""

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise Invalid("no letter can match: --since is not before --until", code="bad-selection")

    def __contains__(self, letter: DeadLetter) -> bool:
        return (
            (self.replayed or not letter.replayed)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and self.code in (None, letter.code)
            and self.tenant in (None, letter.tenant)
            and self.media_id in (None, letter.media_id)
        )
