"""One recording as the database keeps it: the view of its events and what came of it. Pure.

Whatever is to be published is planned first: a settled view that differs in its basis from
what was planned before gets the next version. The plan is stored together with the view, so
what is published under a version, and when it says it was finished, is decided once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypedDict

from polyvox import keys
from polyvox.contracts import Envelope, MediaUploaded, StageFailed
from polyvox.contracts.envelope import Contract, Lane, event_id
from results_api.view import progress as progress_of
from results_api.view.fold import fold
from results_api.view.replays import current
from results_api.view.stages import basis
from results_api.view.view import Owner, RecordingView, Retake, Told

Status = Literal["queued", "processing", "completed", "failed", "deleted"]
FINAL: frozenset[Status] = frozenset({"completed", "failed", "deleted"})
ALMOST = 0.99
"""Progress of a recording whose stages have all ended and whose result is being made."""


class Outcome(Contract):
    """What was published under ``version``. ``lost``: slots whose artifact could not be read.

    ``result_key`` is where the result lies; None in what was noted before tenants had prefixes, see ``Recording``.
    """

    version: int
    result_key: str | None = None
    basis: str
    status: Literal["completed", "failed"]
    ended_at: datetime
    language: str | None = None
    failure: StageFailed | None = None
    lost: dict[str, StageFailed] = {}
    note: str | None = None
    """The span of the publication, and when it was done; see polyvox/tracing."""
    published_at: datetime | None = None
    corrections: list[str] = []
    """Ids of all that people corrected or took back by then."""


class OwnerFields(TypedDict):
    tenant: str
    lane: Lane


@dataclass(frozen=True, slots=True)
class Plan:
    """Something to publish; ``view`` is what was known when it was planned."""

    version: int
    basis: str
    view: RecordingView
    lost: Mapping[str, StageFailed] = field(default_factory=dict)

    @property
    def media_id(self) -> str:
        return self.view.media_id

    @property
    def ended_at(self) -> datetime:
        """From the events, not from a clock: publishing again says the same."""
        ended = self.view.last_progress_at
        if ended is None:
            raise ValueError(f"{self.media_id} is planned although nothing of it has ended")
        return ended

    @property
    def amended(self) -> RecordingView:
        """The view with lost artifacts as failures of their stages."""
        return without(self.view, self.lost)

    @property
    def failure(self) -> StageFailed | None:
        """Why this is published as a failure."""
        return self.lost.get("merge") or self.amended.failure


@dataclass(frozen=True, slots=True)
class Recording:
    """``revision`` grows with every change. ``created_at`` None: the upload's event has not come yet."""

    media_id: str
    view: RecordingView
    updated_at: datetime
    revision: int = 0
    created_at: datetime | None = None
    planned_version: int = 0
    planned_basis: str | None = None
    outcome: Outcome | None = None
    removed: bool = False
    """Of a deleted recording, or of one without its audio: the objects are gone and everybody was told."""

    @property
    def current(self) -> RecordingView:
        """The view that counts: with what finished replays made in place of what was there."""
        return current(self.view)

    @property
    def status(self) -> Status:
        if self.view.deleted_at is not None:
            return "deleted"
        if self.outcome and (self.outcome.status == "completed" or self.outcome_is_current):
            return self.outcome.status
        return "queued" if self.view.ready is None and not self.view.is_settled else "processing"

    @property
    def result_key(self) -> str:
        """Where the result that is shown lies. Raises ValueError: there is none."""
        if self.outcome is None or self.outcome.status != "completed":
            raise ValueError(f"{self.media_id} has no result")
        return self.outcome.result_key or keys.result(self.media_id, self.outcome.version)

    @property
    def outcome_is_current(self) -> bool:
        """Nothing came in since that would make another result."""
        return self.outcome is not None and self.current.is_settled and self.outcome.basis == basis(self.current)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def shown(self) -> RecordingView:
        """The view, with what the result had to do without as failures."""
        if self.outcome and self.outcome.lost and self.outcome_is_current:
            return without(self.current, self.outcome.lost)
        return self.current

    @property
    def failure(self) -> StageFailed | None:
        return self.outcome.failure if self.outcome and self.status == "failed" else None

    @property
    def progress(self) -> float:
        return 1.0 if self.is_final else min(progress_of.progress(self.view), ALMOST)

    @property
    def language(self) -> str | None:
        """That of the result, else what was asked for, else what most of the words so far are in."""
        if self.outcome and self.outcome.language:
            return self.outcome.language
        heard: Counter[str] = Counter()
        for told in self.current.transcribed.values():
            if told.data.language:
                heard[told.data.language] += told.data.word_count
        return self.current.options.language or max(
            heard, key=lambda language: (heard[language], language), default=None
        )

    @property
    def filename(self) -> str | None:
        name = self.view.uploaded.data.filename if self.view.uploaded else None
        # Databases keep no NUL in their texts.
        return name.replace("\0", "") if name else None


def with_event(known: Recording | None, event: Envelope[Any], now: datetime, note: str | None = None) -> Recording:
    """The recording after one more event; the very same object when that tells nothing new."""
    view = fold(known.view if known else None, event, note)
    if known is None:
        known = Recording(media_id=view.media_id, view=view, updated_at=now)
    elif view == known.view:
        return known
    if view.deleted_at is not None:
        return tombstone(known, view, now)
    changed = replace(known, view=view, updated_at=now, created_at=view.uploaded_at or known.created_at)
    counting = changed.current
    # A failure may overtake the upload on the log; what to call it comes with the upload.
    is_due = counting.is_settled and (view.ready is not None or view.uploaded is not None)
    if not is_due or basis(counting) == known.planned_basis:
        return changed
    return replace(changed, planned_version=known.planned_version + 1, planned_basis=basis(counting))


def only_plan(before: Recording | None, after: Recording) -> Plan | None:
    """What a change from ``before`` to ``after`` planned, if nothing else can be waiting to be published."""
    planned = before.planned_version if before else 0
    told = before.outcome.version if before and before.outcome else 0
    if after.planned_version != planned + 1 or told != planned or after.planned_basis is None:
        return None
    return Plan(after.planned_version, after.planned_basis, after.current)


def tombstone(known: Recording, view: RecordingView, now: datetime) -> Recording:
    """What is left of a deleted recording: names and times. ``removed`` lapses: there may be new objects."""
    return Recording(
        media_id=known.media_id,
        view=view,
        updated_at=now,
        revision=known.revision,
        created_at=known.created_at,
        planned_version=known.planned_version,
    )


def planned_again(known: Recording, now: datetime) -> Recording:
    """Publish what is known once more, as the next version."""
    return replace(known, planned_version=known.planned_version + 1, updated_at=now)


def with_outcome(known: Recording, outcome: Outcome, now: datetime) -> Recording:
    """The recording after a publication. A failure does not take a transcript away that is there."""
    shown = known.outcome
    if known.view.deleted_at is not None or (shown and shown.version >= outcome.version):
        return known
    if shown and shown.status == "completed" and outcome.status == "failed":
        return known
    return replace(known, outcome=outcome, updated_at=now)


def without(view: RecordingView, lost: Mapping[str, StageFailed]) -> RecordingView:
    """``view`` with the stages and parts in ``lost`` failed."""
    if not lost:
        return view
    time = view.last_progress_at
    assert time is not None
    told = {slot: Told[StageFailed](id=event_id(failed), time=time, data=failed) for slot, failed in lost.items()}
    kept = {part: words for part, words in view.transcribed.items() if f"transcribe/{part}" not in lost}
    return view.model_copy(
        update={
            "transcribed": kept,
            "diarized": None if "diarize" in lost else view.diarized,
            "failures": {**view.failures, **told},
            "retakes": {
                name: Retake(ready=retake.ready, failed=told[f"retake/{name}"]) if f"retake/{name}" in lost else retake
                for name, retake in view.retakes.items()
            },
        }
    )


def owner(view: RecordingView) -> OwnerFields:
    """The fields of a fact that say whose recording it is about."""
    known = view.owner or Owner()
    return {"tenant": known.tenant, "lane": "bulk" if known.lane == "bulk" else "interactive"}


def queued(upload: MediaUploaded) -> Recording:
    """An upload that was accepted and whose event has not been seen yet."""
    told = Told[MediaUploaded](id=event_id(upload), time=upload.uploaded_at, data=upload)
    view = RecordingView(media_id=upload.media_id, uploaded=told)
    return Recording(media_id=upload.media_id, view=view, updated_at=upload.uploaded_at, created_at=upload.uploaded_at)
