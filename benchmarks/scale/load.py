"""Who sends what: tenants, lanes, lengths. All assumptions about the load are in this file."""

from __future__ import annotations

import bisect
import itertools
import random
from dataclasses import dataclass

from polyvox.contracts import Lane

DAY_S = 86_400.0
RECORDINGS_PER_DAY = 10_000_000
PEAK = 1.5
"""A busy hour has so many times the recordings of the mean hour."""
PART_MAX_S = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """Lengths are log-normal with this median and sigma, cut at ``most_s``."""

    name: str
    share: float
    median_s: float
    sigma: float
    most_s: float
    bulk: float
    """Share of them that comes in bulk."""


KINDS = (
    Kind("notes", 0.50, 12.0, 0.8, 300.0, 0.1),
    Kind("calls", 0.40, 150.0, 0.9, 7_200.0, 0.5),
    Kind("meetings", 0.09, 1_800.0, 0.5, 4 * 3_600.0, 0.4),
    Kind("archive", 0.01, 3_600.0, 0.7, 12 * 3_600.0, 0.9),
)
CALLS = KINDS[1]

TENANTS = 400
FLOOD = "flood"


def tenant_class(tenant: str) -> str:
    """``large``: the ten largest, with half of all recordings; ``medium``: the next ninety; ``small``: the rest."""
    if tenant == FLOOD:
        return FLOOD
    rank = int(tenant[1:])
    return "large" if rank < 10 else "medium" if rank < 100 else "small"


@dataclass(frozen=True, slots=True)
class Upload:
    tenant: str
    lane: Lane
    kind: str
    audio_s: float


class Load:
    """Draws uploads. Tenants are Zipf-distributed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._tenants = list(itertools.accumulate(1.0 / (rank + 1) for rank in range(TENANTS)))
        self._kinds = list(itertools.accumulate(kind.share for kind in KINDS))

    def upload(self) -> Upload:
        rank = bisect.bisect(self._tenants, self._chance.random() * self._tenants[-1])
        kind = KINDS[bisect.bisect(self._kinds, self._chance.random() * self._kinds[-1])]
        lane: Lane = "bulk" if self._chance.random() < kind.bulk else "interactive"
        return Upload(f"t{rank}", lane, kind.name, self.length_s(kind))

    def flood(self) -> Upload:
        """One more recording of an archive of calls."""
        return Upload(FLOOD, "bulk", CALLS.name, self.length_s(CALLS))

    def length_s(self, kind: Kind) -> float:
        return min(kind.most_s, max(1.0, kind.median_s * self._chance.lognormvariate(0.0, kind.sigma)))


def parts_of(audio_s: float) -> list[float]:
    """Seconds of each part, evenly cut."""
    count = max(1, -(-int(audio_s) // int(PART_MAX_S)))
    return [audio_s / count] * count
