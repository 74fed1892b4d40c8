"""What a running Polyvox is up to, worked out from its metrics at several times. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polyvox.cli.exposition import Values
from polyvox.metrics import (
    BACKLOG_AUDIO,
    BACKLOG_RECORDINGS,
    ENGINE_AUDIO,
    ENGINE_BUSY,
    MESSAGES_DEAD_LETTERED,
    MESSAGES_IN_FLIGHT,
    MESSAGES_RETRIED,
    RECORDINGS_ENDED,
)

STAGES = {"normalise": "normaliser", "transcribe": "transcriber", "diarize": "diarizer"}
"""The worker of each stage whose work grows with the audio."""
LAST = "projection"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. ``audio_s`` waits, by lane; ``pace`` is seconds of audio a second, ``rtfx`` the same for each second
    that an engine was at it; ``eta_s`` from the pace, or, where nothing ended while it was looked at, from the speed of
    the engines at work. None: nothing moves, or nothing is known yet.
    """

    name: str
    interactive_s: float | None
    bulk_s: float | None
    recordings: int
    in_flight: int
    pace: float | None
    rtfx: float | None
    eta_s: float | None
    retried: int
    given_up: int

    @property
    def waits_s(self) -> float | None:
        return None if self.interactive_s is None or self.bulk_s is None else self.interactive_s + self.bulk_s


@dataclass(frozen=True, slots=True)
class Workload:
    """``eta_s`` is that of the stage that needs longest; ``over_s`` is how long was looked."""

    stages: tuple[Stage, ...]
    completed: int
    failed: int
    completed_per_min: float | None
    over_s: float

    @property
    def waits_s(self) -> float:
        """Audio that is yet to be transcribed, decoded or not."""
        return sum(stage.waits_s or 0.0 for stage in self.stages if stage.name in {"normalise", "transcribe"})

    @property
    def eta_s(self) -> float | None:
        waiting = [stage for stage in self.stages if stage.waits_s]
        etas = [stage.eta_s for stage in waiting if stage.eta_s is not None]
        return max(etas, default=0.0) if len(etas) == len(waiting) else None


def workload(seen: Sequence[Values]) -> Workload:
    """``seen`` from the first look to the last, at least one; rates are between the two."""
    first, last = seen[0], seen[-1]
    over_s = last.at_s - first.at_s
    ended = {outcome: last.total(RECORDINGS_ENDED.name, outcome=outcome) for outcome in ("completed", "failed")}
    done = _grown(first, last, RECORDINGS_ENDED.name, outcome="completed")
    return Workload(
        stages=(*(_stage(name, worker, first, last) for name, worker in STAGES.items()), _merging(last)),
        completed=round(ended["completed"]),
        failed=round(ended["failed"]),
        completed_per_min=None if over_s <= 0 else done / over_s * 60,
        over_s=over_s,
    )


def _stage(name: str, worker: str, first: Values, last: Values) -> Stage:
    over_s = last.at_s - first.at_s
    lanes = last.by(BACKLOG_AUDIO.name, "lane", stage=name)
    audio_s = _grown(first, last, ENGINE_AUDIO.name, stage=name)
    busy_s = _grown(first, last, ENGINE_BUSY.name, stage=name)
    if busy_s <= 0:
        # Nothing ended while it was looked at: what is known is how it went since the start.
        rtfx = _ratio(last.total(ENGINE_AUDIO.name, stage=name), last.total(ENGINE_BUSY.name, stage=name))
    else:
        rtfx = audio_s / busy_s
    pace = audio_s / over_s if over_s > 0 else None
    waits_s = sum(lanes.values())
    troubles = _troubles(worker, last)
    able = pace or (rtfx or 0.0) * troubles["in_flight"]
    return Stage(
        name=name,
        interactive_s=lanes.get("interactive", 0.0) if lanes else None,
        bulk_s=lanes.get("bulk", 0.0) if lanes else None,
        recordings=round(last.total(BACKLOG_RECORDINGS.name, stage=name)),
        pace=pace,
        rtfx=rtfx,
        eta_s=0.0 if not waits_s else (waits_s / able if able else None),
        **troubles,
    )


def _merging(last: Values) -> Stage:
    return Stage(LAST, None, None, 0, pace=None, rtfx=None, eta_s=None, **_troubles(LAST, last))


def _troubles(worker: str, last: Values) -> dict[str, int]:
    return {
        "in_flight": round(last.total(MESSAGES_IN_FLIGHT.name, worker=worker)),
        "retried": round(last.total(MESSAGES_RETRIED.name, worker=worker)),
        "given_up": round(last.total(MESSAGES_DEAD_LETTERED.name, worker=worker)),
    }


def _grown(first: Values, last: Values, name: str, **labels: str) -> float:
    """How much a counter grew. A process that was started again counts from nothing."""
    return max(last.total(name, **labels) - first.total(name, **labels), 0.0)


def _ratio(amount: float, of: float) -> float | None:
    return amount / of if of > 0 else None


def is_polyvox(values: Values) -> bool:
    """Whether these are metrics of ours at all."""
    return any(name.startswith("polyvox_") for name in values.series)
