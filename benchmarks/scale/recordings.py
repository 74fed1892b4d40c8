"""One recording on its way, and what is measured about all of them."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass

from benchmarks.scale.load import tenant_class
from polyvox.contracts import Lane


@dataclass(slots=True, eq=False)
class Recording:
    media_id: str
    tenant: str
    lane: Lane
    audio_s: float
    uploaded_s: float
    size_bytes: int
    parts_left: int = 0
    waiting_s: float = 0.0
    """Of its audio, until the words are there."""
    diarized: bool = False


class Measures:
    """Seconds, by what was measured, lane and class of tenant."""

    def __init__(self) -> None:
        self._values: defaultdict[tuple[str, str, str], array[float]] = defaultdict(lambda: array("f"))
        self.counts: defaultdict[str, int] = defaultdict(int)

    def wait(self, what: str, recording: Recording, seconds: float) -> None:
        self._values[what, recording.lane, tenant_class(recording.tenant)].append(seconds)

    def count(self, what: str, amount: int = 1) -> None:
        self.counts[what] += amount

    def rows(self, what: str) -> list[tuple[str, str, array[float]]]:
        return [(lane, kind, values) for (name, lane, kind), values in sorted(self._values.items()) if name == what]

    def all_of(self, what: str, lane: str) -> list[float]:
        return [value for name, kind, values in self.rows(what) if name == lane for value in values]
